#include "actors/orchestrator/orchestrator.hpp"

#include "actors/orchestrator/summary.hpp"
#include "actors/timer/timer.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace troupe {
namespace {

using self_ptr = orchestrator_actor::stateful_pointer<orchestrator_state>;
using request = orchestrator_state::request;
using std::chrono::microseconds;

// A provider keeps the deadline itself; this only bounds the wait for one that is at fault.
constexpr microseconds grace = std::chrono::seconds{1};

orchestrator_state::time now(self_ptr self) {
  return self->clock().now();
}

void start_life(self_ptr self, orchestrator_state::slot& s) {
  const auto generation = s.policy.started();
  s.life = s.spec.spawn(self->system(), caf::actor_cast<orchestrator_actor>(self), generation);
  self->monitor(s.life);
}

// Takes leave of the slot's policy (an open circuit costs this look and nothing more); starts a new life when this is
// the probe of a dead one.
restart_policy::leave take_leave(self_ptr self, std::size_t slot) {
  auto& s = self->state.slots[slot];
  const auto leave = s.policy.may_call(now(self));
  if (leave == restart_policy::leave::probe && !s.life) {
    self->state.settings.log->info("Provider {} is restarted on probation", s.spec.name);
    start_life(self, s);
  }
  return leave;
}

void wake(self_ptr self) {
  auto& s = self->state;
  wake_at(self, s.tick, s.patience.next());
  wake_at(self, s.tick, s.answers.next());
}

// A receiver that is down is a provider here, and nothing else.
error down_or(error e) {
  return e.code == ec::cancelled ? error{ec::circuit_tripped, "the provider went down"} : std::move(e);
}

// Takes a call out of the book; nothing if it has ended already.
std::optional<orchestrator_state::asked> close(orchestrator_state& s, std::uint64_t call) {
  auto node = s.calls.extract(call);
  if (node.empty())
    return std::nullopt;
  s.answers.remove(node.mapped().until, call);
  return node.mapped();
}

void on_answer(self_ptr self, std::uint64_t call, const provider_answer& answer);
void on_failure(self_ptr self, std::uint64_t call, error e, const call_costs& costs);

// Its fair share of what the request has left: what it does not use it gives back.
void share_out(
  request& r, orchestrator_state::asked& a, std::size_t asked_at_once, bool may_hedge, const orchestrator_settings& s) {
  const auto fair = [&](int left) {
    return (left + static_cast<int>(asked_at_once) - 1) / static_cast<int>(asked_at_once);
  };
  a.retries = fair(r.retries);
  a.extra = a.retries + (may_hedge ? 1 : 0);
  if (s.calls > 0) {
    a.extra = std::min(a.extra, fair(r.calls));
    a.retries = std::min(a.retries, a.extra);
    r.calls -= a.extra;
  }
  r.retries -= a.retries;
}

// What a call did not use of its share.
void give_back(const orchestrator_settings& s, request& r, const orchestrator_state::asked& a, const call_costs& used) {
  const auto extra = std::max(0, used.attempts - 1);
  r.retries += std::clamp(a.retries - (extra - used.hedges), 0, a.retries);
  r.calls += s.calls > 0 ? std::clamp(a.extra - extra, 0, a.extra) : 0;
}

void ask(self_ptr self, std::uint64_t id, request& r, std::size_t place, bool probe, std::size_t asked_at_once) {
  auto& s = self->state;
  const auto slot = r.slots[place];
  auto& to = s.slots[slot];
  const auto call = ++s.last_call;
  const auto t = now(self);
  auto left = std::max(std::chrono::duration_cast<microseconds>(r.deadline - t), microseconds{0});
  if (probe) // while it is under way everybody else is refused
    left = std::min(left, to.spec.probe_patience);
  ++to.calls;
  const auto slow =
    to.spec.hedge_percentile > 0 && !probe ? to.latency.quantile(to.spec.hedge_percentile) : std::nullopt;
  orchestrator_state::asked asked{id, place, slot, to.policy.generation(), 0, 0, probe, t, t + left + grace};
  if (!probe)
    share_out(r, asked, asked_at_once, slow.has_value(), s.settings);
  s.calls.emplace(call, asked);
  s.answers.add(asked.until, call);
  wake(self);
  r.reports[place].attempts = 1;
  provider_call out{asked.generation, call, r.what, left.count(), asked.retries, asked.extra,
    slow.value_or(microseconds{0}).count(), probe};
  self->request(to.life, by_its_deadline, std::move(out))
    .then([self, call](const provider_answer& answer) { on_answer(self, call, answer); },
      [self, call](const caf::error& e) { on_failure(self, call, down_or(from_caf(e)), {}); });
}

// Runs one step of the plan: `step` gets the gate and says whom to ask.
template <class Step>
void advance(self_ptr self, std::uint64_t id, request& r, Step step) {
  const bool bounded = self->state.settings.calls > 0;
  std::vector<bool> probes(r.slots.size());
  const auto chosen = step([&](std::size_t place) {
    if (bounded && r.calls < 1) {
      r.reports[place].code = ec::permit_refused;
      r.reports[place].detail = "the request has used up its calls";
      return false;
    }
    const auto leave = take_leave(self, r.slots[place]);
    probes[place] = leave == restart_policy::leave::probe;
    r.calls -= bounded && leave != restart_policy::leave::no ? 1 : 0;
    return leave != restart_policy::leave::no;
  });
  auto asked_at_once = chosen.size();
  for (const auto place : chosen)
    ask(self, id, r, place, probes[place], asked_at_once--);
}

outcome summarise(self_ptr self, const request& r) {
  auto& s = self->state;
  auto result = summary({*r.route, r.what, r.plan, r.found}, r.reports);
  result.fetched_ms = s.settings.wall_ms();
  if (result.code == ec::all_circuits_open) {
    auto wait = std::chrono::nanoseconds::max();
    for (const auto slot : r.slots)
      wait = std::min(wait, s.slots[slot].policy.wait(now(self)));
    result.retry_after_us = us(wait);
  }
  return result;
}

void forget(orchestrator_state& s, std::unordered_map<std::uint64_t, request>::iterator it) {
  s.patience.remove(it->second.patience_until, it->first);
  s.by_asker.erase(it->second.from);
  s.requests.erase(it);
}

// Answers the request if its plan is done; starts the merge's patience if it is not.
void settle(self_ptr self, std::uint64_t id) {
  auto& s = self->state;
  const auto it = s.requests.find(id);
  if (it == s.requests.end())
    return;
  auto& r = it->second;
  // Where nobody waits, the slower ones are heard too: what is warmed is to be complete.
  if (r.what.priority == priority::interactive && r.plan.starts_patience()) {
    r.patience_until = now(self) + s.settings.patience;
    s.patience.add(r.patience_until, id);
    wake(self);
  }
  if (!r.plan.done())
    return;
  auto result = summarise(self, r);
  if (result.code != ec::none) {
    auto title = r.what.route;
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
    s.settings.log->error("{} failed: {}", title, result.message); // S0-48
  }
  r.promise.deliver(std::move(result));
  forget(s, it);
}

void log_failure(self_ptr self, const request* r, const orchestrator_state::asked& a, const error& e) {
  const auto& name = self->state.slots[a.slot].spec.name;
  const char* role = r == nullptr || r->how == strategy::merge || a.place > 1 ? nullptr
                     : a.place == 0                                           ? "Primary"
                                                                              : "Secondary";
  if (role != nullptr)
    self->state.settings.log->warn("{} provider failed: {}: {}: {}", role, name, to_string(e.code), e.message);
  else
    self->state.settings.log->warn("Provider {} failed: {}: {}", name, to_string(e.code), e.message);
}

void on_answer(self_ptr self, std::uint64_t call, const provider_answer& answer) {
  auto& s = self->state;
  if (answer.code != ec::none)
    return on_failure(self, call, {answer.code, answer.detail}, answer.costs);
  const auto ended = close(s, call);
  if (!ended)
    return;
  const auto& a = *ended;
  auto& slot = s.slots[a.slot];
  slot.count(answer.costs);
  slot.durations.record(microseconds{answer.upstream_us});
  // By the clock that the second attempt waits by. The wire alone is shorter, and against a fast upstream usual calls
  // would use up the budget that is for slow ones.
  slot.latency.record(microseconds{answer.waited_us});
  if (a.probe && slot.policy.probe_succeeded(a.generation, now(self)))
    s.settings.log->info("Circuit of {} closed, step by step", slot.spec.name);
  const auto it = s.requests.find(a.request);
  if (it == s.requests.end())
    return; // answered without it: it was late
  auto& r = it->second;
  give_back(s.settings, r, a, answer.costs);
  auto& report = r.reports[a.place];
  report.code = ec::none;
  report.elapsed_us = answer.elapsed_us;
  report.attempts = answer.costs.attempts;
  report.records = static_cast<std::int32_t>(answer.found->count());
  r.found[a.place] = answer.found;
  advance(
    self, a.request, r, [&](const plan::gate& gate) { return r.plan.answered(a.place, answer.found->count(), gate); });
  settle(self, a.request);
}

void on_failure(self_ptr self, std::uint64_t call, error e, const call_costs& costs) {
  auto& s = self->state;
  const auto ended = close(s, call);
  if (!ended)
    return; // its provider's DOWN was quicker
  const auto& a = *ended;
  auto& slot = s.slots[a.slot];
  slot.count(costs);
  if (e.code != ec::cancelled)
    ++slot.failures;
  if (a.probe && !info(e.code).trips_circuit)
    slot.policy.probe_cancelled(a.generation);
  const auto it = s.requests.find(a.request);
  auto* r = it == s.requests.end() ? nullptr : &it->second;
  if (e.code != ec::cancelled)
    log_failure(self, r, a, e);
  if (r == nullptr)
    return;
  give_back(s.settings, *r, a, costs);
  auto& report = r->reports[a.place];
  report.code = e.code;
  report.detail = std::move(e.message);
  report.elapsed_us = us(now(self) - a.since);
  report.attempts = costs.attempts;
  advance(self, a.request, *r, [&](const plan::gate& gate) { return r->plan.failed(a.place, gate); });
  settle(self, a.request);
}

void opened(self_ptr self, orchestrator_state::slot& slot, const std::string& why) {
  self->state.settings.log->warn("Circuit of {} opened: {}", slot.spec.name, why);
}

// The slot closes now; the life in it takes its leave.
void vacate(orchestrator_state& s, std::size_t index) {
  auto& slot = s.slots[index];
  if (slot.life)
    s.leaving.push_back({std::exchange(slot.life, nullptr), index, slot.policy.generation()});
}

// A provider died: the slot closes first, then whoever still waits for that life is told.
void on_down(self_ptr self, const caf::down_msg& down) {
  auto& s = self->state;
  const auto dead = std::find_if(
    s.slots.begin(), s.slots.end(), [&](const auto& slot) { return slot.life && slot.life.address() == down.source; });
  if (dead != s.slots.end()) {
    vacate(s, static_cast<std::size_t>(std::distance(s.slots.begin(), dead)));
    if (dead->policy.died(dead->policy.generation(), now(self)))
      opened(self, *dead, from_caf(down.reason).message);
  }
  const auto it =
    std::find_if(s.leaving.begin(), s.leaving.end(), [&](const auto& l) { return l.life.address() == down.source; });
  if (it == s.leaving.end())
    return;
  const auto gone = *it;
  s.leaving.erase(it);
  std::vector<std::uint64_t> lost;
  for (const auto& [call, a] : s.calls)
    if (a.slot == gone.slot && a.generation == gone.generation)
      lost.push_back(call);
  for (const auto call : lost)
    on_failure(self, call, {ec::circuit_tripped, "the provider went down with this call under way"}, {});
}

// A life takes no more calls; it ends when its last one is answered.
void on_drain(self_ptr self, const provider_drains& d) {
  auto& s = self->state;
  for (std::size_t i = 0; i < s.slots.size(); ++i) {
    auto& slot = s.slots[i];
    if (!slot.life || slot.policy.generation() != d.generation
        || caf::actor_cast<caf::strong_actor_ptr>(slot.life) != self->current_sender())
      continue;
    vacate(s, i);
    if (slot.policy.died(d.generation, now(self)))
      opened(self, slot, "too many calls failed or were slow; those under way may finish");
  }
}

caf::result<circuit_report> command(self_ptr self, const circuit_order& order) {
  auto& s = self->state;
  const auto it =
    std::find_if(s.slots.begin(), s.slots.end(), [&](const auto& slot) { return slot.spec.name == order.provider; });
  if (it == s.slots.end())
    return make_error(ec::not_found, "provider: there is none named \"" + order.provider + "\"");
  auto& slot = *it;
  if (order.what == circuit_command::reset) {
    slot.policy.reset();
    if (!slot.life)
      start_life(self, slot);
  } else {
    slot.policy.trip();
    if (slot.life && order.what == circuit_command::trip)
      self->send_exit(slot.life, make_error(ec::circuit_tripped, "tripped by hand"));
    else if (slot.life)
      self->send(slot.life, provider_drain{});
    vacate(s, static_cast<std::size_t>(std::distance(s.slots.begin(), it)));
  }
  s.settings.log->info(
    "Circuit of {} {} by hand", slot.spec.name, order.what == circuit_command::reset ? "closed" : "opened");
  return circuit_report{slot.spec.name, std::string{to_string(slot.policy.state())}, slot.policy.held(),
    us(slot.policy.wait(now(self))), static_cast<std::int64_t>(slot.policy.trips())};
}

void patience_over(self_ptr self, std::uint64_t id) {
  auto& s = self->state;
  auto& r = s.requests.at(id);
  for (const auto& [call, a] : s.calls)
    if (a.request == id)
      r.reports[a.place].elapsed_us = us(now(self) - a.since); // so long we have waited for it
  r.plan.patience_over();
  settle(self, id);
}

void tick(self_ptr self) {
  auto& s = self->state;
  const auto t = now(self);
  if (!s.tick.rang(t))
    return;
  for (const auto id : s.patience.take_due(t))
    patience_over(self, id);
  for (const auto call : s.answers.take_due(t))
    on_failure(self, call, {ec::deadline_exceeded, "the provider's actor did not answer"}, {});
  wake(self);
}

// The life that has this call: the slot's, or one that takes its leave; null when it is gone.
provider_actor life_of(const orchestrator_state& s, const orchestrator_state::asked& a) {
  const auto& slot = s.slots[a.slot];
  if (slot.life && slot.policy.generation() == a.generation)
    return slot.life;
  const auto it = std::find_if(s.leaving.begin(), s.leaving.end(),
    [&](const auto& l) { return l.slot == a.slot && l.generation == a.generation; });
  return it == s.leaving.end() ? provider_actor{} : it->life;
}

// Tells every provider that is asked for a request.
template <class Word>
void tell_providers(self_ptr self, std::uint64_t id) {
  for (const auto& [call, a] : self->state.calls)
    if (a.request == id)
      if (const auto life = life_of(self->state, a))
        self->send(life, Word{call});
}

// Nobody waits any more: what is under way for it is taken off the wire.
void cancel(self_ptr self, const orchestrator_state::asker& from) {
  auto& s = self->state;
  const auto known = s.by_asker.find(from);
  if (known == s.by_asker.end())
    return; // it has been answered
  const auto id = known->second;
  const auto it = s.requests.find(id);
  outcome o;
  o.code = ec::cancelled;
  o.message = "nobody waits for it any more";
  it->second.promise.deliver(std::move(o));
  forget(s, it);
  tell_providers<provider_cancel>(self, id);
}

// Somebody waits now for what was asked ahead of need.
void hurry(self_ptr self, const orchestrator_state::asker& from) {
  auto& s = self->state;
  const auto known = s.by_asker.find(from);
  if (known == s.by_asker.end())
    return;
  const auto id = known->second;
  s.requests.at(id).what.priority = priority::interactive;
  s.settings.live->seen(now(self));
  tell_providers<provider_hurry>(self, id);
  settle(self, id); // its patience begins now, if somebody has answered
}

caf::typed_response_promise<outcome> start(self_ptr self, fetch& f) {
  auto& s = self->state;
  // First: making the promise takes the sender out of the message.
  const orchestrator_state::asker who{self->current_sender() ? self->current_sender()->id() : 0, f.id};
  auto promise = self->make_response_promise<outcome>();
  const auto known = std::find_if(
    s.settings.routes.begin(), s.settings.routes.end(), [&](const route& r) { return r.name == f.what.route; });
  if (known == s.settings.routes.end()) {
    outcome unknown;
    unknown.code = ec::bad_request;
    unknown.message = "route: there is none named \"" + f.what.route + "\"";
    promise.deliver(std::move(unknown));
    return promise;
  }
  if (f.what.priority == priority::interactive)
    s.settings.live->seen(now(self));
  const auto places = known->providers.size();
  const auto id = ++s.last_request;
  auto& r = s.requests
              .emplace(id, request{who, promise, std::move(f.what), f.how, &*known, {}, plan{f.how, places},
                             now(self) + microseconds{f.remaining_us}, {}, s.settings.retries, s.settings.calls,
                             provider_reports(places), std::vector<records_ptr>(places)})
              .first->second;
  s.by_asker.emplace(who, id);
  for (std::size_t i = 0; i < places; ++i) {
    r.reports[i].name = known->providers[i];
    r.slots.push_back(static_cast<std::size_t>(
      std::distance(s.slots.begin(), std::find_if(s.slots.begin(), s.slots.end(),
                                       [&](const auto& slot) { return slot.spec.name == known->providers[i]; }))));
  }
  advance(self, id, r, [&](const plan::gate& gate) { return r.plan.start(gate); });
  settle(self, id);
  return promise;
}

metrics report(self_ptr self) {
  const auto& s = self->state;
  metrics out{
    {"troupe_requests_in_flight", {}, false, static_cast<std::int64_t>(s.requests.size())},
    {"troupe_provider_calls_in_flight", {}, false, static_cast<std::int64_t>(s.calls.size())},
  };
  for (const auto& slot : s.slots) {
    const fields who{{"provider", slot.spec.name}};
    out.push_back({"troupe_provider_calls_total", who, true, slot.calls});
    out.push_back({"troupe_provider_failures_total", who, true, slot.failures});
    append_histogram(out, "troupe_provider_duration_microseconds", who, slot.durations);
    out.push_back({"troupe_provider_retries_total", who, true, slot.retries});
    out.push_back({"troupe_provider_retries_refused_total", who, true, slot.retries_refused});
    out.push_back({"troupe_provider_retry_budget", who, false, slot.retry_budget});
    out.push_back({"troupe_provider_hedges_total", who, true, slot.hedges});
    out.push_back({"troupe_provider_hedges_won_total", who, true, slot.hedges_won});
    out.push_back({"troupe_provider_hedge_budget", who, false, slot.hedge_budget});
    out.push_back({"troupe_provider_attempts_aborted_total", who, true, slot.aborted});
    out.push_back({"troupe_circuit_trips_total", who, true, static_cast<std::int64_t>(slot.policy.trips())});
    for (const auto state :
      {circuit_state::closed, circuit_state::open, circuit_state::half_open, circuit_state::ramping})
      out.push_back({"troupe_circuit_state", {{"provider", slot.spec.name}, {"state", std::string{to_string(state)}}},
        false, slot.policy.state() == state ? 1 : 0});
  }
  return out;
}

} // namespace

