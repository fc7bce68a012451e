#define TEST_SUITE health
#include "actors/circuit/health.hpp"

#include "tests/support/test.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using verdict = health::verdict;

namespace {

constexpr health::time t0{1h};

health_settings in_a_row(int failures) {
  health_settings s;
  s.failures = failures;
  s.failure_percent = 0;
  return s;
}

} // namespace

TEST(S0-44 the fifth failure in a row is enough) {
  health h{in_a_row(5)};
  for (int i = 0; i < 4; ++i)
    CHECK(h.failed(t0, ec::provider_failed, 1ms) == verdict::live);
  CHECK(h.failed(t0, ec::provider_timeout, 1ms) == verdict::trip);
}

TEST(S0-43 a success in between starts the count again) {
  health h{in_a_row(5)};
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 4; ++i)
      CHECK(h.failed(t0, ec::provider_failed, 1ms) == verdict::live);
    CHECK(h.succeeded(t0, 1ms) == verdict::live);
  }
}

TEST(C-06 quota and refusals and our own deadlines are no failures) {
  health h{in_a_row(1)};
  for (const auto code : {ec::provider_limited, ec::provider_refused, ec::permit_refused, ec::deadline_exceeded,
         ec::cancelled, ec::circuit_tripped})
    CHECK(h.failed(t0, code, 1ms) == verdict::live);
  CHECK(h.failed(t0, ec::provider_malformed, 1ms) == verdict::trip);
}

TEST(C-08 one failed probe is enough and quota is no failure of it) {
  health h{in_a_row(5)};
  CHECK(h.failed(t0, ec::provider_limited, 1ms, true) == verdict::live);
  CHECK(h.failed(t0, ec::provider_failed, 1ms, true) == verdict::trip);
}

TEST(C-06 half of the calls failing drains it once there are enough of them) {
  health_settings s;
  s.failures = 1'000;
  health h{s};
  for (int i = 0; i < 9; ++i) {
    CHECK(h.succeeded(t0, 1ms) == verdict::live);
    CHECK(h.failed(t0, ec::provider_failed, 1ms) == verdict::live);
  }
  CHECK(h.succeeded(t0, 1ms) == verdict::live); // the nineteenth
  CHECK(h.failed(t0, ec::provider_failed, 1ms) == verdict::drain);
}

TEST(C-06 what has left the window does not count) {
  health_settings s;
  s.failures = 1'000;
  health h{s};
  for (int i = 0; i < 19; ++i)
    CHECK(h.failed(t0, ec::provider_failed, 1ms) == verdict::live);
  for (int i = 0; i < 19; ++i)
    CHECK(h.failed(t0 + 10s, ec::provider_failed, 1ms) == verdict::live);
  CHECK(h.failed(t0 + 19s, ec::provider_failed, 1ms) == verdict::drain); // the twentieth within ten seconds
}

TEST(C-06 too many slow calls drain it although they succeed) {
  health_settings s;
  s.slow = 500ms;
  s.slow_percent = 80;
  health h{s};
  for (int i = 0; i < 4; ++i)
    CHECK(h.succeeded(t0, 500ms) == verdict::live); // as long as allowed
  for (int i = 0; i < 15; ++i)
    CHECK(h.succeeded(t0, 501ms) == verdict::live);
  CHECK(h.succeeded(t0, 501ms) == verdict::drain); // 16 of 20
}

TEST(without a slow time no call is slow) {
  health h{health_settings{}};
  for (int i = 0; i < 100; ++i)
    CHECK(h.succeeded(t0, 1h) == verdict::live);
}
