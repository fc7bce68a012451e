#define TEST_SUITE rate_limiter
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "actors/rate_limiter/rate_limiter.hpp"

#include <caf/send.hpp>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct world : test::actors {
  rate_limiter_actor limiter;

  world() {
    permit_book::settings s;
    s.rate = 100;
    s.burst = 100;
    s.lanes = {{"google", 10, 2, 100}};
    limiter = sys.spawn(rate_limiter, s);
    settle();
  }

  struct ending {
    ec code = ec::internal;
    std::uint64_t id = 0;
  };

  std::shared_ptr<ending> ask(std::chrono::microseconds remaining = 10s, const std::string& lane = "google") {
    auto out = std::make_shared<ending>();
    auto caller = sys.spawn([=, to = limiter](caf::event_based_actor* me) -> caf::behavior {
      me->request(to, caf::infinite, permit_request{lane, remaining.count()})
        .then(
          [out](const permit& p) {
            *out = {ec::none, p.id};
          },
          [out](const caf::error& e) {
            *out = {from_caf(e).code, 0};
          });
      return {[](int) {}}; // stays alive: the permit is its own
    });
    callers.push_back(caller);
    settle();
    return out;
  }
  std::vector<caf::actor> callers;

  std::int64_t limiter_held() {
    std::int64_t held = -1;
    auto asked = self->request(limiter, caf::infinite, stats_atom::value);
    settle();
    asked.receive(
      [&](const metrics& all) {
        for (const auto& m : all)
          if (m.name == "troupe_permits_held")
            held = m.value;
      },
      [](const caf::error&) {});
    return held;
  }

  ~world() override {
    for (auto& c : callers)
      self->send_exit(c, caf::exit_reason::user_shutdown);
    self->send_exit(limiter, caf::exit_reason::user_shutdown);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(rate_limiter_tests, world)

TEST(permits beyond the burst come at the rate of the lane) {
  CHECK(ask()->code == ec::none);
  CHECK(ask()->code == ec::none);
  const auto third = ask();
  CHECK(third->code == ec::internal);
  advance(99ms);
  CHECK(third->code == ec::internal);
  advance(1ms);
  CHECK(third->code == ec::none);
}

TEST(who cannot have one before the deadline is refused at it) {
  ask();
  ask();
  const auto third = ask(50ms);
  advance(50ms);
  CHECK(third->code == ec::permit_refused);
}

TEST(a pause holds the lane back and ends by itself) {
  caf::anon_send(limiter, lane_pause{"google", 5'000'000});
  const auto a = ask();
  CHECK(a->code == ec::internal);
  advance(4999ms);
  CHECK(a->code == ec::internal);
  advance(1ms);
  CHECK(a->code == ec::none);
}

TEST(a dead owner frees its place) {
  const auto a = ask();
  CHECK(a->code == ec::none);
  CHECK_EQ(limiter_held(), 1);
  self->send_exit(callers[0], caf::exit_reason::kill);
  settle();
  CHECK_EQ(limiter_held(), 0);
}

TEST(an unknown lane is refused at once) {
  CHECK(ask(10s, "nobody")->code == ec::bad_request);
}

CAF_TEST_FIXTURE_SCOPE_END()
