#define TEST_SUITE token_bucket
#include "tests/support/test.hpp"

#include "actors/rate_limiter/token_bucket.hpp"

#include <random>

using namespace troupe;
using namespace std::chrono_literals;
using ns = std::chrono::nanoseconds;

namespace {

__extension__ typedef __int128 wide; // exact products, for comparison only

/// floor(elapsed * tokens / period)
std::int64_t earned(ns elapsed, const token_rate& rate) {
  return static_cast<std::int64_t>(wide{elapsed.count()} * rate.tokens / rate.period.count());
}

} // namespace

TEST(S4-04 a new bucket grants its burst and then its rate) {
  token_bucket b{per_second(40), 40, 0ns};
  for (int i = 0; i < 40; ++i)
    CHECK(b.take(0ns, 1));
  CHECK(!b.take(0ns, 1));
  CHECK(b.next_at(0ns, 1) == 25ms);
  CHECK(!b.take(25ms - 1ns, 1));
  CHECK(b.take(25ms, 1));
  CHECK(!b.take(25ms, 1));
}

TEST(a refused take takes nothing) {
  token_bucket b{per_second(1), 5, 0ns};
  CHECK(!b.take(0s, 6));
  CHECK_EQ(b.available(0s), 5);
  CHECK(b.take(0s, 5));
  CHECK(!b.take(2s, 3));
  CHECK_EQ(b.available(2s), 2);
}

TEST(more tokens than the bucket holds never come) {
  token_bucket b{{1, 60s}, 3, 0ns};
  CHECK(b.next_at(0s, 4) == ns::max());
  CHECK(b.next_at(7s, 3) == 7s);
}

TEST(a clock that steps back neither grants nor takes away) {
  token_bucket b{per_second(1), 2, 0ns};
  CHECK(b.take(100s, 2));
  CHECK(!b.take(50s, 1));
  CHECK(!b.take(100s, 1));
  CHECK(b.take(101s, 1));
}

TEST(years of idleness fill the bucket and no more) {
  token_bucket b{per_second(1'000'000), 1'000'000, 0ns};
  CHECK(b.take(0ns, 1'000'000));
  CHECK_EQ(b.available(24h * 365 * 200), 1'000'000);
}

TEST(a bucket that is always asked grants exactly its burst and its rate) {
  std::mt19937_64 random{3};
  for (const auto& rate : {token_rate{40, 1s}, token_rate{1, 60s}, token_rate{7, 3s}, token_rate{999'983, 1s}}) {
    const std::int64_t burst = 2 + static_cast<std::int64_t>(random() % 50);
    token_bucket b{rate, burst, 0ns};
    ns now{};
    std::int64_t granted = 0;
    while (b.take(now, 1)) // a full bucket earns nothing
      ++granted;
    for (int i = 0; i < 2'000; ++i) {
      // A step earns at most one token, and the bucket has room for two: none of what is earned is lost.
      now +=
        ns{static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(rate.period.count() / rate.tokens + 1))};
      while (b.take(now, 1))
        ++granted;
      REQUIRE_EQ(granted, burst + earned(now, rate));
      REQUIRE(b.next_at(now, 1) > now);
      REQUIRE_EQ(burst + earned(b.next_at(now, 1), rate), granted + 1);
    }
  }
}

TEST(a change of the rate keeps what was earned to the nanosecond) {
  token_bucket b{per_second(3), 2, 0ns};
  CHECK(b.take(0ns, 2));
  b.set_rate(100ms, 7); // 0.3 tokens are there
  CHECK(b.next_at(100ms, 1) == 200ms);
  b.set_rate(150ms, 1); // 0.65
  CHECK(b.next_at(150ms, 1) == 500ms);
  CHECK(!b.take(500ms - 1ns, 1));
  CHECK(b.take(500ms, 1));
}

TEST(whatever the rates were what comes out is their sum) {
  std::mt19937_64 random{5};
  token_bucket b{per_second(10), 1'000'000, 0ns};
  CHECK(b.take(0ns, 1'000'000));
  wide units = 0; // token x nanosecond
  std::int64_t rate = 10;
  std::int64_t granted = 0;
  ns now{};
  for (int i = 0; i < 10'000; ++i) {
    const auto step = ns{static_cast<std::int64_t>(random() % 1'000'000'000)};
    now += step;
    units += wide{step.count()} * rate;
    rate = 1 + static_cast<std::int64_t>(random() % 100);
    b.set_rate(now, rate);
    while (b.take(now, 1))
      ++granted;
    REQUIRE(wide{granted} == units / 1'000'000'000);
  }
}

TEST(an idle bucket earns no more than it is allowed) {
  token_bucket b{per_second(10), 5, 0ns};
  CHECK(b.take(0ns, 5));
  b.idle(1h, 1);
  CHECK_EQ(b.available(1h), 1);
  CHECK_EQ(b.available(1h + 200ms), 3);
  b.idle(2h, 1); // what is there stays
  CHECK_EQ(b.available(2h), 3);
}

TEST(a deficit counts tokens that the bucket cannot hold at once) {
  token_bucket b{per_second(2), 3, 0ns};
  CHECK(b.deficit(0ns, 3) <= 0);
  CHECK_EQ(b.deficit(0ns, 5), 2'000'000'000);
  CHECK(b.deficit(0ns, std::int64_t{1} << 60) > 0);
}
