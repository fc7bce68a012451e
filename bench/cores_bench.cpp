// The cores that lie on the way of every request: token bucket, permits, inbound limit, hot index (Google Benchmark).
#include "actors/cache/hot_index.hpp"
#include "actors/circuit/health.hpp"
#include "actors/circuit/restart_policy.hpp"
#include "actors/provider/call_budget.hpp"
#include "actors/rate_limiter/gcra.hpp"
#include "actors/rate_limiter/permit_book.hpp"
#include "actors/rate_limiter/token_bucket.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

// Every allocation is counted, so that a case can say how many it makes.
static std::size_t allocations = 0;

[[gnu::noinline]] void* operator new(std::size_t n) {
  ++allocations;
  if (auto* p = std::malloc(n))
    return p;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}

namespace {

std::chrono::nanoseconds steady_now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

void token_bucket_take(benchmark::State& state) {
  token_bucket bucket{per_second(40), 40, 0ns};
  std::chrono::nanoseconds now{0};
  for (auto _ : state)
    benchmark::DoNotOptimize(bucket.take(now += 1us, 1));
}
BENCHMARK(token_bucket_take);

permit_book::settings ten_lanes(std::int64_t rate) {
  permit_book::settings s;
  s.rate = s.burst = rate;
  for (int i = 0; i < 10; ++i)
    s.lanes.push_back({"provider" + std::to_string(i), rate, rate, 0});
  return s;
}

// A permit that is there, and its release: what every call to a provider pays.
void permit_at_once(benchmark::State& state) {
  permit_book book{ten_lanes(1'000'000'000), 1s};
  std::chrono::nanoseconds now{1s};
  std::uint64_t ticket = 0;
  for (auto _ : state) {
    now += 1us;
    const auto d = book.request(now, {"provider9", 1, now + 10s, ++ticket, priority::interactive});
    book.release(d.permit);
    benchmark::DoNotOptimize(d.permit);
  }
}
BENCHMARK(permit_at_once);

// What the orchestrator looks at before it calls a provider whose circuit is open: all that such a call costs.
void circuit_open(benchmark::State& state) {
  restart_policy policy{circuit_settings{}};
  policy.started();
  benchmark::DoNotOptimize(policy.died(1, restart_policy::time{1s}));
  for (auto _ : state)
    benchmark::DoNotOptimize(policy.may_call(restart_policy::time{2s}));
}
BENCHMARK(circuit_open);

// All that is decided about one call that is let through and succeeds: circuit, budgets, permit, health.
void policy_chain(benchmark::State& state) {
  restart_policy circuit{circuit_settings{}};
  circuit.started();
  call_budget retries{20, 10};
  call_budget hedges{5, 0};
  permit_book book{ten_lanes(1'000'000'000), 1s};
  health upstream{health_settings{}};
  std::chrono::steady_clock::time_point at{1s};
  std::uint64_t ticket = 0;
  const auto before = allocations;
  for (auto _ : state) {
    at += 1us;
    const auto now = at.time_since_epoch();
    benchmark::DoNotOptimize(circuit.may_call(at));
    retries.deposit(at);
    hedges.deposit(at);
    const auto d = book.request(now, {"provider9", 1, now + 10s, ++ticket, priority::interactive});
    benchmark::DoNotOptimize(upstream.succeeded(at, 80ms));
    book.release(d.permit);
  }
  state.counters["allocations"] =
    benchmark::Counter(static_cast<double>(allocations - before), benchmark::Counter::kAvgIterations);
}
BENCHMARK(policy_chain);

// range(0) wait on one lane; one more comes, and one is served.
void permit_through_the_queue(benchmark::State& state) {
  auto s = ten_lanes(1'000);
  s.jitter = 0ns;
  permit_book book{s, 1s};
  std::chrono::nanoseconds now{1s};
  std::uint64_t ticket = 0;
  const auto ask = [&] {
    return book.request(now, {"provider9", 1, now + 1h, ++ticket, static_cast<priority>(ticket % priorities)});
  };
  for (auto i = 0; i < 1'000 + state.range(0); ++i)
    book.release(ask().permit);
  for (auto _ : state) {
    now += 1ms;
    benchmark::DoNotOptimize(ask());
    for (const auto& d : book.poll(now))
      book.release(d.permit);
  }
}
BENCHMARK(permit_through_the_queue)->Arg(1)->Arg(100)->Arg(10'000);

// A lane that is asked for far more than it has, as many waiting as can be served in time: one more is refused.
void permit_refused_at_once(benchmark::State& state) {
  auto s = ten_lanes(1'000'000);
  s.lanes[9].rate = state.range(0);
  s.lanes[9].burst = 1;
  permit_book book{s, 1s};
  std::uint64_t ticket = 0;
  const auto ask = [&] { return book.request(1s, {"provider9", 1, 11s, ++ticket, priority::interactive}); };
  while (ask().refused == ec::none) {
  }
  for (auto _ : state)
    benchmark::DoNotOptimize(ask());
  state.counters["waiting"] = static_cast<double>(book.waiting());
}
BENCHMARK(permit_refused_at_once)->Arg(1)->Arg(10)->Arg(40)->Arg(95);

std::vector<std::string> addresses(int count) {
  std::vector<std::string> all;
  for (int i = 0; i < count; ++i)
    all.push_back("2001:db8:85a3::" + std::to_string(i));
  return all;
}

// One I/O thread has clients of its own; range(0) of them.
void gcra_check(benchmark::State& state) {
  static gcra_table table{{gcra_limit{100, 60s}}};
  const auto clients = addresses(static_cast<int>(state.range(0)));
  std::size_t next = static_cast<std::size_t>(state.thread_index());
  const auto now = steady_now();
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.check(clients[next % clients.size()], 0, now));
    ++next;
  }
}
BENCHMARK(gcra_check)->Arg(1)->Arg(1000)->Arg(10'000);
BENCHMARK(gcra_check)->Arg(1)->Arg(1000)->Threads(2)->UseRealTime();

// A limit that never refuses, so that every check swaps the word.
void gcra_check_allowed(benchmark::State& state) {
  static gcra_table table{{gcra_limit{1'000'000'000, 1s}}};
  const auto clients = addresses(static_cast<int>(state.range(0)));
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.check(clients[next % clients.size()], 0, steady_now()));
    ++next;
  }
}
BENCHMARK(gcra_check_allowed)->Arg(1)->Arg(1000);

void hot_index_find(benchmark::State& state) {
  static hot_index index;
  const auto count = static_cast<std::size_t>(state.range(0));
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < count; ++i)
    keys.push_back("search:query:the name of book number " + std::to_string(i));
  if (state.thread_index() == 0)
    for (const auto& key : keys) {
      rendered made;
      made.plain = blob{std::string(1000, 'x')};
      index.publish(hot_entry::make(key, made));
    }
  std::size_t next = static_cast<std::size_t>(state.thread_index());
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.find(keys[next % count]));
    ++next;
  }
}
BENCHMARK(hot_index_find)->Arg(1)->Arg(1000)->Arg(50'000);
BENCHMARK(hot_index_find)->Arg(1)->Arg(1000)->Threads(2)->UseRealTime();

} // namespace

BENCHMARK_MAIN();
