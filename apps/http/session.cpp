#include "apps/http/session.hpp"

#include "apps/http/render.hpp"

#include <cstring>

#include <sys/epoll.h>

namespace troupe::http {

namespace {

constexpr std::size_t first_buffer = 2'048; // most requests fit; an idle connection costs no more
// A client that goes on sending after our last answer gets this much patience before it is cut off.
constexpr std::size_t max_drained = 1 << 20;
constexpr std::chrono::milliseconds linger_time{2'000};
// A client that sends as fast as it is served must let the thread's other connections have their turn: about 100
// requests.
constexpr int steps_in_a_row = 256;

} // namespace

session::session(
  std::shared_ptr<worker> w, int fd, const tls_context* tls, std::string peer, bool loopback, bool admitted)
    : worker_{std::move(w)}, link_{fd, tls, worker_->counts.tls}, admitted_{admitted},
      scanner_{worker_->bounds().target_bytes, worker_->bounds().header_bytes},
      body_share_{worker_->body_bytes()}, peer_{std::move(peer)} {
  request_.peer = peer_;
  request_.peer_is_loopback = loopback;
}

void session::start() {
  if (!admitted_ && link_.secure())
    return close(); // a handshake only to say so is what an overloaded server cannot afford
  if (!admitted_)
    refuse({503, "too many connections"});
  else
    deadline_ = worker_->deadline(worker_->bounds().header_timeout);
  advance();
}

void session::on_ready(std::uint32_t events) {
  if (phase_ == phase::closed)
    return;
  if ((events & EPOLLOUT) != 0 || link_.secure()) // TLS may have to read before it can write, and the reverse
    awaiting_writable_ = false;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    hung_up_ = true;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0)
    reset_ = true;
  if (hung_up_ || (events & EPOLLIN) != 0 || link_.secure())
    readable_ = true;
  link_.woken(hung_up_);
  advance();
}

// ---- the machine

void session::advance() {
  if (advancing_)
    return;
  advancing_ = true;
  int steps = 0;
  while (step())
    if (++steps == steps_in_a_row) {
      advancing_ = false;
      return advance_later();
    }
  advancing_ = false;
}

// For calls from outside that must not be called back before they return.
void session::advance_later() {
  if (!advancing_) // else the loop that runs goes on
    worker_->post([self = shared_from_this()] { self->advance(); });
}

// Returns whether to go on at once.
bool session::step() {
  switch (phase_) {
  case phase::idle:
  case phase::head:
    return step_head();
  case phase::body:
    return step_body();
  case phase::sending:
    return step_send();
  case phase::taking:
    return step_take();
  case phase::streaming:
    return step_stream();
  case phase::pending:
    if (fill()) {
      if (eof_)
        left();
      return true;
    }
    if (!hung_up_ || is_gone())
      return false;
    mark_gone(); // the end stands behind more bytes than are kept
    return true;
  case phase::lingering:
    if (!fill())
      return false;
    drained_ += input().size();
    consume(input().size());
    if (eof_ || drained_ > max_drained)
      close();
    return true;
  case phase::closed:
    return false;
  }
  return false;
}

bool session::step_head() {
  auto found = scanner_.scan(input());
  using kind = head_scanner::verdict::kind;
  if (found.what == kind::refused)
    return refuse(found.why);
  if (found.what == kind::complete) {
    head_.assign(input().substr(found.begin, found.end - found.begin));
    consume(found.end);
    scanner_.reset();
    return begin();
  }
  if (eof_) {
    close();
    return false;
  }
  if (fill())
    return true;
  if (input().empty() && worker_->draining()) {
    drain();
  } else if (!input().empty() && phase_ == phase::idle) {
    phase_ = phase::head;
    deadline_ = worker_->deadline(worker_->bounds().header_timeout);
  }
  return false;
}

bool session::begin() {
  ++serial_;
  auto f = parse_head(head_, request_);
  is_head_ = request_.method == "HEAD";
  if (!f.valid)
    return refuse({400, "malformed request"});
  close_after_ = !f.keep_alive;
  if (f.expects == framing::expectation::unknown)
    return refuse({417, "Expect: only '100-continue' is understood here"});
  if (!f.chunked && f.length == 0)
    return dispatch(phase::pending);
  return begin_body(f);
}

bool session::dispatch(phase next) {
  phase_ = next;
  deadline_ = time_point::max(); // the handler's deadlines hold now
  exchange_out_ = true;
  worker_->counts.requests.add(1);
  try {
    worker_->handler().handle(exchange{shared_from_this()});
  } catch (...) {
    // The exchange was destroyed on the way here, or will be by whoever has it: that answers 500.
  }
  return true;
}

bool session::step_send() {
  if (awaiting_writable_)
    return false;
  switch (send_in_time(is_head_ ? std::string_view{} : out_body_.view())) {
  case progress::done:
    return answered();
  case progress::blocked:
    return false;
  case progress::lost:
    close();
    return false;
  }
  return false;
}

// Writes what is left of the head and the body behind it.
session::progress session::send(std::string_view body) {
  while (written_ < out_.size() + body.size()) {
    auto head_done = std::min(written_, out_.size());
    auto body_done = written_ - head_done;
    auto n = link_.write(std::string_view{out_}.substr(head_done), body.substr(body_done));
    if (n > 0) {
      written_ += static_cast<std::size_t>(n);
    } else if (n == 0) {
      awaiting_writable_ = true;
      return progress::blocked;
    } else {
      return progress::lost;
    }
  }
  return progress::done;
}

// A client that takes a byte has all the time again. One that does not has no more for being busy otherwise: over TLS
// every event of the socket leads here.
session::progress session::send_in_time(std::string_view body) {
  const auto before = written_;
  const auto how = send(body);
  const bool first = !std::exchange(stalled_, how == progress::blocked);
  if (how == progress::blocked && (first || written_ > before))
    deadline_ = worker_->deadline(worker_->bounds().write_timeout);
  return how;
}

bool session::answered() {
  if (continuing_) {
    continuing_ = false;
    phase_ = phase::body;
    deadline_ = worker_->deadline(worker_->bounds().body_timeout);
    return true;
  }
  out_body_ = {};
  if (!exchange_out_) // refused in the middle of a streamed body: whoever has the exchange may look at the request
    forget_body();
  is_head_ = false; // what is refused before its method is known gets its reason in full
  if (close_after_) {
    linger();
    return true;
  }
  phase_ = phase::idle;
  deadline_ = worker_->deadline(worker_->bounds().keep_alive);
  return true;
}

// ---- answers

bool session::refuse(const refusal& why) {
  worker_->count_refused(why.status);
  auto r = json_error(why.status, why.reason, true);
  if (why.status == 503)
    r.head += "Retry-After: 1\r\n";
  render(std::move(r));
  return true;
}

void session::render(response&& r) {
  out_body_ = may_have_body(r.status) ? std::move(r.body) : blob{};
  auto length = static_cast<std::int64_t>(out_body_.view().size());
  if (r.declared_length >= 0) {
    length = r.declared_length;
    close_after_ = true;
  }
  if (r.close)
    close_after_ = true;
  start_answer(r.status, r.head, length);
  phase_ = phase::sending;
}

void session::start_answer(int status, std::string_view lines, std::int64_t length) {
  if (worker_->draining())
    close_after_ = true;
  // A client so slow that "100 Continue" is still under way gets that first.
  const auto before = std::exchange(continuing_, false) ? out_.substr(written_) : std::string{};
  render_head(
    out_, {status, worker_->date_line(), lines, length, close_after_, request_.version == 10 && !close_after_});
  if (!before.empty()) {
    out_.insert(0, before);
    deadline_ = worker_->deadline(worker_->bounds().write_timeout);
  }
  written_ = 0;
}

void session::settle() {
  exchange_out_ = false;
  worker_->counts.settled.add(1);
  on_gone_ = nullptr;
  request_.attached.reset();
}

void session::deliver(response&& r) {
  settle();
  if (!is_open())
    return;
  leave_body();
  render(std::move(r));
  advance();
}

void session::drop() {
  if (is_open() || phase_ == phase::closed) // else the server has answered in the middle of its body
    worker_->count_refused(500);
  deliver(json_error(500, "Internal Error", true));
}

void session::reset() {
  settle();
  leave_body();
  if (phase_ != phase::closed)
    cut();
}

void session::watch(std::uint64_t serial, std::function<void()> fn) {
  if (serial != serial_ || !exchange_out_)
    return;
  on_gone_ = std::move(fn);
  if (is_gone())
    worker_->post([self = shared_from_this(), serial] {
      if (serial == self->serial_ && self->exchange_out_ && self->on_gone_)
        std::exchange(self->on_gone_, nullptr)();
    });
}

void session::later(std::chrono::milliseconds delay, std::function<void(exchange)> fn) {
  later_ = std::move(fn);
  if (!later_timer_)
    later_timer_.emplace(worker_->context().get_executor());
  later_timer_->expires_after(delay);
  later_timer_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    auto run = std::exchange(self->later_, nullptr);
    if (!error && run)
      run(exchange{self});
  });
}

