#define TEST_SUITE restart_policy
#include "tests/support/test.hpp"

#include "actors/circuit/restart_policy.hpp"

#include <random>

using namespace troupe;
using namespace std::chrono_literals;
using leave = restart_policy::leave;
using time_point = restart_policy::time;

namespace {

constexpr time_point t0{1h};

// No jitter, no growth, one success and no ramp: what S0 asks for. Tests of the rest change what they are about.
circuit_settings plain() {
  circuit_settings s;
  s.longest = s.open;
  s.jitter_percent = 0;
  s.successes = 1;
  s.ramp.clear();
  return s;
}

restart_policy running(circuit_settings s = plain()) {
  restart_policy p{std::move(s)};
  p.started();
  return p;
}

// Lets the time of an open circuit pass, starts the next life and takes its first probe.
void probe(restart_policy& p, time_point now) {
  REQUIRE(p.may_call(now) == leave::probe);
  p.started();
}

} // namespace

TEST(S0-39 a closed circuit lets every call through) {
  auto p = running();
  CHECK(p.state() == circuit_state::closed);
  CHECK(p.may_call(t0) == leave::call);
  CHECK(p.may_call(t0) == leave::call);
}

TEST(a ramp without length is none) {
  auto s = plain();
  s.ramp = {10, 25, 50};
  s.ramp_step = 0s;
  auto p = running(s);
  CHECK(p.died(1, t0));
  probe(p, t0 + 60s);
  CHECK(p.probe_succeeded(2, t0 + 61s));
  for (int i = 0; i < 5; ++i)
    CHECK(p.may_call(t0 + 61s) == leave::call);
  CHECK(p.state() == circuit_state::closed);
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
  CHECK(p.probe_succeeded(generation, t0 + 60s));
  CHECK(p.may_call(t0 + 60s) == leave::call);
  CHECK(p.state() == circuit_state::closed);
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
  CHECK(!p.probe_succeeded(generation - 1, t0 + 60s));
  p.probe_cancelled(generation - 1);
  CHECK(!p.died(generation - 1, t0 + 61s));
  CHECK(p.state() == circuit_state::half_open);
  CHECK(p.may_call(t0 + 62s) == leave::no);
}

TEST(C-07 each trip in a row stays open twice as long up to the longest) {
  auto s = plain();
  s.longest = 200s;
  auto p = running(s);
  auto now = t0;
  for (const auto expected : {60s, 120s, 200s, 200s}) {
    REQUIRE(p.died(p.generation(), now));
    CHECK(p.wait(now) == expected);
    now += expected;
    probe(p, now);
  }
  REQUIRE(p.probe_succeeded(p.generation(), now));
  REQUIRE(p.may_call(now) == leave::call); // closed: the past is forgotten
  REQUIRE(p.died(p.generation(), now));
  CHECK(p.wait(now) == 60s);
}

TEST(C-07 the open time has a jitter and stays within it) {
  auto s = plain();
  s.jitter_percent = 10;
  auto shortest = 1000s;
  auto longest = 0s;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    restart_policy p{s, seed};
    p.started();
    REQUIRE(p.died(1, t0));
    const auto wait = std::chrono::duration_cast<std::chrono::seconds>(p.wait(t0));
    shortest = std::min(shortest, wait);
    longest = std::max(longest, wait);
  }
  CHECK(shortest >= 54s);
  CHECK(longest <= 66s);
  CHECK(longest - shortest >= 8s);
}

TEST(C-08 two successful probes begin the ramp and only one is under way at a time) {
  auto s = plain();
  s.successes = 2;
  s.ramp = {50};
  auto p = running(s);
  REQUIRE(p.died(1, t0));
  probe(p, t0 + 60s);
  CHECK(p.may_call(t0 + 60s) == leave::no);
  CHECK(!p.probe_succeeded(2, t0 + 61s));
  CHECK(p.state() == circuit_state::half_open);
  CHECK(p.may_call(t0 + 61s) == leave::probe);
  CHECK(p.may_call(t0 + 61s) == leave::no);
  CHECK(p.probe_succeeded(2, t0 + 62s));
  CHECK(p.state() == circuit_state::ramping);
}

TEST(C-08 the ramp lets ten then twenty five then fifty percent through and then all) {
  auto s = plain();
  s.ramp = {10, 25, 50};
  s.ramp_step = 10s;
  auto p = running(s);
  REQUIRE(p.died(1, t0));
  probe(p, t0 + 60s);
  REQUIRE(p.probe_succeeded(2, t0 + 60s));
  const auto through = [&](time_point at) {
    int n = 0;
    for (int i = 0; i < 1'000; ++i)
      n += p.may_call(at) == leave::call ? 1 : 0;
    return n;
  };
  CHECK(std::abs(through(t0 + 60s) - 100) <= 1);
  CHECK(std::abs(through(t0 + 79s) - 250) <= 1);
  CHECK(std::abs(through(t0 + 80s) - 500) <= 1);
  CHECK_EQ(through(t0 + 90s), 1'000);
  CHECK(p.state() == circuit_state::closed);
}

TEST(C-08 a death on the ramp opens for longer than the one before) {
  auto s = plain();
  s.ramp = {10};
  s.longest = 10min;
  auto p = running(s);
  REQUIRE(p.died(1, t0));
  probe(p, t0 + 60s);
  REQUIRE(p.probe_succeeded(2, t0 + 60s));
  REQUIRE(p.died(2, t0 + 61s));
  CHECK(p.wait(t0 + 61s) == 120s);
}

TEST(tripped by hand it stays open until it is reset) {
  auto p = running();
  p.trip();
  CHECK(p.held());
  CHECK(p.may_call(t0 + 24h) == leave::no);
  CHECK(!p.died(1, t0 + 24h)); // the life that ends with it
  p.reset();
  CHECK(p.state() == circuit_state::closed);
  CHECK(p.may_call(t0 + 24h) == leave::call);
}

// The invariant: from any state, once the probe under way has ended and the longest open time has passed, somebody may
// call, and from there successes alone lead to closed.
TEST(no order of ten million events leaves the circuit stuck) {
  std::mt19937 random{7};
  auto s = circuit_settings{};
  s.longest = 300s;
  auto p = running(s);
  auto now = t0;
  for (int i = 0; i < 10'000'000; ++i) {
    const auto generation = p.generation() - random() % 2;
    switch (random() % 8) {
    case 0:
      now += std::chrono::milliseconds{random() % 40'000};
      break;
    case 1:
    case 2:
      if (p.may_call(now) == leave::probe && random() % 2 == 0)
        p.started(); // or the life of the probe before is still there
      break;
    case 3:
      p.died(generation, now);
      break;
    case 4:
    case 5:
      p.probe_succeeded(generation, now);
      break;
    case 6:
      p.probe_cancelled(generation);
      break;
    default:
      if (random() % 50 == 0)
        p.trip();
      else if (random() % 20 == 0)
        p.reset();
    }
    if (i % 16 != 0) // copying costs more than the events
      continue;
    auto copy = p;
    if (copy.held())
      copy.reset();
    copy.probe_cancelled(copy.generation());
    auto later = now + 330s; // the longest, and its jitter
    for (int step = 0; step < 8 && copy.state() != circuit_state::closed; ++step) {
      const auto may = copy.may_call(later);
      if (may == leave::probe)
        copy.probe_succeeded(copy.generation(), later);
      else
        REQUIRE(may == leave::call || copy.state() == circuit_state::ramping);
      later += 10s;
    }
    REQUIRE(copy.state() == circuit_state::closed);
  }
}
