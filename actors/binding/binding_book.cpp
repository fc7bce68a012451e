#include "actors/binding/binding_book.hpp"

#include <algorithm>
#include <array>

namespace troupe {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

// What may come at once of a second's calls: a tenth of them, one at least.
constexpr std::int64_t burst_share = 10;

// A call that has less than this part of the binding's own time-out is in a hurry.
constexpr int hurried_part = 4;

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
      out.push_back({std::string{w.name}, {}, false, calls});
}

binding_book::binding_book(binding_settings settings, std::shared_ptr<binding_counters> counters, std::uint64_t seed)
    : settings_{std::move(settings)}, counters_{std::move(counters)}, policy_{settings_.circuit, seed},
      silence_{silence_of(settings_)} {}

void binding_book::note_state() noexcept {
  counters_->state.store(policy_.state(), std::memory_order_relaxed);
}

result<binding_book::ticket> binding_book::admit(time now, microseconds remaining) {
  const auto refuse = [this](ec code, std::string why) {
    counters_->refused.fetch_add(1, std::memory_order_relaxed);
    return fail(code, std::move(why));
  };
  if (remaining.count() <= 0)
    return refuse(ec::deadline_exceeded, settings_.name + ": no time is left for the call");
  if (under_way_ >= settings_.concurrency)
    return refuse(
      ec::overloaded, settings_.name + ": " + std::to_string(settings_.concurrency) + " calls are under way");
  auto next_due = next_due_;
  if (settings_.rate > 0) {
    const nanoseconds interval{1'000'000'000 / settings_.rate};
    const auto tolerance = interval * (std::max<std::int64_t>(1, settings_.rate / burst_share) - 1);
    if (next_due_ - tolerance > now)
      return refuse(
        ec::permit_refused, settings_.name + ": more than " + std::to_string(settings_.rate) + " calls a second");
    next_due = std::max(next_due_, now) + interval;
  }
  const auto leave = policy_.may_call(now);
  note_state();
  if (leave == restart_policy::leave::no)
    return refuse(ec::circuit_open, "Circuit breaker OPEN for " + settings_.name);
  next_due_ = next_due; // what the circuit refused has used up nothing
  ++under_way_;
  counters_->calls.fetch_add(1, std::memory_order_relaxed);
  const auto left = std::min(remaining, settings_.timeout);
  return ticket{policy_.generation(), now + left, left, leave == restart_policy::leave::probe,
    left < settings_.timeout / hurried_part};
}

void binding_book::answered(const ticket& t, time now, microseconds took, ec verdict) {
  if (verdict == ec::cancelled)
    return abandoned(t);
  --under_way_;
  counters_->answered.fetch_add(1, std::memory_order_relaxed);
  counters_->total_us.fetch_add(took.count(), std::memory_order_relaxed);
  if (t.generation == policy_.generation())
    (void)silence_.succeeded(now, took);
  if (info(verdict).trips_circuit) {
    counters_->failed.fetch_add(1, std::memory_order_relaxed);
    if (t.probe && t.hurried)
      policy_.probe_cancelled(t.generation);
    return; // the session has counted it; if it was one too many, its end is on its way
  }
  counters_->successful.fetch_add(1, std::memory_order_relaxed);
  if (t.probe)
    policy_.probe_succeeded(t.generation, now);
  note_state();
}

bool binding_book::silent(const ticket& t, time now, microseconds took) {
  --under_way_;
  counters_->failed.fetch_add(1, std::memory_order_relaxed);
  counters_->timeouts.fetch_add(1, std::memory_order_relaxed);
  return judge(t, now, ec::provider_timeout, took);
}

bool binding_book::malformed(const ticket& t, time now, microseconds took) {
  --under_way_;
  counters_->failed.fetch_add(1, std::memory_order_relaxed);
  counters_->answered.fetch_add(1, std::memory_order_relaxed);
  counters_->total_us.fetch_add(took.count(), std::memory_order_relaxed);
  return judge(t, now, ec::provider_malformed, took);
}

bool binding_book::judge(const ticket& t, time now, ec failure, microseconds took) {
  if (t.generation != policy_.generation())
    return false;
  if (!t.hurried)
    return silence_.failed(now, failure, took, t.probe) == health::verdict::trip;
  if (t.probe)
    policy_.probe_cancelled(t.generation);
  return false;
}

void binding_book::abandoned(const ticket& t) {
  --under_way_;
  counters_->failed.fetch_add(1, std::memory_order_relaxed);
  if (t.probe)
    policy_.probe_cancelled(t.generation);
}

std::uint64_t binding_book::opened() {
  silence_ = health{silence_of(settings_)};
  return policy_.started();
}

bool binding_book::died(std::uint64_t generation, time now) {
  const bool opened = policy_.died(generation, now);
  if (opened)
    counters_->trips.fetch_add(1, std::memory_order_relaxed);
  note_state();
  return opened;
}

} // namespace troupe
