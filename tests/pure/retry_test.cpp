#define TEST_SUITE retry
#include "actors/provider/retry.hpp"

#include "actors/provider/call_budget.hpp"
#include "tests/support/test.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr call_budget::time t0{1h};

} // namespace

TEST(S4-46 only transient errors are tried again) {
  const retry_settings s;
  for (const auto code : {ec::provider_failed, ec::provider_timeout, ec::provider_unreachable, ec::provider_limited})
    CHECK(retry_wait(s, {code, 1, -1ns, 10s}, 0).has_value());
  for (const auto code : {ec::provider_refused, ec::provider_malformed, ec::answer_too_large, ec::circuit_tripped,
         ec::permit_refused, ec::overloaded, ec::deadline_exceeded, ec::cancelled, ec::internal})
    CHECK(!retry_wait(s, {code, 1, -1ns, 10s}, 0).has_value());
}

TEST(attempts are bounded) {
  const retry_settings s;
  CHECK(retry_wait(s, {ec::provider_failed, 2, -1ns, 10s}, 0).has_value());
  CHECK(!retry_wait(s, {ec::provider_failed, 3, -1ns, 10s}, 0).has_value());
}

TEST(the wait is anywhere below a ceiling that doubles up to its longest) {
  retry_settings s;
  s.attempts = 10;
  auto ceiling = 50ms;
  for (int made = 1; made < 9; ++made) {
    std::chrono::nanoseconds longest{0};
    std::chrono::nanoseconds shortest{1h};
    for (std::uint64_t i = 0; i < 1'000; ++i) {
      const auto wait = *retry_wait(s, {ec::provider_failed, made, -1ns, 1h}, i * 0x9E3779B97F4A7C15ULL);
      longest = std::max(longest, wait);
      shortest = std::min(shortest, wait);
    }
    const auto bound = std::chrono::nanoseconds{std::min<std::chrono::milliseconds>(ceiling, 2s)};
    CHECK(longest < bound);
    CHECK(longest > bound / 100 * 98);
    CHECK(shortest < bound / 50);
    ceiling *= 2;
  }
}

TEST(what the upstream asks for is waited for and never less) {
  const retry_settings s;
  CHECK(*retry_wait(s, {ec::provider_limited, 1, 2s, 10s}, 12'345) == 2s);
}

TEST(no attempt is made after the deadline) {
  const retry_settings s;
  CHECK(!retry_wait(s, {ec::provider_limited, 1, 2s, 2s}, 0).has_value());
  CHECK(retry_wait(s, {ec::provider_limited, 1, 2s, 2s + 1ns}, 0).has_value());
  CHECK(!retry_wait(s, {ec::provider_failed, 1, -1ns, 0s}, 0).has_value());
}

TEST(a quiet provider may be retried ten times a second) {
  call_budget b{20, 10};
  int taken = 0;
  while (b.withdraw(t0))
    ++taken;
  CHECK_EQ(taken, 100); // ten seconds' worth at once
  CHECK_EQ(b.left(t0 + 9s), 0);
  CHECK_EQ(b.left(t0 + 10s), 100);
}

TEST(under load retries are a fifth of the calls) {
  call_budget b{20, 0};
  std::int64_t calls = 0;
  std::int64_t retries = 0;
  for (int ms = 0; ms < 60'000; ms += 2) { // 500 calls a second, and all of them fail
    const auto now = t0 + std::chrono::milliseconds{ms};
    ++calls;
    b.deposit(now);
    retries += b.withdraw(now) ? 1 : 0;
  }
  CHECK(retries * 100 <= calls * 20);
  CHECK(retries * 100 >= calls * 19);
}

TEST(a share of five percent without a floor never exceeds it) {
  call_budget b{5, 0};
  CHECK(!b.withdraw(t0));
  for (int i = 0; i < 19; ++i)
    b.deposit(t0);
  CHECK(!b.withdraw(t0));
  b.deposit(t0);
  CHECK(b.withdraw(t0));
  CHECK(!b.withdraw(t0));
}