// ---- the socket

// Reads what there is room for. Returns whether there is something new: bytes, or the end.
bool session::fill() {
  if (!readable_ || eof_)
    return false;
  if (in_begin_ == in_end_)
    in_begin_ = in_end_ = 0;
  if (in_end_ == in_.size() && in_begin_ > 0) {
    std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
    in_end_ -= std::exchange(in_begin_, 0);
  }
  if (in_end_ == in_.size()) {
    auto most = std::max(worker_->bounds().header_bytes, first_buffer);
    in_.resize(std::min(std::max(first_buffer, in_.size() * 2), most));
    if (in_end_ == in_.size())
      return false; // full: a client that pipelines against a pending answer is read again once that is sent
  }
  auto room = in_.size() - in_end_;
  auto got = link_.read(in_.data() + in_end_, room);
  switch (got.what) {
  case received::kind::bytes:
    in_end_ += got.count;
    if (got.drained)
      readable_ = false;
    return true;
  case received::kind::nothing:
    readable_ = false;
    return false;
  case received::kind::clear_text:
    return refuse({400, "this port speaks HTTPS, the request came as plain HTTP"});
  case received::kind::end:
    eof_ = true;
    return true;
  case received::kind::lost:
    eof_ = broken_ = true;
    return true;
  }
  return false;
}

