// The connection's part that sends streamed answers.
#include "apps/http/render.hpp"
#include "apps/http/session.hpp"

namespace troupe::http {

namespace {

// A chunk from this size on is followed by the other connections' turn.
constexpr std::size_t long_chunk = 64 << 10;

} // namespace

void session::begin_stream(response&& head, std::shared_ptr<outgoing> out) {
  settle();
  if (!is_open()) {
    out->shut();
    worker_->post([out = std::move(out)] { out->over(false); });
    return;
  }
  leave_body();
  forget_body();
  const bool has_body = may_have_body(head.status);
  chunks_out_ = request_.version != 10;
  if (!chunks_out_ || head.close) // without chunks the body ends where the connection does
    close_after_ = true;
  if (chunks_out_ && has_body)
    head.head += "Transfer-Encoding: chunked\r\n";
  deadline_ = time_point::max();
  start_answer(head.status, head.head, -1);
  out_body_ = {};
  if (is_head_ || !has_body) {
    phase_ = phase::sending;
    out->shut();
    worker_->post([out = std::move(out)] { out->over(false); });
  } else {
    phase_ = phase::streaming;
    worker_->counts.streams_begun.add(1);
    stream_ = std::move(out);
    if (worker_->draining()) // not from within this call
      worker_->post([to = stream_] { to->drain(); });
  }
  advance_later();
}

void session::pump(const outgoing& from) {
  if (stream_.get() == &from)
    advance();
}

// Unlike a whole answer's, this client is listened to meanwhile: the next part may be far away.
bool session::step_stream() {
  if (!awaiting_writable_ && write_stream())
    return true;
  if (phase_ != phase::streaming)
    return phase_ != phase::closed;
  const bool more = fill();
  const bool unseen_end = !more && hung_up_ && !eof_; // behind more bytes than are kept
  if ((eof_ || unseen_end) && (broken_ || !stream_->is_ended())) {
    if (!gone_.exchange(true, std::memory_order_relaxed))
      worker_->counts.gone.add(1);
    close();
    return false;
  }
  return more;
}

// Returns whether to go on at once.
bool session::write_stream() {
  auto& s = *stream_;
  s.load(out_, chunks_out_);
  const auto part = s.loaded();
  const auto how = send_in_time(part);
  s.sent(written_ - std::min(written_, out_.size()));
  if (how == progress::lost) {
    close();
    return false;
  }
  if (how == progress::blocked)
    return false;
  deadline_ = time_point::max();
  const auto size = out_.size() + part.size();
  out_.clear();
  written_ = 0;
  s.unload();
  if (s.is_last() != outgoing::last::no)
    return finish_stream();
  if (size < long_chunk)
    return size > 0;
  worker_->post([self = shared_from_this()] { self->advance(); });
  return false;
}

bool session::finish_stream() {
  if (stream_->is_last() == outgoing::last::cut) {
    if (!chunks_out_) {
      cut();
      return false;
    }
    close_after_ = true;
    cut_stream();
  } else {
    worker_->counts.streams_ended.add(1);
    std::exchange(stream_, nullptr)->over(true);
  }
  return answered();
}

// What is streamed will not be completed.
void session::cut_stream() {
  if (!stream_)
    return;
  worker_->counts.streams_ended.add(1);
  worker_->counts.streams_cut.add(1);
  std::exchange(stream_, nullptr)->over(false);
}

} // namespace troupe::http
