#include "apps/http/outgoing.hpp"

#include "apps/http/session.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::http {

namespace {

constexpr std::size_t kept_buffer = 16 << 10; // more than that is not kept from one chunk to the next
constexpr int hexadecimal = 16;

void append_chunk_size(std::string& out, std::size_t size) {
  char digits[2 * sizeof size];
  const auto end = std::to_chars(digits, digits + sizeof digits, size, hexadecimal).ptr;
  out.append(digits, end);
  out += "\r\n";
}

} // namespace

outgoing::outgoing(std::shared_ptr<session> s, stream_calls calls)
    : session_{std::move(s)}, calls_{std::make_shared<const stream_calls>(std::move(calls))} {}

// ---- the writer's side

// Writers that are faster than the loop find it woken: one post for all that they write meanwhile. False: the loop has
// ended, and nobody else will say that the stream is over.
bool outgoing::wake(std::unique_lock<std::mutex>& lock) {
  if (std::exchange(woken_, true))
    return true;
  lock.unlock();
  const bool woken = session_->owner().post([self = shared_from_this()] { self->session_->pump(*self); });
  lock.lock();
  over_ = over_ || !woken;
  return woken;
}

wrote outgoing::write(std::string_view bytes) {
  if (bytes.size() > stream_buffer)
    return wrote::too_long;
  std::unique_lock lock{mutex_};
  if (over_)
    return wrote::over;
  if (held_ + bytes.size() > stream_buffer) {
    wants_room_ = true;
    return wrote::full;
  }
  waiting_.append(bytes);
  held_ += bytes.size();
  written_ += bytes.size();
  return bytes.empty() || wake(lock) ? wrote::taken : wrote::over;
}

void outgoing::flush(std::function<void(bool)> fn) {
  std::unique_lock lock{mutex_};
  if (over_) {
    lock.unlock();
    return fn(false);
  }
  flushes_.emplace_back(written_, std::move(fn));
  if (wake(lock)) // also when all is sent already: somebody has to say so
    return;
  const auto waiting = std::exchange(flushes_, {});
  lock.unlock();
  for (const auto& f : waiting)
    f.second(false);
}

void outgoing::end(bool complete) {
  std::unique_lock lock{mutex_};
  ended_ = true;
  cut_ = !complete;
  if (!over_)
    wake(lock);
}

bool outgoing::is_over() const noexcept {
  const std::lock_guard lock{mutex_};
  return over_;
}

std::size_t outgoing::buffered() const noexcept {
  const std::lock_guard lock{mutex_};
  return held_;
}

// ---- the connection's side

bool outgoing::is_ended() const noexcept {
  const std::lock_guard lock{mutex_};
  return ended_;
}

void outgoing::load(std::string& head, bool chunked) {
  if (is_loaded_)
    return;
  if (part_.capacity() > kept_buffer)
    part_ = {};
  part_.clear();
  {
    const std::lock_guard lock{mutex_};
    woken_ = false;
    part_.swap(waiting_);
    if (ended_)
      last_ = cut_ ? last::cut : last::complete;
  }
  payload_ = part_.size();
  reported_ = 0;
  if (chunked && payload_ > 0) {
    append_chunk_size(head, payload_);
    part_ += "\r\n";
  }
  if (chunked && last_ == last::complete)
    part_ += "0\r\n\r\n";
  is_loaded_ = !part_.empty();
}

void outgoing::sent(std::size_t bytes) {
  const auto done = std::min(bytes, payload_);
  flushes due;
  std::shared_ptr<const stream_calls> room;
  {
    const std::lock_guard lock{mutex_};
    held_ -= done - reported_;
    const auto position = written_ - held_;
    const auto later =
      std::find_if(flushes_.begin(), flushes_.end(), [position](const auto& f) { return f.first > position; });
    due.assign(std::move_iterator{flushes_.begin()}, std::move_iterator{later});
    flushes_.erase(flushes_.begin(), later);
    if (wants_room_ && held_ <= stream_buffer / 2) {
      wants_room_ = false;
      room = calls_;
    }
  }
  reported_ = done;
  for (const auto& f : due)
    f.second(true);
  if (room && room->on_room)
    room->on_room();
}

void outgoing::drain() {
  std::shared_ptr<const stream_calls> calls;
  {
    const std::lock_guard lock{mutex_};
    if (!ended_ && !std::exchange(drained_, true))
      calls = calls_;
  }
  if (calls && calls->on_drain)
    calls->on_drain();
}

void outgoing::shut() {
  const std::lock_guard lock{mutex_};
  over_ = true;
}

void outgoing::over(bool complete) {
  std::shared_ptr<const stream_calls> calls;
  flushes waiting;
  {
    const std::lock_guard lock{mutex_};
    over_ = true;
    held_ = 0;
    waiting_ = {};
    waiting.swap(flushes_);
    calls.swap(calls_);
    if (ended_)
      calls.reset();
  }
  if (calls && calls->on_over)
    calls->on_over();
  for (const auto& f : waiting)
    f.second(complete);
}

// ---- the writer's handle

answer_stream::~answer_stream() {
  if (out_)
    out_->end(false);
}

answer_stream& answer_stream::operator=(answer_stream&& other) noexcept {
  const answer_stream old{std::move(*this)}; // destroyed at the end: cuts off its answer if that was open
  out_ = std::move(other.out_);
  return *this;
}

wrote answer_stream::write(std::string_view bytes) {
  return out_->write(bytes);
}

void answer_stream::flush(std::function<void(bool)> fn) {
  out_->flush(std::move(fn));
}

void answer_stream::end() {
  std::exchange(out_, nullptr)->end(true);
}

bool answer_stream::is_over() const noexcept {
  return out_->is_over();
}

std::size_t answer_stream::buffered() const noexcept {
  return out_->buffered();
}

} // namespace troupe::http