// The client has left while its answer is pending.
void session::left() {
  mark_gone();
  if (broken_) // only an end-of-file leaves a client that may still be listening
    close();
}

void session::mark_gone() {
  if (gone_.exchange(true, std::memory_order_relaxed) || !exchange_out_)
    return;
  worker_->counts.gone.add(1);
  if (on_gone_)
    std::exchange(on_gone_, nullptr)();
}

void session::linger() {
  if (eof_)
    return close();
  link_.finish_sending();
  phase_ = phase::lingering;
  deadline_ = worker_->deadline(linger_time);
  consume(input().size());
}

void session::close(bool reset) {
  if (phase_ == phase::closed)
    return;
  phase_ = phase::closed;
  deadline_ = time_point::max();
  worker_->unwatch(link_.descriptor());
  link_.close(reset || (stream_ && !chunks_out_)); // what ends with the connection must not seem complete
  out_body_ = {};                                  // the worker, or an exchange, may keep us for a while
  worker_->remove(where_, admitted_);
  mark_gone();
  end_body(body_end::gone);
  cut_stream();
}

void session::expire() {
  switch (phase_) {
  case phase::head:
    refuse({408, "the request's header fields took too long"});
    return advance();
  case phase::body:
    refuse({408, "the request's body took too long"});
    return advance();
  case phase::taking:
    fail_body({408, "the request's body took too long"}, body_end::too_slow);
    return advance();
  case phase::sending: // the client reads no more
  case phase::streaming:
    return cut();
  case phase::pending:
  case phase::closed:
    return;
  case phase::idle:
  case phase::lingering:
    return close();
  }
}

void session::drain() {
  if (stream_)
    return stream_->drain();
  if (phase_ != phase::idle)
    return;
  // A request may be in the socket already: its event will come, and its answer will be the last.
  if (!link_.has_more())
    close();
}

void session::abort() {
  later_ = nullptr;
  if (later_timer_)
    later_timer_->cancel();
  close();
}

} // namespace troupe::http
