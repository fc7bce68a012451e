// The cores that lie on the way of every request: token bucket, inbound limit, hot index (Google Benchmark).
#include "actors/cache/hot_index.hpp"
#include "actors/rate_limiter/gcra.hpp"
#include "actors/rate_limiter/token_bucket.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

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
      auto made = std::make_shared<rendered>();
      made->plain = blob{std::string(1000, 'x')};
      index.publish(key, std::move(made));
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
