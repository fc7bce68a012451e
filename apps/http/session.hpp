// One connection: reads requests, hands them to the handler one at a time, writes the answers in order.
//
// A state machine that advance() drives: each step either makes progress or waits for an event of the socket or for
// an exchange that will call it again (events are edges: what is readable is remembered). Answers that come while
// handle() runs are picked up by the running loop, so a thousand pipelined requests use no stack. While an answer is
// pending the socket is still read: that sees the client leave, and keeps the bytes that arrive for the next request.
#pragma once

#include "apps/http/chunked.hpp"
#include "apps/http/head_parser.hpp"
#include "apps/http/outgoing.hpp"
#include "apps/http/strict.hpp"
#include "apps/http/transport.hpp"
#include "apps/http/worker.hpp"

namespace troupe::http {

class session : public std::enable_shared_from_this<session> {
public:
  /// `tls` is null for plain HTTP.
  session(std::shared_ptr<worker> w, int fd, const tls_context* tls, std::string peer, bool loopback, bool admitted);
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session() = default;

  // For the worker, on its thread.

  void place(std::list<std::shared_ptr<session>>::iterator where) noexcept { where_ = where; }
  void start();
  void on_ready(std::uint32_t events); ///< epoll's
  [[nodiscard]] time_point deadline() const noexcept { return deadline_; }
  void expire(); ///< the deadline has passed
  void drain();  ///< close if idle; else the answer under way will be the last
  void abort();  ///< close now, whatever is under way

  // For the exchange. These three from any thread:

  [[nodiscard]] worker& owner() const noexcept { return *worker_; }
  [[nodiscard]] bool is_gone() const noexcept { return gone_.load(std::memory_order_relaxed); }
  [[nodiscard]] const http::request& current() const noexcept { return request_; }
  /// Of the thread that has the exchange, which is one at a time.
  void attach(std::shared_ptr<const void> what) { request_.attached = std::move(what); }
  void forget_body();
  /// Which request of this connection is under way; changes only when no exchange is out.
  [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }

  // These on the worker's thread:

  void take_body(std::shared_ptr<body_consumer> consumer, std::size_t granted);
  void deliver(response&& r);
  void begin_stream(response&& head, std::shared_ptr<outgoing> out);
  void drop(); ///< an exchange was destroyed unanswered
  void reset();
  void watch(std::uint64_t serial, std::function<void()> fn);
  void later(std::chrono::milliseconds delay, std::function<void(exchange)> fn);

  // For a body's consumer and an answer's writer, on the worker's thread. Late calls do nothing.

  void grant(std::uint64_t serial, std::size_t bytes);
  void pump(const outgoing& from);

private:
  enum class phase : std::uint8_t {
    idle,      // between requests, nothing of the next one has arrived
    head,      // part of a head has arrived
    body,      // the head is complete, the body is not
    taking,    // the handler has the request, and its body is handed over as it comes
    pending,   // the handler has the request
    sending,   // the rendered answer is being written
    streaming, // the answer is written as it comes
    lingering, // all said; waiting for the client to close, lest a reset destroys our last answer in its buffers
    closed,
  };

  void advance();
  void advance_later();
  bool step();
  // A body that is handed over as it comes. Shared: whoever takes a part may answer, which lets go of all this.
  struct incoming {
    std::shared_ptr<body_consumer> consumer; // null until take_body()
    std::size_t granted = 0;
    bool expects_continue = false;
    bool paused = true; // nothing is granted: `patience` is what is left of the time for the body
    time_point::duration patience{};
    std::string decoded;
  };

  enum class progress : std::uint8_t { done, blocked, lost };

  bool step_head();
  bool begin();
  bool begin_body(const framing& f);
  bool step_body();
  bool keep_body(std::size_t grown);
  bool dispatch(phase next);
  bool step_send();
  progress send(std::string_view body);
  progress send_in_time(std::string_view body);
  bool answered();
  bool refuse(const refusal& why);
  void render(response&& r);
  void start_answer(int status, std::string_view lines, std::int64_t length);
  void settle();
  [[nodiscard]] bool is_open() const noexcept { return phase_ == phase::pending || phase_ == phase::taking; }

  bool step_take();
  bool ask_for_body();
  refusal take_part(incoming& in, std::string_view& part, bool& whole);
  void pause_body(incoming& in);
  void end_body(body_end how);
  bool fail_body(const refusal& why, body_end how);
  void leave_body();

  bool step_stream();
  bool write_stream();
  bool finish_stream();
  void cut_stream();

  bool fill();
  void left();
  void mark_gone();
  void linger();
  void cut() { close(true); }
  void close(bool reset = false);

  [[nodiscard]] std::string_view input() const noexcept { return {in_.data() + in_begin_, in_end_ - in_begin_}; }
  void consume(std::size_t n) noexcept { in_begin_ += n; }

  std::shared_ptr<worker> worker_; // keeps the loop, and with it the socket's services, alive
  transport link_;
  std::list<std::shared_ptr<session>>::iterator where_; // in the worker's list, until closed
  const bool admitted_;
  std::atomic<bool> gone_{false};

  phase phase_ = phase::idle;
  time_point deadline_ = time_point::max();
  bool advancing_ = false; // advance() is on the stack
  bool readable_ = false;  // the socket may have more than we have read
  bool hung_up_ = false;   // the client's last byte is in the socket: no further event, so read until the end
  bool awaiting_writable_ = false;
  bool stalled_ = false;      // the answer waits for the client to take a byte, and deadline_ for both
  bool eof_ = false;          // the client has closed its sending half
  bool broken_ = false;       // the connection is lost altogether
  bool exchange_out_ = false; // the handler has not answered yet
  bool reset_ = false;        // the connection is lost, though bytes may be left to read
  bool is_head_ = false;      // the request's method
  bool close_after_ = false;  // the answer under way is the last
  bool continuing_ = false;   // what is being sent is "100 Continue"
  bool chunked_ = false;      // the body that comes
  bool chunks_out_ = false;   // the answer that is streamed
  std::uint64_t serial_ = 0;
  std::uint64_t missing_ = 0; // of the body, when it is not chunked
  std::size_t body_bound_ = 0;
  std::size_t drained_ = 0; // bytes thrown away while lingering

  std::vector<char> in_; // [in_begin_, in_end_) has arrived and is not consumed
  std::size_t in_begin_ = 0;
  std::size_t in_end_ = 0;
  head_scanner scanner_;
  body_share body_share_;
  chunked_decoder decoder_;
  std::string head_; // of the request under way; request_'s views point into it
  http::request request_;
  std::string peer_;

  std::string out_;         // the answer's head
  blob out_body_;           // the answer's body: shared with whoever made it
  std::size_t written_ = 0; // of both together

  std::shared_ptr<incoming> incoming_; // while taking
  std::shared_ptr<outgoing> stream_;   // while streaming

  std::function<void()> on_gone_;
  std::function<void(exchange)> later_;
  std::optional<loop_timer> later_timer_;
};

} // namespace troupe::http
