#include "apps/http/outgoing.hpp"
#include "apps/http/session.hpp"

#include <utility>

namespace troupe::http {

namespace {

// Runs `f` with the session on its own thread: at once when that is this one.
template <class F>
void on_own_thread(std::shared_ptr<session> s, F f) {
  auto& owner = s->owner();
  if (owner.here())
    f(*s);
  else
    owner.post([s = std::move(s), f = std::move(f)]() mutable { f(*s); });
}

} // namespace

exchange::~exchange() {
  if (session_)
    on_own_thread(std::move(session_), [](session& s) { s.drop(); });
}

exchange& exchange::operator=(exchange&& other) noexcept {
  exchange old{std::move(*this)}; // destroyed at the end: answers if it was open
  session_ = std::move(other.session_);
  return *this;
}

const http::request& exchange::request() const noexcept {
  return session_->current();
}

void exchange::attach(std::shared_ptr<const void> what) {
  session_->attach(std::move(what));
}

void exchange::drop_body() {
  session_->forget_body();
}

body_flow exchange::take_body(std::shared_ptr<body_consumer> consumer, std::size_t granted) {
  const auto serial = session_->serial();
  auto& owner = session_->owner();
  if (owner.here())
    session_->take_body(std::move(consumer), granted);
  else if (!owner.post([s = session_, consumer, granted]() mutable { s->take_body(std::move(consumer), granted); }))
    consumer->on_end(body_end::gone);
  return {session_, serial};
}

answer_stream exchange::stream(response&& head, stream_calls calls) {
  auto out = std::make_shared<outgoing>(session_, std::move(calls));
  auto s = std::move(session_);
  auto& owner = s->owner();
  auto begin = [s = std::move(s), out, head = std::move(head)]() mutable {
    s->begin_stream(std::move(head), std::move(out));
  };
  if (owner.here())
    begin();
  else if (!owner.post(std::move(begin)))
    out->shut();
  return answer_stream{std::move(out)};
}

void exchange::answer(response&& r) {
  auto s = std::move(session_);
  if (s->owner().here())
    s->deliver(std::move(r));
  else
    on_own_thread(std::move(s), [r = std::move(r)](session& own) mutable { own.deliver(std::move(r)); });
}

void exchange::reset() {
  on_own_thread(std::move(session_), [](session& s) { s.reset(); });
}

void exchange::on_gone(std::function<void()> fn) {
  on_own_thread(session_,
    [serial = session_->serial(), fn = std::move(fn)](session& s) mutable { s.watch(serial, std::move(fn)); });
}

bool exchange::is_gone() const noexcept {
  return session_->is_gone();
}

void exchange::after(std::chrono::milliseconds delay, std::function<void(exchange)> fn) && {
  on_own_thread(
    std::move(session_), [delay, fn = std::move(fn)](session& s) mutable { s.later(delay, std::move(fn)); });
}

void body_flow::grant(std::size_t bytes) const {
  if (session_ && bytes > 0)
    on_own_thread(session_, [serial = serial_, bytes](session& s) { s.grant(serial, bytes); });
}

} // namespace troupe::http
