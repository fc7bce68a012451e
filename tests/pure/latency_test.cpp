#define TEST_SUITE latency
#include "actors/orchestrator/latency.hpp"

#include "tests/support/test.hpp"

#include <algorithm>
#include <random>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

TEST(it says nothing before a hundred calls) {
  latency l;
  for (int i = 0; i < 99; ++i)
    l.record(1ms);
  CHECK(!l.quantile(96));
  l.record(1ms);
  CHECK(l.quantile(96).has_value());
}

TEST(a quantile is right within a sixteenth) {
  std::mt19937 random{3};
  std::lognormal_distribution<double> shape{9, 1.2}; // around 8 ms, with a long tail
  latency l;
  std::vector<std::int64_t> all;
  for (int i = 0; i < 2'000; ++i) {
    all.push_back(static_cast<std::int64_t>(shape(random)));
    l.record(std::chrono::microseconds{all.back()});
  }
  std::sort(all.begin(), all.end());
  for (const int percent : {50, 90, 96, 99}) {
    const auto exact = all[all.size() * static_cast<std::size_t>(percent) / 100];
    latency copy = l;
    const auto said = copy.quantile(percent)->count();
    CHECK(said >= exact * 97 / 100);
    CHECK(said <= exact * 108 / 100);
  }
}

TEST(it forgets what was long ago) {
  latency l;
  for (int i = 0; i < 10'000; ++i)
    l.record(100ms);
  for (int i = 0; i < 10'000; ++i)
    l.record(1ms);
  CHECK(*l.quantile(96) < 2ms);
}

TEST(no duration is out of range) {
  latency l;
  for (int i = 0; i < 200; ++i)
    l.record(i % 2 == 0 ? std::chrono::microseconds::max() : std::chrono::microseconds{-1});
  CHECK(*l.quantile(10) == 0us);
  CHECK(*l.quantile(96) > 24h);
}

TEST(the slowest few are not forgotten though no two of them took as long) {
  latency l;
  double slow = 0;
  for (int i = 0; i < 2'048 * 10 - 1; ++i) {
    slow = i % 2'500 == 0 ? 2'000 : i % 25 == 0 ? slow * 1.065 : slow; // one in 25, over a hundred buckets
    l.record(std::chrono::microseconds{i % 25 == 0 ? static_cast<std::int64_t>(slow) : 1'000});
  }
  CHECK(*l.quantile(97) > 1'500us);
}
