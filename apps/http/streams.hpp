// Bodies that are not held whole: a request's, handed over in parts as they arrive, and an answer's, written in parts
// as they come to be. Both are bounded in both directions: nothing arrives that was not granted, nothing is taken from
// a writer that the buffer has no room for.
//
// Invariants: whoever consumes or writes hears of the end exactly once, also when the client leaves, and the calls
// below are made on the connection's I/O thread, one at a time, never from within a call into this interface (but
// once the server has stopped). They must not block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace troupe::http {

class outgoing;
class session;

/// Bytes of one streamed answer that wait for its client at most, and what a consumer of a body usually grants.
inline constexpr std::size_t stream_buffer = std::size_t{256} << 10;

// ---- a request's body

/// How a streamed body ended.
enum class body_end : std::uint8_t {
  complete,  ///< all of it was handed over; the exchange is still to be answered
  too_large, ///< beyond handler::max_body; the client has been answered 413
  too_slow,  ///< beyond limits::body_timeout, pauses not counted; the client has been answered 408
  malformed, ///< its chunked coding is broken; the client has been answered 400
  gone,      ///< the client left, the server stops, or the consumer threw: the client has been answered 500 then
};

/// Who takes a body that handler::streams_body() asked for. Let go as soon as the body has ended or the exchange has
/// been answered, whichever is first; an exchange that it holds may be answered at any moment.
class body_consumer {
public:
  virtual ~body_consumer() = default;

  /// The next bytes, transfer coding removed: at least one, never more than is granted. Gone when this returns. An
  /// exception answers 500 and ends the body.
  virtual void on_part(std::string_view bytes) = 0;

  /// The last call; none comes once the exchange has been answered. After anything but `complete` the answer has been
  /// given: the exchange is to be answered or dropped all the same, and nothing is sent.
  virtual void on_end(body_end how) = 0;
};

/// The right to ask for more of one body: from any thread, after its end too. May outlive the server.
class body_flow {
public:
  body_flow() = default;

  /// Allows so many more bytes to be handed over. With nothing granted the socket is not read on: beside what is in the
  /// kernel at most limits::header_bytes wait, time does not count against the client, and that it has left is seen
  /// when it reset the connection, otherwise with the next grant. The end of a chunked body is read with a grant too.
  void grant(std::size_t bytes) const;

private:
  friend class exchange; // makes them
  body_flow(std::shared_ptr<session> s, std::uint64_t serial) noexcept : session_{std::move(s)}, serial_{serial} {}

  std::shared_ptr<session> session_;
  std::uint64_t serial_ = 0;
};

// ---- an answer's body

/// What became of a write.
enum class wrote : std::uint8_t {
  taken,    ///< all of it
  full,     ///< nothing of it: the buffer has no room for it; stream_calls::on_room tells when it has
  too_long, ///< nothing of it: more than stream_buffer at once
  over,     ///< nothing of it, nor of anything later: nobody reads this answer
};

/// What the writer of a streamed answer is told. Each may be empty. They are let go when the stream is over; one that
/// has begun may still run when the stream is ended by another thread.
struct stream_calls {
  std::function<void()> on_room;  ///< after a write that found the buffer full: half of it is free
  std::function<void()> on_over;  ///< once, unless ended before: the client has left (an end-of-file counts), took no
                                  ///< byte for limits::write_timeout, asked for the head alone, or the server stops
  std::function<void()> on_drain; ///< once: the server wants to stop; what is still open at its deadline is cut off
};

/// The right to write one answer's body: parts, then end(). From any thread, by one at a time. Movable. Dropped without
/// end() the connection is closed, after what was written, so that the client sees an answer that is cut off. May
/// outlive the server.
class answer_stream {
public:
  answer_stream() = default;
  answer_stream(answer_stream&&) noexcept = default;
  answer_stream& operator=(answer_stream&& other) noexcept;
  answer_stream(const answer_stream&) = delete;
  answer_stream& operator=(const answer_stream&) = delete;
  ~answer_stream();

  /// False once ended or moved from; then only assignment and destruction are allowed.
  [[nodiscard]] explicit operator bool() const noexcept { return out_ != nullptr; }

  /// Copies the bytes into the buffer, or none of them.
  [[nodiscard]] wrote write(std::string_view bytes);

  /// Calls `fn(true)` once all that was written before is with the kernel, `fn(false)` when the stream is over before
  /// that: within this call when it is over already (DECISIONS C-34).
  void flush(std::function<void(bool sent)> fn);

  /// The answer is complete.
  void end();

  /// Whether nobody reads this answer any more, as far as is known now.
  [[nodiscard]] bool is_over() const noexcept;

  /// Bytes that were written and are not with the kernel yet; never more than stream_buffer.
  [[nodiscard]] std::size_t buffered() const noexcept;

private:
  friend class exchange; // makes them
  explicit answer_stream(std::shared_ptr<outgoing> o) noexcept : out_{std::move(o)} {}

  std::shared_ptr<outgoing> out_;
};

} // namespace troupe::http
