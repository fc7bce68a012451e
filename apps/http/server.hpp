// The small HTTP/1.1 server beneath the bridge and the replay upstream: Boost.Beast's parser on asio, one event loop a
// thread, answers written as prerendered bytes. No CAF, and no asio in this header.
//
// Invariants: a connection answers its requests in order, one under way at a time; every exchange is answered exactly
// once (dropping one answers 500), from any thread; a message that is not beyond doubt is refused with one 400 and a
// closed connection, so nobody between us and the client can see another request in the same bytes than we do.
#pragma once

#include "apps/http/streams.hpp"
#include "messages/result.hpp"
#include "messages/types.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::http {

class session;
class tls_context;

/// What one client may take from us. Times are upper bounds, kept to within a quarter of the shortest of them.
struct limits {
  std::size_t connections = 20'000;  ///< open at once; one more is answered 503 with Retry-After
  std::size_t target_bytes = 8'192;  ///< of the request target; more is 414
  std::size_t header_bytes = 16'384; ///< of request line and header fields; more is 431
  /// Of all requests' bodies that are here at once, read or answered; one that would go beyond is answered 503 with
  /// Retry-After. Sixteen of the largest that the bridge takes.
  std::size_t body_bytes = std::size_t{256} << 20;
  std::chrono::milliseconds header_timeout{10'000}; ///< from a request's first byte to the end of its fields; 408
  std::chrono::milliseconds body_timeout{30'000};   ///< for the body, plus one second for each 64 KiB that arrive; 408
  std::chrono::milliseconds keep_alive{75'000};     ///< idle between requests; then closed without an answer
  std::chrono::milliseconds write_timeout{30'000};  ///< without the client taking a byte; then reset
};

/// One header field. The name is as sent: compare it without case.
struct field {
  std::string_view name;
  std::string_view value; ///< without the white space around it
};

/// One request as the handler sees it. Views stay valid until the exchange has been answered or dropped.
struct request {
  std::string_view method; ///< a token, as sent: methods are case-sensitive
  std::string_view target; ///< origin-form ("/a%20b?c=d"), or "*" for OPTIONS; nothing is decoded
  std::string_view path;   ///< the target up to '?', still escaped; its escapes are known to be well-formed
  std::string_view query;  ///< what follows '?', still escaped and unchecked; empty when there is none
  int version = 11;        ///< 10 or 11
  std::vector<field> fields;
  std::string_view peer;                ///< the client's IP address in text, from the socket; v4-mapped addresses as v4
  bool peer_is_loopback = false;        ///< 127.0.0.0/8 or ::1
  std::string body;                     ///< complete, transfer coding removed; empty when it is streamed
  std::shared_ptr<const void> attached; ///< the handler's own (exchange::attach); gone with the request

  /// The value of the first field of that name (any case), or nothing.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// The same, with an absent field as an empty value.
  [[nodiscard]] std::string_view value(std::string_view name) const noexcept { return find(name).value_or(""); }
  /// All values of that name joined by ", ", as RFC 9110 5.3 combines them.
  [[nodiscard]] std::string joined(std::string_view name) const;
};

/// One answer. The server adds Date, Content-Length and Connection, and leaves out what may not be sent: the body for
/// HEAD, 204 and 304 (HEAD still tells the length).
struct response {
  int status = 200;
  std::string head;                  ///< complete lines ("Content-Type: text/plain\r\n"...), sent as they are
  blob body;                         ///< shared, not copied
  bool close = false;                ///< close the connection afterwards
  std::int64_t declared_length = -1; ///< >= 0: say this Content-Length, send the body, close (a cut-off answer)
};

/// An answer `{"error":"<reason>"}` of type application/json.
[[nodiscard]] response json_error(int status, std::string_view reason, bool close = false);

/// The right to answer one request: exactly once, from any thread. Movable. Dropped unanswered it answers 500 with
/// {"error":"Internal Error"} (DECISIONS C-25), so that a lost request never hangs its client. May outlive the server.
class exchange {
public:
  exchange() = default;
  exchange(exchange&&) noexcept = default;
  exchange& operator=(exchange&& other) noexcept;
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;
  ~exchange();

  /// False once answered, reset, or moved from; then only assignment and destruction are allowed.
  [[nodiscard]] explicit operator bool() const noexcept { return session_ != nullptr; }

  [[nodiscard]] const http::request& request() const noexcept;

  /// Keeps something of the handler's with the request, such as who asks, until the request is answered.
  void attach(std::shared_ptr<const void> what);

  /// Forgets the request's body, which counts against limits::body_bytes: for whoever has understood it and may take
  /// long to answer. request().body is empty then.
  void drop_body();

  /// Starts to hand over the body that handler::streams_body() asked for, and grants the first bytes of it. Call it at
  /// most once; until then nothing of the body is read, nor a client told to send it that waits for 100-continue. A
  /// request without a body hands over none and is complete.
  body_flow take_body(std::shared_ptr<body_consumer> consumer, std::size_t granted = stream_buffer);

  /// Sends the answer. On an I/O thread within handle() nothing is posted or allocated. One that comes before the end
  /// of a streamed body ends that: the connection is closed afterwards.
  void answer(response&& r);

  /// Sends the head of an answer and gives the right to write its body part by part: in chunked transfer coding, to an
  /// HTTP/1.0 client up to the connection's end. Nothing but the head goes to HEAD and with 204 and 304: the stream is
  /// over then. `head` has no body and no declared length. The exchange is answered by this.
  [[nodiscard]] answer_stream stream(response&& head, stream_calls calls = {});

  /// Closes the connection with a TCP reset and no answer (fault injection).
  void reset();

  /// Calls `fn` on the connection's I/O thread, once, if the client leaves while this exchange is open: at once (but
  /// never from within this call) when it has left already. An end-of-file counts as leaving, though an answer is still
  /// sent to a client that only closed its sending half. Replaces an earlier callback.
  void on_gone(std::function<void()> fn);

  /// Whether the client has left, as far as is known now.
  [[nodiscard]] bool is_gone() const noexcept;

  /// Gives the exchange to `fn` on the connection's I/O thread after `delay` (or sooner, when the client leaves; never,
  /// when the server stops). At most one is pending: the exchange itself is inside.
  void after(std::chrono::milliseconds delay, std::function<void(exchange)> fn) &&;

private:
  friend class session; // makes them
  explicit exchange(std::shared_ptr<session> s) noexcept : session_{std::move(s)} {}

  std::shared_ptr<session> session_;
};

/// What answers requests. Called on the I/O threads, for several connections at once: it must not block.
class handler {
public:
  virtual ~handler() = default;

  /// Called when a request's fields are complete and a body follows: how many bytes it may have. More is answered 413,
  /// a declared length at once, without reading it.
  [[nodiscard]] virtual std::size_t max_body(const request&) const { return 0; }

  /// Called before max_body(): an answer here spares the client sending the body (404, 405, 401). The connection
  /// closes.
  [[nodiscard]] virtual std::optional<response> refuse(const request&) const { return std::nullopt; }

  /// Called after max_body(), which holds here too: whether this request's body is handed over part by part, through
  /// exchange::take_body(), rather than held whole. If so, handle() is called before the body has come.
  [[nodiscard]] virtual bool streams_body(const request&) const { return false; }

  /// A complete request, but for a streamed body. An exception ends as 500.
  virtual void handle(exchange e) = 0;
};

/// What the server has counted since its start.
struct counters {
  std::uint64_t open = 0;        ///< connections now
  std::uint64_t accepted = 0;    ///< connections in all
  std::uint64_t requests = 0;    ///< handed to the handler
  std::uint64_t in_flight = 0;   ///< handed to the handler and not answered yet
  std::uint64_t gone = 0;        ///< clients that left while their answer was pending
  std::uint64_t streams = 0;     ///< streamed answers that are not complete yet; not in flight any more
  std::uint64_t cut_streams = 0; ///< streamed answers that ended otherwise than by end(): what was left of them is lost
  /// Answers that the server gave by itself, by status: malformed, too slow, too large, too many.
  struct refusal {
    int status;
    std::uint64_t count;
  };
  std::array<refusal, 9> refused{};
  std::uint64_t tls_handshakes = 0;        ///< completed
  std::uint64_t failed_tls_handshakes = 0; ///< begun and not completed: no common ground, too slow, plain HTTP
};

/// A running server. Destroying it closes everything at once; drain() first to be kind.
class server {
public:
  /// Binds, listens and starts `threads` I/O threads (at least 1). `address` is an IP address, `port` 0 picks a free
  /// one. `h` must outlive the server. With `tls` every connection must speak TLS; a handshake counts against the time
  /// for a request's fields. Errors are one line: "127.0.0.1:8787: Address already in use".
  [[nodiscard]] static result<server> start(const std::string& address, std::uint16_t port, std::size_t threads,
    const limits& l, handler& h, std::shared_ptr<const tls_context> tls = nullptr);

  server(server&&) noexcept;
  server& operator=(server&&) noexcept;
  ~server();

  /// The port that is listened on.
  [[nodiscard]] std::uint16_t port() const noexcept;

  [[nodiscard]] counters count() const noexcept;

  /// From now on new connections get this certificate; those that are open keep theirs. For a server that was started
  /// with one.
  void replace_certificate(std::shared_ptr<const tls_context> tls);

  /// Stops accepting, closes idle connections, lets what is in flight finish (its answers say Connection: close), then
  /// stops the threads. Blocks until then, at most until `deadline` from now; what is left is cut off. Returns whether
  /// everything finished. Not to be called on an I/O thread. A second call does nothing.
  bool drain(std::chrono::milliseconds deadline);

private:
  class impl;
  explicit server(std::unique_ptr<impl> i) noexcept;

  std::unique_ptr<impl> impl_;
};

} // namespace troupe::http
