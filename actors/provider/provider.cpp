#include "actors/provider/provider.hpp"

#include "actors/timer/timer.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <exception>
#include <vector>

namespace troupe {
namespace {

using self_ptr = provider_actor::stateful_pointer<provider_state>;
using call = provider_state::call;
using due = provider_state::due;
using std::chrono::microseconds;

// The limiter and the client keep their own deadlines; this only bounds the wait for an actor that is at fault.
constexpr microseconds grace = std::chrono::milliseconds{500};

// Retries that a quiet provider may have a second (Finagle's default).
constexpr int retry_floor = 10;

microseconds remaining(self_ptr self, const call& c) {
  return std::max(std::chrono::duration_cast<microseconds>(c.deadline - self->clock().now()), microseconds{0});
}

// The time until which a permit is of use: one that comes at the last moment is a token for a call that cannot end in
// time, and under overload, when everybody is served just before the deadline, nearly every token would go that way.
microseconds time_for_permit(self_ptr self, const call& c) {
  constexpr microseconds least = std::chrono::milliseconds{20}; // a quick answer over a network
  const auto left = remaining(self, c);
  return left - std::min(left / 2, std::max(least, 2 * self->state.typical));
}

http_request build(self_ptr self, std::uint64_t attempt, const call& c) {
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
  request.id = attempt;
  request.owner = cfg.api->name;
  request.generation = self->state.generation;
  return request;
}

call_costs costs_of(self_ptr self, const call& c) {
  const auto& s = self->state;
  const auto now = self->clock().now();
  return {c.made, c.hedged ? 1 : 0, c.hedge_won, c.retry_refused, c.aborted, s.retries->left(now), s.hedges->left(now)};
}

provider_answer refusal(const provider_state& s, ec code, std::string detail, call_costs costs) {
  provider_answer a;
  a.generation = s.generation;
  a.costs = costs;
  a.code = code;
  a.detail = std::move(detail);
  return a;
}

// Nobody is left waiting.
void answer_everybody(self_ptr self) {
  auto& s = self->state;
  for (auto& [id, c] : s.calls)
    c.promise.deliver(
      refusal(s, ec::circuit_tripped, "the circuit tripped while this call was under way", costs_of(self, c)));
  s.calls.clear();
}

// The circuit trips, and this life ends. Transfers and permits go with it, by DOWN.
void die(self_ptr self) {
  answer_everybody(self);
  self->quit(make_error(ec::circuit_tripped));
}

void quit_when_drained(self_ptr self) {
  if (self->state.draining && self->state.calls.empty())
    self->quit(make_error(ec::circuit_tripped));
}

void drain(self_ptr self) {
  auto& s = self->state;
  if (std::exchange(s.draining, true))
    return;
  self->send(s.peers.supervisor, provider_drains{s.generation});
  quit_when_drained(self);
}

// What `health` made of an answer. False: this life is over.
bool survives(self_ptr self, health::verdict v) {
  if (v == health::verdict::trip) {
    die(self);
    return false;
  }
  if (v == health::verdict::drain)
    drain(self);
  return true;
}

void wake(self_ptr self) {
  wake_at(self, self->state.tick, self->state.timers.next());
}

void unschedule(self_ptr self, std::uint64_t id, const call& c) {
  self->state.timers.remove(c.wake_at, {due::retry, id});
  self->state.timers.remove(c.wake_at, {due::hedge, id});
}

// A call has at most one of these to come: its retry, or its second attempt.
void schedule(self_ptr self, std::uint64_t id, call& c, due what, std::chrono::nanoseconds after) {
  unschedule(self, id, c);
  c.wake_at = self->clock().now() + after;
  self->state.timers.add(c.wake_at, {what, id});
  wake(self);
}

// An attempt has ended: its permit goes back. Nothing if it was known to have ended before.
std::optional<provider_state::attempt> end_attempt(self_ptr self, std::uint64_t id) {
  auto node = self->state.attempts.extract(id);
  if (node.empty())
    return std::nullopt;
  const auto a = node.mapped();
  if (a.permit != 0)
    self->send(self->state.peers.limiter, permit_release{a.permit});
  if (const auto c = self->state.calls.find(a.call); c != self->state.calls.end())
    --c->second.open;
  return a;
}

// Takes a call out of the book, and whatever of it is still under way off the wire; nothing if it has ended already.
std::optional<call> close(self_ptr self, std::uint64_t id) {
  auto& s = self->state;
  const auto it = s.calls.find(id);
  if (it == s.calls.end())
    return std::nullopt;
  auto& c = it->second;
  s.timers.remove(c.until, {due::over, id});
  unschedule(self, id, c);
  if (c.open > 0) {
    std::vector<std::uint64_t> losers;
    for (const auto& [attempt, a] : s.attempts)
      if (a.call == id)
        losers.push_back(attempt);
    for (const auto attempt : losers) {
      const auto& a = s.attempts.at(attempt);
      if (a.on_the_wire) {
        self->send(s.peers.http, http_abort{attempt});
        ++c.aborted;
      } else if (a.permit == 0) { // it waits for its permit; one that is on its way already is given back when it comes
        self->send(s.peers.limiter, permit_withdraw{attempt});
      }
      end_attempt(self, attempt);
    }
  }
  auto closed = std::move(c);
  s.calls.erase(it);
  return closed;
}

void fail_call(self_ptr self, std::uint64_t id, ec code, std::string message) {
  if (auto c = close(self, id))
    c->promise.deliver(refusal(self->state, code, std::move(message), costs_of(self, *c)));
  quit_when_drained(self);
}

void begin_attempt(self_ptr self, std::uint64_t id, bool second);

// The last open attempt of a call has failed: once more, later, or that was it.
void retry_or_fail(self_ptr self, std::uint64_t id, call& c, error e, std::int64_t retry_after_us) {
  auto& s = self->state;
  const auto now = self->clock().now();
  const failed_attempt last{
    e.code, c.made - (c.hedged ? 1 : 0), std::chrono::nanoseconds{retry_after_us * 1000}, remaining(self, c)};
  const auto wait = c.retries > 0 && c.extra > 0 && !c.probe && !s.draining
                      ? retry_wait(s.settings.retry, last, s.random())
                      : std::nullopt;
  if (!wait)
    return fail_call(self, id, e.code, std::move(e.message));
  if (!s.retries->withdraw(now)) {
    c.retry_refused = true;
    return fail_call(self, id, e.code, std::move(e.message));
  }
  --c.retries;
  --c.extra;
  schedule(self, id, c, due::retry, *wait);
}

void on_failure(self_ptr self, std::uint64_t attempt, error e, microseconds took, std::int64_t retry_after_us) {
  auto& s = self->state;
  const auto ended = end_attempt(self, attempt);
  if (!ended)
    return;
  const auto it = s.calls.find(ended->call);
  auto& c = it->second; // an attempt never outlives its call
  const auto verdict = s.health->failed(self->clock().now(), e.code, took, c.probe);
  if (verdict == health::verdict::trip) {
    // Its own error, not that of the others: it is what tripped the circuit.
    fail_call(self, ended->call, e.code, std::move(e.message));
    return die(self);
  }
  if (verdict == health::verdict::drain)
    drain(self);
  if (c.open == 0) // else the other attempt may still succeed
    retry_or_fail(self, ended->call, c, std::move(e), retry_after_us);
}

void on_found(self_ptr self, std::uint64_t attempt, records_ptr found, microseconds upstream) {
  auto& s = self->state;
  const auto ended = end_attempt(self, attempt);
  if (!ended)
    return;
  s.typical += (upstream - s.typical) / 8;
  auto c = close(self, ended->call);
  c->hedge_won = ended->second;
  const auto verdict = s.health->succeeded(self->clock().now(), upstream);
  const auto elapsed = us(self->clock().now() - c->started);
  c->promise.deliver(provider_answer{s.generation, std::move(found), elapsed, costs_of(self, *c), upstream.count(),
    ec::none, {}, ended->waited.count()});
  if (survives(self, verdict))
    quit_when_drained(self);
}

// What the mapper says of an answer ends the attempt.
void conclude(
  self_ptr self, std::uint64_t attempt, result<records_ptr> found, microseconds took, std::int64_t asked_pause_us) {
  auto& s = self->state;
  if (found)
    return on_found(self, attempt, std::move(found.value()), took);
  if (found.error().code == ec::provider_limited) // of lanes the upstream knows nothing: all of its calls wait
    self->send(s.peers.limiter, lane_pause{s.settings.api->name, asked_pause_us});
  on_failure(self, attempt, found.error(), took, asked_pause_us);
}

void judge(self_ptr self, std::uint64_t attempt, const http_response& response) {
  auto& s = self->state;
  const auto it = s.attempts.find(attempt);
  if (it == s.attempts.end())
    return;
  it->second.on_the_wire = false;
  it->second.waited = std::chrono::duration_cast<microseconds>(self->clock().now() - it->second.sent);
  const auto& c = s.calls.at(it->second.call);
  const microseconds took{response.elapsed_us};
  if (const auto code = response.code; code != ec::none) {
    // The attempt's time was cut short by the request's own deadline: that says nothing of the upstream.
    const bool cut_short =
      code == ec::provider_timeout && remaining(self, c) == microseconds{0} && took < s.settings.attempt_timeout;
    return on_failure(self, attempt, {cut_short ? ec::deadline_exceeded : code, response.detail}, took, -1);
  }
  const auto asked_pause = response.retry_after_us;
  if (const auto& later = s.settings.api->map_later) {
    unschedule(self, it->second.call, c); // its upstream has answered: a second one could not be quicker
    return later(c.what, response, remaining(self, c),
      [me = provider_actor{self}, attempt, took, asked_pause](result<records_ptr> found) {
        mapped m{attempt, ec::none, {}, nullptr, took.count(), asked_pause};
        if (found) {
          m.found = std::move(found.value());
        } else {
          m.code = found.error().code;
          m.detail = found.error().message;
        }
        caf::anon_send(me, std::move(m));
      });
  }
  conclude(self, attempt, s.settings.api->map(c.what, response), took, asked_pause);
}

void transfer(self_ptr self, std::uint64_t attempt, const permit& p) {
  auto& s = self->state;
  const auto it = s.attempts.find(attempt);
  if (it == s.attempts.end()) {
    self->send(s.peers.limiter, permit_release{p.id});
    return;
  }
  it->second.permit = p.id;
  it->second.on_the_wire = true;
  it->second.sent = self->clock().now();
  auto& c = s.calls.at(it->second.call);
  if (c.hedge_after > microseconds{0} && !c.hedged && c.made == 1 && !c.probe)
    schedule(self, it->second.call, c, due::hedge, c.hedge_after);
  self->request(s.peers.http, by_its_deadline, build(self, attempt, c))
    .then([self, attempt](const http_response& response) { judge(self, attempt, response); },
      [self, attempt](const caf::error& e) {
        auto error = from_caf(e);
        on_failure(self, attempt, {error.code, std::move(error.message)}, microseconds{0}, -1);
      });
}

// Asks for the permit of an attempt at this call; its transfer follows.
void ask_leave(self_ptr self, std::uint64_t id, bool second) {
  auto& s = self->state;
  const auto& c = s.calls.at(id);
  const auto attempt = ++s.last_attempt;
  s.attempts.emplace(attempt, provider_state::attempt{id, 0, second, false});
  const auto& api = *s.settings.api;
  self
    ->request(s.peers.limiter, by_its_deadline,
      permit_request{
        api.lane ? api.lane(c.what) : api.name, time_for_permit(self, c).count(), c.what.priority, attempt})
    .then([self, attempt](const permit& p) { transfer(self, attempt, p); },
      [self, attempt](const caf::error& e) {
        auto error = from_caf(e);
        on_failure(self, attempt, {error.code, std::move(error.message)}, microseconds{0}, -1);
      });
}

void begin_attempt(self_ptr self, std::uint64_t id, bool second) {
  auto& c = self->state.calls.at(id);
  ++c.made;
  ++c.open;
  ask_leave(self, id, second);
}

// Somebody waits for it now: what waits for a permit among what nobody waits for asks anew, among the others. A permit
// that is on its way already is given back when it comes.
void hurry(self_ptr self, std::uint64_t id) {
  auto& s = self->state;
  const auto it = s.calls.find(id);
  if (it == s.calls.end() || it->second.what.priority == priority::interactive)
    return;
  it->second.what.priority = priority::interactive;
  std::vector<std::pair<std::uint64_t, bool>> waiting;
  for (const auto& [attempt, a] : s.attempts)
    if (a.call == id && a.permit == 0)
      waiting.emplace_back(attempt, a.second);
  for (const auto& [attempt, second] : waiting) {
    self->send(s.peers.limiter, permit_withdraw{attempt});
    s.attempts.erase(attempt);
    ask_leave(self, id, second);
  }
}

// The first attempt takes longer than most: a second one, if there is budget for it.
void hedge(self_ptr self, std::uint64_t id) {
  auto& s = self->state;
  auto& c = s.calls.at(id);
  if (c.open != 1 || c.hedged || c.extra < 1 || s.draining || !s.hedges->withdraw(self->clock().now()))
    return;
  c.hedged = true;
  --c.extra;
  begin_attempt(self, id, true);
}

caf::typed_response_promise<provider_answer> start(self_ptr self, provider_call& asked) {
  auto& s = self->state;
  auto promise = self->make_response_promise<provider_answer>();
  if (asked.generation != s.generation || s.draining) {
    promise.deliver(refusal(s, ec::circuit_tripped,
      s.draining ? "this provider takes no more calls" : "meant for an earlier life of this provider", {0}));
    return promise;
  }
  const auto now = self->clock().now();
  const microseconds left{asked.remaining_us};
  call c{promise, std::move(asked.what), now, now + left, now + left + grace};
  c.retries = asked.retries;
  c.extra = asked.extra;
  c.hedge_after = microseconds{asked.hedge_after_us};
  c.probe = asked.probe;
  s.timers.add(c.until, {due::over, asked.id});
  s.calls.emplace(asked.id, std::move(c));
  wake(self);
  s.retries->deposit(now);
  s.hedges->deposit(now);
  begin_attempt(self, asked.id, false);
  return promise;
}

void tick(self_ptr self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  if (!s.tick.rang(now))
    return;
  for (const auto& [what, id] : s.timers.take_due(now)) {
    if (!s.calls.contains(id))
      continue; // ended by one before it in this list
    switch (what) {
    case due::over:
      fail_call(self, id, ec::deadline_exceeded, "neither permit nor transfer ended in time");
      break;
    case due::retry:
      begin_attempt(self, id, false);
      break;
    case due::hedge:
      hedge(self, id);
      break;
    }
  }
  wake(self);
}

} // namespace

provider_actor::behavior_type provider(
  self_ptr self, provider_settings settings, std::uint64_t generation, provider_peers peers) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.health.emplace(s.settings.health);
  s.retries.emplace(s.settings.retry_percent, s.settings.retry.attempts > 1 ? retry_floor : 0);
  s.hedges.emplace(s.settings.hedge_percent, 0);
  s.random.seed(s.settings.seed + generation);
  s.generation = generation;
  s.peers = std::move(peers);
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    answer_everybody(self);
    self->quit(stop.reason);
  });
  // A crash ends a life as a trip does (CAF quits with this error).
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    answer_everybody(self);
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      return make_error(ec::internal, e.what());
    } catch (...) {
      return make_error(ec::internal, "an exception of no known type");
    }
  });
  return {
    [self](provider_call& asked) { return start(self, asked); },
    [self](const provider_cancel& c) { fail_call(self, c.id, ec::cancelled, "nobody waits for it any more"); },
    [self](const provider_hurry& h) { hurry(self, h.id); },
    [self](provider_drain) { drain(self); },
    [self](mapped& m) {
      conclude(self, m.attempt, m.code == ec::none ? result<records_ptr>{std::move(m.found)} : fail(m.code, m.detail),
        microseconds{m.took_us}, m.retry_after_us);
    },
    [self](tick_atom) { tick(self); },
  };
}

} // namespace troupe
