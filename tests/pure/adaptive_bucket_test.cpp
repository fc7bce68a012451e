#define TEST_SUITE adaptive_bucket
#include "tests/support/test.hpp"

#include "actors/rate_limiter/adaptive_bucket.hpp"

#include <random>

using namespace troupe;
using namespace std::chrono_literals;
using ns = std::chrono::nanoseconds;

namespace {

constexpr ns t0 = 1h;

/// Takes what can be taken now.
int drain(adaptive_bucket& b, ns now) {
  int n = 0;
  for (; b.ready(now); ++n)
    b.take(now);
  return n;
}

} // namespace

TEST(S4-43 nothing is granted before Retry-After has passed and one exactly then) {
  adaptive_bucket b{{10, 5, true}, t0};
  CHECK_EQ(drain(b, t0), 5);
  b.limited(t0, 2s);
  CHECK(b.next_at(t0, 1) == t0 + 2s);
  CHECK(!b.ready(t0 + 2s - 1ns));
  CHECK_EQ(drain(b, t0 + 2s), 1); // and no burst
}

TEST(S4-43 a 429 halves the rate and a minute gives it back in equal steps) {
  adaptive_bucket b{{40, 40, true}, t0};
  b.limited(t0, 2s);
  CHECK_EQ(b.current_rate(t0), 20);
  CHECK_EQ(b.configured_rate(), 40);
  const auto end = t0 + 2s;
  CHECK_EQ(b.current_rate(end + 1'499ms), 20);
  CHECK_EQ(b.current_rate(end + 1'500ms), 21);
  CHECK_EQ(b.current_rate(end + 15s), 30);
  CHECK_EQ(b.current_rate(end + 30s), 40);
  CHECK_EQ(b.current_rate(end + 1h), 40);
}

TEST(ten 429s of one burst count once) {
  adaptive_bucket b{{40, 40, true}, t0};
  for (int i = 0; i < 10; ++i)
    b.limited(t0 + i * 10ms, 2s);
  CHECK_EQ(b.current_rate(t0 + 1s), 20);
  CHECK(b.paused_until() == t0 + 2s + 90ms); // each is honoured
  adaptive_bucket at_once{{40, 40, true}, t0};
  for (int i = 0; i < 10; ++i)
    at_once.limited(t0 + i * 10ms, 0s);
  CHECK_EQ(at_once.current_rate(t0 + 100ms), 20);
  CHECK(!at_once.paused(t0 + 100ms));
}

TEST(the rate never falls below a tenth nor below one) {
  adaptive_bucket b{{40, 40, true}, t0};
  adaptive_bucket small{{3, 3, true}, t0};
  auto now = t0;
  for (int i = 0; i < 20; ++i, now += 1s) {
    b.limited(now, 1s);
    small.limited(now, 1s);
  }
  CHECK_EQ(b.current_rate(now), 4);
  CHECK_EQ(small.current_rate(now), 1);
  CHECK_EQ(b.current_rate(now + 61s), 40);
  CHECK_EQ(small.current_rate(now + 61s), 3);
}

TEST(without Retry-After the pause doubles up to a minute and is forgotten after one) {
  adaptive_bucket b{{10, 10, true}, t0};
  auto now = t0;
  for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    b.limited(now, std::nullopt);
    b.limited(now, std::nullopt); // of the same burst
    CHECK(b.paused_until() == now + pause);
    now = b.paused_until();
  }
  now += 60s;
  b.limited(now, std::nullopt);
  CHECK(b.paused_until() == now + 1s);
}

TEST(a pause is never shortened and an absurd one does not overflow) {
  adaptive_bucket b{{10, 10, true}, t0};
  b.limited(t0, 10s);
  b.limited(t0 + 1s, 1s);
  CHECK(b.paused_until() == t0 + 10s);
  b.limited(t0 + 2s, ns::max());
  CHECK(b.paused_until() > t0 + 24h * 300);
  CHECK(b.next_at(t0 + 3s, 1'000) > b.paused_until());
  b.limited(t0 + 4s, ns::min());
  CHECK(b.paused(t0 + 5s));
}

TEST(a bucket that does not adapt pauses only) {
  adaptive_bucket b{{10, 10, false}, t0};
  b.limited(t0, 1s);
  CHECK_EQ(b.current_rate(t0 + 1s), 10);
  CHECK(!b.ready(t0 + 999ms));
  CHECK(b.ready(t0 + 1s));
}

TEST(what is foretold is what happens) {
  std::mt19937_64 random{17};
  for (int world = 0; world < 300; ++world) {
    const auto rate = 1 + static_cast<std::int64_t>(random() % 200);
    // Room for two: a bucket of one loses the fraction of a nanosecond by which each token is taken late.
    adaptive_bucket b{{rate, 2 + static_cast<std::int64_t>(random() % 30), random() % 4 != 0}, t0};
    auto now = t0;
    for (int i = 0; i < 20; ++i) {
      now += std::chrono::milliseconds{random() % 3'000};
      if (random() % 2 == 0)
        b.limited(now, random() % 2 == 0 ? std::nullopt : std::optional<ns>{1ms * (random() % 5'000)});
      if (random() % 2 == 0)
        (void)drain(b, now);
      // Nobody but us takes tokens: each comes when it was said.
      auto copy = b;
      auto at = now;
      for (std::int64_t n = 1; n <= 40; ++n) {
        const auto said = b.next_at(now, n);
        REQUIRE(said >= at);
        REQUIRE(b.comes_before(now, n, said + 1ns));
        REQUIRE(!b.comes_before(now, n, said));
        if (said > at) {
          at = said;
          REQUIRE(!copy.ready(at - 1ns));
        }
        REQUIRE(copy.ready(at));
        copy.take(at);
        REQUIRE(copy.current_rate(at) <= rate);
      }
    }
  }
}
