// The connection's part that takes bodies, whole or in parts.
#include "apps/http/session.hpp"

#include <algorithm>
#include <limits>

namespace troupe::http {

namespace {

constexpr std::size_t kept_body = 64 << 10; // a larger body's memory is not kept for the next request

// What arriving bytes add to a body's deadline (limits::body_timeout).
std::chrono::microseconds time_for(std::size_t bytes) {
  constexpr std::int64_t bytes_a_second = 64 << 10;
  return std::chrono::microseconds{static_cast<std::int64_t>(bytes) * 1'000'000 / bytes_a_second};
}

} // namespace

// ---- whole

bool session::begin_body(const framing& f) {
  std::optional<response> early;
  bool streamed = false;
  try {
    early = worker_->handler().refuse(request_);
    if (!early) {
      body_bound_ = worker_->handler().max_body(request_);
      streamed = worker_->handler().streams_body(request_);
    }
  } catch (...) {
    return refuse({500, "Internal Error"});
  }
  if (early) {
    early->close = true;
    render(std::move(*early));
    return true;
  }
  if (!f.chunked && f.length > body_bound_)
    return refuse({413, "request body: too large"});
  chunked_ = f.chunked;
  missing_ = f.length;
  decoder_ = {};
  if (streamed) {
    incoming_ = std::make_shared<incoming>();
    incoming_->expects_continue = f.expects == framing::expectation::go_on;
    incoming_->patience = worker_->deadline(worker_->bounds().body_timeout) - worker_->now();
    return dispatch(phase::taking);
  }
  deadline_ = worker_->deadline(worker_->bounds().body_timeout);
  phase_ = phase::body;
  if (f.expects == framing::expectation::go_on && input().empty()) {
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    out_body_ = {};
    written_ = 0;
    continuing_ = true;
    phase_ = phase::sending;
  }
  return true;
}

bool session::step_body() {
  auto bytes = input();
  if (chunked_) {
    const auto before = request_.body.size();
    auto got = decoder_.feed(bytes, request_.body, body_bound_);
    consume(got.consumed);
    if (got.why)
      return refuse(got.why);
    if (!keep_body(request_.body.size() - before))
      return true;
    if (got.done)
      return dispatch(phase::pending);
  } else {
    auto n = static_cast<std::size_t>(std::min<std::uint64_t>(missing_, bytes.size()));
    request_.body.append(bytes.substr(0, n));
    consume(n);
    missing_ -= n;
    if (!keep_body(n))
      return true;
    if (missing_ == 0)
      return dispatch(phase::pending);
  }
  deadline_ += time_for(bytes.size());
  if (eof_) {
    close();
    return false;
  }
  return fill();
}

// False: there is no room for it, and the client is being told.
bool session::keep_body(std::size_t grown) {
  if (body_share_.take(grown, worker_->bounds().body_bytes))
    return true;
  forget_body();
  refuse({503, "too many request bodies at once"});
  return false;
}

void session::forget_body() {
  if (request_.body.capacity() > kept_body)
    request_.body = {};
  else
    request_.body.clear();
  body_share_.give_back();
}

// ---- in parts

void session::take_body(std::shared_ptr<body_consumer> consumer, std::size_t granted) {
  if (phase_ != phase::taking) { // there is no body, or the client has left; not told from within this call
    const auto how = phase_ == phase::pending ? body_end::complete : body_end::gone;
    auto tell = [self = shared_from_this(), serial = serial_, how, consumer] {
      if (serial == self->serial_ && self->exchange_out_)
        consumer->on_end(how);
    };
    if (!worker_->post(std::move(tell)))
      consumer->on_end(body_end::gone);
    return;
  }
  incoming_->consumer = std::move(consumer);
  grant(serial_, granted);
}

void session::grant(std::uint64_t serial, std::size_t bytes) {
  if (serial != serial_ || phase_ != phase::taking || bytes == 0)
    return;
  auto& in = *incoming_;
  in.granted += std::min(bytes, std::numeric_limits<std::size_t>::max() - in.granted);
  if (std::exchange(in.paused, false))
    deadline_ = worker_->now() + in.patience;
  advance_later();
}

// The time that the consumer takes is not the client's.
void session::pause_body(incoming& in) {
  if (!std::exchange(in.paused, true))
    in.patience = deadline_ - worker_->now();
  deadline_ = time_point::max();
}

bool session::step_take() {
  const auto in = incoming_;
  if (in->granted == 0) {
    pause_body(*in);
    if (reset_)
      close();
    return false;
  }
  if (!ask_for_body())
    return false;
  std::string_view part;
  bool whole = false;
  const auto before = input().size();
  const auto why = take_part(*in, part, whole);
  deadline_ += time_for(before - input().size());
  in->granted -= part.size();
  if (!part.empty()) {
    try {
      in->consumer->on_part(part);
    } catch (...) {
      if (phase_ == phase::taking)
        return fail_body({500, "Internal Error"}, body_end::gone);
    }
  }
  if (phase_ != phase::taking) // answered, or reset
    return true;
  if (why)
    return fail_body(why, why.status == 413 ? body_end::too_large : body_end::malformed);
  if (whole) {
    phase_ = phase::pending;
    deadline_ = time_point::max();
    end_body(body_end::complete);
    return true;
  }
  if (in->granted == 0 || !input().empty())
    return true;
  if (eof_) {
    close();
    return false;
  }
  return fill();
}

// The client that waits for it is told to send the body. False: the connection is lost.
bool session::ask_for_body() {
  if (std::exchange(incoming_->expects_continue, false) && input().empty()) {
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    written_ = 0;
    continuing_ = true;
  }
  if (!continuing_ || awaiting_writable_)
    return true;
  const auto how = send({});
  if (how == progress::lost)
    close();
  continuing_ = how == progress::blocked;
  return how != progress::lost;
}

// Takes what is granted from the bytes that have arrived. `part` is valid until more is read.
refusal session::take_part(incoming& in, std::string_view& part, bool& whole) {
  const auto bytes = input().substr(0, in.granted);
  if (!chunked_) {
    part = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(missing_, bytes.size())));
    missing_ -= part.size();
    whole = missing_ == 0;
    consume(part.size());
    return {};
  }
  in.decoded.clear();
  const auto got = decoder_.feed(bytes, in.decoded, body_bound_);
  consume(got.consumed);
  part = in.decoded;
  body_bound_ -= std::min(body_bound_, part.size());
  whole = got.done;
  return got.why;
}

// Tells the consumer the end and lets go of it.
void session::end_body(body_end how) {
  const auto in = std::exchange(incoming_, nullptr);
  if (!in || !in->consumer)
    return;
  try {
    in->consumer->on_end(how);
  } catch (...) {
    // The exchange that it had, if it has gone with it, has answered.
  }
}

bool session::fail_body(const refusal& why, body_end how) {
  refuse(why);
  end_body(how);
  return true;
}

// An answer has come before the end of the body: the rest is not wanted, and no other request can follow it.
void session::leave_body() {
  if (phase_ != phase::taking)
    return;
  incoming_.reset();
  close_after_ = true;
}

} // namespace troupe::http
