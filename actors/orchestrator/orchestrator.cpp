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

void start_life(self_ptr self, orchestrator_state::slot& s, bool on_probation) {
  const auto generation = s.policy.started();
  s.life = s.spec.spawn(self->system(), generation, on_probation);
  self->monitor(s.life);
}

// Takes leave of the slot's policy; starts a new life when this is the probe of a dead one.
restart_policy::leave take_leave(self_ptr self, std::size_t slot) {
  auto& s = self->state.slots[slot];
  const auto leave = s.policy.may_call(now(self));
  if (leave == restart_policy::leave::probe && !s.life) {
    self->state.settings.log->info("Provider {} is restarted on probation", s.spec.name);
    start_life(self, s, true);
  }
  return leave;
}

void wake(self_ptr self) {
  auto& s = self->state;
  wake_at(self, s.tick, s.patience.next());
  wake_at(self, s.tick, s.answers.next());
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
void on_failure(self_ptr self, std::uint64_t call, error e);

void ask(self_ptr self, std::uint64_t id, request& r, std::size_t place, bool probe) {
  auto& s = self->state;
  const auto slot = r.slots[place];
  auto& to = s.slots[slot];
  const auto call = ++s.last_call;
  const auto t = now(self);
  const auto left = std::max(std::chrono::duration_cast<microseconds>(r.deadline - t), microseconds{0});
  ++to.calls;
  const orchestrator_state::asked asked{id, place, slot, to.policy.generation(), probe, t, t + left + grace};
  s.calls.emplace(call, asked);
  s.answers.add(asked.until, call);
  wake(self);
  r.reports[place].attempts = 1;
  self->request(to.life, caf::infinite, provider_call{asked.generation, r.what, left.count()})
    .then([self, call](const provider_answer& answer) { on_answer(self, call, answer); },
      [self, call](const caf::error& e) { on_failure(self, call, from_caf(e)); });
}

// Runs one step of the plan: `step` gets the gate and says whom to ask.
template <class Step>
void advance(self_ptr self, std::uint64_t id, request& r, Step step) {
  std::vector<bool> probes(r.slots.size());
  const auto chosen = step([&](std::size_t place) {
    const auto leave = take_leave(self, r.slots[place]);
    probes[place] = leave == restart_policy::leave::probe;
    return leave != restart_policy::leave::no;
  });
  for (const auto place : chosen)
    ask(self, id, r, place, probes[place]);
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

// Answers the request if its plan is done; starts the merge's patience if it is not.
void settle(self_ptr self, std::uint64_t id) {
  auto& s = self->state;
  const auto it = s.requests.find(id);
  if (it == s.requests.end())
    return;
  auto& r = it->second;
  if (r.plan.starts_patience()) {
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
  s.patience.remove(r.patience_until, id);
  s.requests.erase(it);
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
  const auto ended = close(s, call);
  if (!ended)
    return;
  const auto& a = *ended;
  auto& slot = s.slots[a.slot];
  slot.busy_us += answer.elapsed_us;
  if (a.probe && slot.policy.probe_succeeded(a.generation))
    s.settings.log->info("Circuit of {} closed", slot.spec.name);
  const auto it = s.requests.find(a.request);
  if (it == s.requests.end())
    return; // answered without it: it was late
  auto& r = it->second;
  auto& report = r.reports[a.place];
  report.code = ec::none;
  report.elapsed_us = answer.elapsed_us;
  report.attempts = answer.attempts;
  report.records = static_cast<std::int32_t>(answer.found->count());
  r.found[a.place] = answer.found;
  advance(
    self, a.request, r, [&](const plan::gate& gate) { return r.plan.answered(a.place, answer.found->count(), gate); });
  settle(self, a.request);
}

void on_failure(self_ptr self, std::uint64_t call, error e) {
  auto& s = self->state;
  const auto ended = close(s, call);
  if (!ended)
    return; // its provider's DOWN was quicker
  const auto& a = *ended;
  auto& slot = s.slots[a.slot];
  ++slot.failures;
  if (a.probe && !info(e.code).trips_circuit)
    slot.policy.probe_cancelled(a.generation);
  const auto it = s.requests.find(a.request);
  auto* r = it == s.requests.end() ? nullptr : &it->second;
  log_failure(self, r, a, e);
  if (r == nullptr)
    return;
  auto& report = r->reports[a.place];
  report.code = e.code;
  report.detail = std::move(e.message);
  report.elapsed_us = us(now(self) - a.since);
  advance(self, a.request, *r, [&](const plan::gate& gate) { return r->plan.failed(a.place, gate); });
  settle(self, a.request);
}

// A provider died: the slot closes first, then whoever still waits for that life is told.
void on_down(self_ptr self, const caf::down_msg& down) {
  auto& s = self->state;
  const auto dead = std::find_if(
    s.slots.begin(), s.slots.end(), [&](const auto& slot) { return slot.life && slot.life.address() == down.source; });
  if (dead == s.slots.end())
    return;
  dead->life = nullptr;
  const auto index = static_cast<std::size_t>(std::distance(s.slots.begin(), dead));
  const auto generation = dead->policy.generation();
  if (dead->policy.died(generation, now(self)))
    s.settings.log->warn("Circuit of {} opened: {}", dead->spec.name, from_caf(down.reason).message);
  std::vector<std::uint64_t> lost;
  for (const auto& [call, a] : s.calls)
    if (a.slot == index && a.generation == generation)
      lost.push_back(call);
  for (const auto call : lost)
    on_failure(self, call, {ec::circuit_tripped, "the provider went down with this call under way"});
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
    on_failure(self, call, {ec::deadline_exceeded, "the provider's actor did not answer"});
  wake(self);
}

caf::typed_response_promise<outcome> start(self_ptr self, fetch& f) {
  auto& s = self->state;
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
  const auto places = known->providers.size();
  const auto id = ++s.last_request;
  auto& r = s.requests
              .emplace(id, request{promise, std::move(f.what), f.how, &*known, {}, plan{f.how, places},
                             now(self) + microseconds{f.remaining_us}, {}, provider_reports(places),
                             std::vector<records_ptr>(places)})
              .first->second;
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
    out.push_back({"troupe_provider_busy_microseconds_total", who, true, slot.busy_us});
    out.push_back({"troupe_circuit_trips_total", who, true, static_cast<std::int64_t>(slot.policy.trips())});
    for (const auto state : {circuit_state::closed, circuit_state::open, circuit_state::half_open})
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
    s.slots.push_back({spec, restart_policy{spec.open}, {}, 0, 0, 0});
  for (auto& slot : s.slots)
    start_life(self, slot, false);
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
    for (const auto& slot : self->state.slots)
      if (slot.life)
        self->send_exit(slot.life, stop.reason);
    self->quit(stop.reason);
  });
  return {
    [self](fetch& f) { return start(self, f); },
    [self](tick_atom) { tick(self); },
    [self](stats_atom) { return report(self); },
  };
}

} // namespace troupe
