#include "actors/binding/binding_book.hpp"

#include <algorithm>
#include <array>

namespace troupe {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

// What may come at once of a second's calls: a tenth of them, one at least.
constexpr std::int64_t burst_share = 10;

// A call that has less than this part of what it usually has is in a hurry.
constexpr int hurried_part = 4;

nanoseconds interval_of(const binding_settings& s) noexcept {
  return nanoseconds{s.rate > 0 ? 1'000'000'000 / s.rate : 0};
}

microseconds hurried_below(const binding_settings& s) noexcept {
  const auto usual = s.usual.count() > 0 ? std::min(s.usual, s.timeout) : s.timeout;
  return std::min(usual / hurried_part, never_hurried);
}

health_settings silence_of(const binding_settings& s) {
  health_settings out;
  out.failures = s.failures;
  out.failure_percent = 0; // silence alone, and in a row
  return out;
}

std::int64_t share_ppm(std::int64_t part, std::int64_t of) noexcept {
  return of == 0 ? 0 : part * 1'000'000 / of;
}

} // namespace

std::int64_t binding_counters::average_us() const noexcept {
  const auto calls_answered = answered.load();
  return calls_answered <= 0 ? 0 : total_us.load() / calls_answered;
}

void append(metrics& out, const binding_settings& of, const binding_counters& c) {
  const fields who{{"caller", of.caller}, {"binding", of.name}};
  const auto calls = c.calls.load();
  out.push_back({"service_binding_calls_total", who, true, calls});
  out.push_back({"service_binding_calls_successful", who, false, c.successful.load()});
  out.push_back({"service_binding_calls_failed", who, false, c.failed.load()});
  out.push_back({"service_binding_calls_cancelled", who, false, c.cancelled.load()});
  out.push_back({"service_binding_calls_refused", who, false, c.refused.load()});
  out.push_back({"service_binding_avg_response_time_microseconds", who, false, c.average_us()});
  out.push_back({"binding_failure_rate_ppm", who, false, share_ppm(c.failed.load(), calls)});
  out.push_back({"binding_timeout_rate_ppm", who, false, share_ppm(c.timeouts.load(), calls)});
  out.push_back({"circuit_breaker_trips_total", who, true, c.trips.load()});
  // S2-64: the ways between the library's services by names of their own.
  struct way {
    std::string_view caller;
    std::string_view service;
    std::string_view name;
  };
  constexpr std::array<way, 3> ways{{{"cache-warmer", "books-proxy", "cache_warmer_to_proxy_calls"},
    {"books-proxy", "isbndb", "proxy_to_isbndb_calls"}, {"cache-warmer", "isbndb", "direct_to_isbndb_calls"}}};
  for (const auto& w : ways)
    if (w.caller == of.caller && w.service == of.service)
      out.push_back({std::string{w.name}, who, false, calls});
}

binding_book::binding_book(binding_settings settings, std::shared_ptr<shared_binding> shared, std::uint64_t seed)
    : settings_{std::move(settings)}, shared_{std::move(shared)}, silence_{silence_of(settings_)} {
  const std::scoped_lock lock{shared_->guard};
  if (shared_->circuit)
    return;
  shared_->circuit.emplace(settings_.circuit, seed);
  (void)shared_->circuit->started();
}

// Under the lock.
void binding_book::note_state() noexcept {
  shared_->state.store(shared_->circuit->state(), std::memory_order_relaxed);
}

nanoseconds binding_book::tolerance() const noexcept {
  return interval_of(settings_) * (std::max<std::int64_t>(1, settings_.rate / burst_share) - 1);
}

result<binding_book::ticket> binding_book::admit(time now, microseconds remaining) {
  auto& s = *shared_;
  const std::scoped_lock lock{s.guard};
  const auto refuse = [&](ec code, std::string why) {
    s.refused.fetch_add(1, std::memory_order_relaxed);
    return fail(code, std::move(why));
  };
  if (remaining.count() <= 0)
    return refuse(ec::deadline_exceeded, settings_.name + ": no time is left for the call");
  if (s.under_way >= settings_.concurrency)
    return refuse(
      ec::overloaded, settings_.name + ": " + std::to_string(settings_.concurrency) + " calls are under way");
  auto next_due = s.next_due;
  if (settings_.rate > 0) {
    if (s.next_due - tolerance() > now)
      return refuse(
        ec::permit_refused, settings_.name + ": more than " + std::to_string(settings_.rate) + " calls a second");
    next_due = std::max(s.next_due, now) + interval_of(settings_);
  }
  const auto leave = s.circuit->may_call(now);
  note_state();
  if (leave == restart_policy::leave::no)
    return refuse(ec::circuit_open, "Circuit breaker OPEN for " + settings_.name);
  s.next_due = next_due; // what the circuit refused has used up nothing
  ++s.under_way;
  s.calls.fetch_add(1, std::memory_order_relaxed);
  const auto left = std::min(remaining, settings_.timeout);
  return ticket{
    s.circuit->generation(), now + left, left, leave == restart_policy::leave::probe, left < hurried_below(settings_)};
}

void binding_book::ended(const ticket& t, bool frees_probe) {
  const std::scoped_lock lock{shared_->guard};
  --shared_->under_way;
  if (t.probe && frees_probe)
    shared_->circuit->probe_cancelled(t.generation);
}

void binding_book::answered(const ticket& t, time now, microseconds took, ec verdict) {
  if (verdict == ec::cancelled)
    return abandoned(t, verdict);
  auto& s = *shared_;
  s.answered.fetch_add(1, std::memory_order_relaxed);
  s.total_us.fetch_add(took.count(), std::memory_order_relaxed);
  (void)silence_.succeeded(now, took);
  // The session has counted a failure; if it was one too many, its end is on its way, as it is behind circuit_tripped.
  if (info(verdict).trips_circuit || verdict == ec::circuit_tripped) {
    s.failed.fetch_add(1, std::memory_order_relaxed);
    return ended(t, t.hurried);
  }
  s.successful.fetch_add(1, std::memory_order_relaxed);
  const std::scoped_lock lock{s.guard};
  --s.under_way;
  if (t.probe)
    s.circuit->probe_succeeded(t.generation, now);
  note_state();
}

bool binding_book::silent(const ticket& t, time now, microseconds took) {
  shared_->failed.fetch_add(1, std::memory_order_relaxed);
  shared_->timeouts.fetch_add(1, std::memory_order_relaxed);
  return judge(t, now, ec::provider_timeout, took);
}

bool binding_book::malformed(const ticket& t, time now, microseconds took) {
  auto& s = *shared_;
  s.failed.fetch_add(1, std::memory_order_relaxed);
  s.answered.fetch_add(1, std::memory_order_relaxed);
  s.total_us.fetch_add(took.count(), std::memory_order_relaxed);
  return judge(t, now, ec::provider_malformed, took);
}

bool binding_book::judge(const ticket& t, time now, ec failure, microseconds took) {
  ended(t, t.hurried);
  return !t.hurried && t.generation == generation()
         && silence_.failed(now, failure, took, t.probe) == health::verdict::trip;
}

void binding_book::abandoned(const ticket& t, ec why) {
  (why == ec::cancelled ? shared_->cancelled : shared_->failed).fetch_add(1, std::memory_order_relaxed);
  ended(t, true);
}

void binding_book::opened() {
  silence_ = health{silence_of(settings_)};
}

bool binding_book::died(std::uint64_t generation, time now) {
  auto& s = *shared_;
  const std::scoped_lock lock{s.guard};
  const bool opened = s.circuit->died(generation, now);
  if (opened) {
    s.trips.fetch_add(1, std::memory_order_relaxed);
    (void)s.circuit->started(); // who else holds the binding: what dies there of the same fault is no second verdict
  }
  note_state();
  return opened;
}

std::uint64_t binding_book::generation() const {
  const std::scoped_lock lock{shared_->guard};
  return shared_->circuit->generation();
}

nanoseconds binding_book::retry_after(time now) const {
  const std::scoped_lock lock{shared_->guard};
  const nanoseconds of_rate = settings_.rate > 0 ? shared_->next_due - tolerance() - now : nanoseconds{0};
  return std::max({shared_->circuit->wait(now), of_rate, nanoseconds{0}});
}

} // namespace troupe
