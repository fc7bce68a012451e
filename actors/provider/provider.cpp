#include "actors/provider/provider.hpp"

#include "actors/timer/timer.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <exception>

namespace troupe {
namespace {

using self_ptr = provider_actor::stateful_pointer<provider_state>;
using std::chrono::microseconds;

// The limiter and the client keep their own deadlines; this only bounds the wait for an actor that is at fault.
constexpr microseconds grace = std::chrono::milliseconds{500};

microseconds remaining(self_ptr self, const provider_state::call& c) {
  return std::max(std::chrono::duration_cast<microseconds>(c.deadline - self->clock().now()), microseconds{0});
}

http_request build(self_ptr self, const provider_state::call& c) {
  const auto& cfg = self->state.settings;
  auto target = cfg.api->build(c.what, cfg.key);
  http_request request;
  request.url = cfg.url + target.target;
  request.headers = std::move(target.headers);
  if (!c.what.traceparent.empty())
    request.headers.emplace_back("traceparent", c.what.traceparent);
  const auto timeout = std::min(cfg.attempt_timeout, remaining(self, c));
  request.timeout_us = timeout.count();
  request.connect_timeout_us = std::min(cfg.connect_timeout, timeout).count();
  request.max_bytes = cfg.max_bytes;
  request.owner = cfg.api->name;
  request.generation = self->state.generation;
  return request;
}

// Nobody is left waiting.
void answer_everybody(provider_state& s) {
  for (auto& [id, c] : s.calls)
    c.promise.deliver(make_error(ec::circuit_tripped, "the circuit tripped while this call was under way"));
  s.calls.clear();
}

// The circuit trips, and this life ends. Transfers and permits go with it, by DOWN.
void die(self_ptr self) {
  answer_everybody(self->state);
  self->quit(make_error(ec::circuit_tripped));
}

// Takes a call out of the book and gives its permit back; nothing if it has ended already.
std::optional<provider_state::call> close(self_ptr self, std::uint64_t id) {
  auto node = self->state.calls.extract(id);
  if (node.empty())
    return std::nullopt;
  self->state.open.remove(node.mapped().until, id);
  if (node.mapped().permit != 0)
    self->send(self->state.limiter, permit_release{node.mapped().permit});
  return std::move(node.mapped());
}

void fail_call(self_ptr self, std::uint64_t id, error e) {
  auto c = close(self, id);
  if (!c)
    return;
  const bool enough = self->state.health->failed(e.code);
  c->promise.deliver(make_error(e.code, std::move(e.message)));
  if (enough)
    die(self);
}

// What the mapper says of an answer ends the call.
void conclude(self_ptr self, std::uint64_t id, result<records_ptr> found, std::int64_t retry_after_us) {
  auto& s = self->state;
  if (!found) {
    if (found.error().code == ec::provider_limited && retry_after_us > 0)
      self->send(s.limiter, lane_pause{s.settings.api->name, retry_after_us});
    return fail_call(self, id, found.error());
  }
  auto c = close(self, id);
  if (!c)
    return; // its time was over
  s.health->succeeded();
  const auto elapsed = us(self->clock().now() - c->started);
  c->promise.deliver(provider_answer{s.generation, std::move(found.value()), elapsed, 1});
}

void judge(self_ptr self, std::uint64_t id, const http_response& response) {
  auto& s = self->state;
  const auto it = s.calls.find(id);
  if (it == s.calls.end())
    return;
  if (const auto code = response.code; code != ec::none) {
    // The attempt's time was cut short by the request's own deadline: that says nothing of the upstream.
    const bool cut_short = code == ec::provider_timeout && remaining(self, it->second) == microseconds{0}
                           && microseconds{response.elapsed_us} < s.settings.attempt_timeout;
    return fail_call(self, id, {cut_short ? ec::deadline_exceeded : code, response.detail});
  }
  if (const auto& later = s.settings.api->map_later) {
    const auto pause = response.retry_after_us;
    return later(it->second.what, response, remaining(self, it->second),
      [me = provider_actor{self}, id, pause](result<records_ptr> found) {
        caf::anon_send(me, found ? mapped{id, ec::none, {}, std::move(found.value()), pause}
                                 : mapped{id, found.error().code, found.error().message, {}, pause});
      });
  }
  conclude(self, id, s.settings.api->map(it->second.what, response), response.retry_after_us);
}

void transfer(self_ptr self, std::uint64_t id, const permit& p) {
  auto& s = self->state;
  const auto it = s.calls.find(id);
  if (it == s.calls.end()) {
    self->send(s.limiter, permit_release{p.id});
    return;
  }
  it->second.permit = p.id;
  self->request(s.http, caf::infinite, build(self, it->second))
    .then([self, id](const http_response& response) { judge(self, id, response); },
      [self, id](const caf::error& e) { fail_call(self, id, from_caf(e)); });
}

caf::typed_response_promise<provider_answer> start(self_ptr self, provider_call& call) {
  auto& s = self->state;
  auto promise = self->make_response_promise<provider_answer>();
  if (call.generation != s.generation) {
    promise.deliver(make_error(ec::circuit_tripped, "meant for an earlier life of this provider"));
    return promise;
  }
  const auto now = self->clock().now();
  const auto id = ++s.last_call;
  ++s.started;
  const auto left = microseconds{call.remaining_us};
  const auto until = now + left + grace;
  s.calls.emplace(id, provider_state::call{promise, std::move(call.what), now, now + left, until});
  s.open.add(until, id);
  wake_at(self, s.tick, s.open.next());
  self->request(s.limiter, caf::infinite, permit_request{s.settings.api->name, left.count()})
    .then([self, id](const permit& p) { transfer(self, id, p); },
      [self, id](const caf::error& e) { fail_call(self, id, from_caf(e)); });
  return promise;
}

void tick(self_ptr self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  if (!s.tick.rang(now))
    return;
  for (const auto id : s.open.take_due(now))
    fail_call(self, id, {ec::deadline_exceeded, "neither permit nor transfer ended in time"});
  wake_at(self, s.tick, s.open.next());
}

metrics report(const provider_state& s) {
  const fields who{{"provider", s.settings.api->name}};
  return {
    {"troupe_provider_in_flight", who, false, static_cast<std::int64_t>(s.calls.size())},
    {"troupe_provider_failures_in_a_row", who, false, s.health->failures_in_a_row()},
  };
}

} // namespace

provider_actor::behavior_type provider(self_ptr self, provider_settings settings, std::uint64_t generation,
  bool on_probation, rate_limiter_actor limiter, http_client_actor http) {
  auto& s = self->state;
  s.health.emplace(settings.failures, on_probation);
  s.settings = std::move(settings);
  s.generation = generation;
  s.limiter = std::move(limiter);
  s.http = std::move(http);
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    answer_everybody(self->state);
    self->quit(stop.reason);
  });
  // A crash ends a life as a trip does (CAF quits with this error).
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    answer_everybody(self->state);
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      return make_error(ec::internal, e.what());
    } catch (...) {
      return make_error(ec::internal, "an exception of no known type");
    }
  });
  return {
    [self](provider_call& call) { return start(self, call); },
    [self](mapped& m) {
      conclude(self, m.call, m.code == ec::none ? result<records_ptr>{std::move(m.found)} : fail(m.code, m.detail),
        m.retry_after_us);
    },
    [self](tick_atom) { tick(self); },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
