#define TEST_SUITE restart_policy
#include "tests/support/test.hpp"

#include "actors/orchestrator/restart_policy.hpp"

#include <random>

using namespace troupe;
using namespace std::chrono_literals;
using leave = restart_policy::leave;
using time_point = restart_policy::time;

namespace {

constexpr time_point t0{1h};

restart_policy running() {
  restart_policy p{60s};
  p.started();
  return p;
}

} // namespace

TEST(S0-39 a closed circuit lets every call through) {
  auto p = running();
  CHECK(p.state() == circuit_state::closed);
  CHECK(p.may_call(t0) == leave::call);
  CHECK(p.may_call(t0) == leave::call);
}

TEST(S0-41 an open circuit lets nothing through before its time) {
  auto p = running();
  CHECK(p.died(1, t0));
  CHECK(p.state() == circuit_state::open);
  CHECK(p.may_call(t0) == leave::no);
  CHECK(p.may_call(t0 + 60s - 1ns) == leave::no);
  CHECK(p.wait(t0 + 20s) == 40s);
}

TEST(S0-42 at its time exactly one call goes through as the probe) {
  auto p = running();
  CHECK(p.died(1, t0));
  CHECK(p.may_call(t0 + 60s) == leave::probe);
  CHECK(p.state() == circuit_state::half_open);
  CHECK(p.may_call(t0 + 60s) == leave::no);
  CHECK(p.may_call(t0 + 1h) == leave::no);
}

TEST(S0-43 a successful probe closes the circuit) {
  auto p = running();
  CHECK(p.died(1, t0));
  CHECK(p.may_call(t0 + 60s) == leave::probe);
  const auto generation = p.started();
  CHECK(p.probe_succeeded(generation));
  CHECK(p.state() == circuit_state::closed);
  CHECK(p.may_call(t0 + 60s) == leave::call);
}

TEST(S0-44 a probe that dies opens the circuit again for as long) {
  auto p = running();
  CHECK(p.died(1, t0));
  CHECK(p.may_call(t0 + 60s) == leave::probe);
  const auto generation = p.started();
  CHECK(p.died(generation, t0 + 61s));
  CHECK_EQ(p.trips(), 2u);
  CHECK(p.may_call(t0 + 120s) == leave::no);
  CHECK(p.may_call(t0 + 121s) == leave::probe);
}

TEST(a cancelled probe is no verdict and frees the slot) {
  auto p = running();
  CHECK(p.died(1, t0));
  CHECK(p.may_call(t0 + 60s) == leave::probe);
  const auto generation = p.started();
  p.probe_cancelled(generation);
  CHECK(p.state() == circuit_state::half_open);
  CHECK(p.may_call(t0 + 61s) == leave::probe);
}

TEST(what arrives from an earlier life changes nothing) {
  auto p = running();
  CHECK(p.died(1, t0));
  CHECK(!p.died(1, t0 + 1s));
  CHECK(p.may_call(t0 + 60s) == leave::probe);
  const auto generation = p.started();
  CHECK(!p.probe_succeeded(generation - 1));
  p.probe_cancelled(generation - 1);
  CHECK(!p.died(generation - 1, t0 + 61s));
  CHECK(p.state() == circuit_state::half_open);
  CHECK(p.may_call(t0 + 62s) == leave::no);
}

TEST(no order of events leaves the circuit stuck) {
  std::mt19937 random{7};
  auto p = running();
  auto now = t0;
  for (int i = 0; i < 1'000'000; ++i) {
    switch (random() % 5) {
    case 0:
      now += std::chrono::milliseconds{random() % 20'000};
      break;
    case 1:
      if (p.may_call(now) == leave::probe)
        p.started();
      break;
    case 2:
      p.died(p.generation() - random() % 2, now);
      break;
    case 3:
      p.probe_succeeded(p.generation() - random() % 2);
      break;
    default:
      p.probe_cancelled(p.generation() - random() % 2);
    }
    // From any state: once the probe under way has ended and the time has passed, somebody may call.
    auto copy = p;
    copy.probe_cancelled(copy.generation());
    REQUIRE(copy.may_call(now + 60s) != leave::no);
  }
}