orchestrator_actor::behavior_type orchestrator(self_ptr self, orchestrator_settings settings) {
  auto& s = self->state;
  s.settings = std::move(settings);
  for (const auto& spec : s.settings.providers)
    s.slots.push_back({spec, restart_policy{spec.circuit, s.settings.seed + s.slots.size()}});
  for (auto& slot : s.slots)
    start_life(self, slot);
  self->set_down_handler([self](const caf::down_msg& down) { on_down(self, down); });
  // Whoever waits is told, and the children end with their supervisor.
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    for (auto& [id, r] : self->state.requests) {
      outcome o;
      o.code = ec::cancelled;
      o.message = "shutting down";
      r.promise.deliver(std::move(o));
    }
    self->state.requests.clear();
    self->state.by_asker.clear();
    for (const auto& slot : self->state.slots)
      if (slot.life)
        self->send_exit(slot.life, stop.reason);
    for (const auto& l : self->state.leaving)
      self->send_exit(l.life, stop.reason);
    self->quit(stop.reason);
  });
  return {
    [self](fetch& f) { return start(self, f); },
    [self](const fetch_cancel& c) {
      cancel(self, {self->current_sender() ? self->current_sender()->id() : 0, c.id});
    },
    [self](const fetch_hurry& h) {
      hurry(self, {self->current_sender() ? self->current_sender()->id() : 0, h.id});
    },
    [self](const circuit_order& order) { return command(self, order); },
    [self](const provider_drains& d) { on_drain(self, d); },
    [self](tick_atom) { tick(self); },
    [self](stats_atom) { return report(self); },
  };
}

} // namespace troupe
