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
    s.jitter = 0ns;
    s.lanes = {{"google", 10, 2, 1'000}, {"google/warming", 10, 10, 1}};
    limiter = sys.spawn(rate_limiter, rate_limiter_settings{s, lines.log});
    settle();
  }

  struct ending {
    ec code = ec::internal;
    std::uint64_t id = 0;
  };

  std::shared_ptr<ending> ask(std::chrono::microseconds remaining = 10s, const std::string& lane = "google",
    priority urgency = priority::interactive) {
    auto out = std::make_shared<ending>();
    auto caller = sys.spawn([=, to = limiter](caf::event_based_actor* me) -> caf::behavior {
      me->request(to, caf::infinite, permit_request{lane, remaining.count(), urgency, 9})
        .then(
          [out](const permit& p) {
            *out = {ec::none, p.id};
          },
          [out](const caf::error& e) {
            *out = {from_caf(e).code, 0};
          });
      return {[=](int) { me->send(to, permit_withdraw{9}); }}; // stays alive: the permit is its own
    });
    callers.push_back(caller);
    settle();
    return out;
  }
  std::vector<caf::actor> callers;

  /// One metric of one lane (or one cause); -1: there is none.
  std::int64_t count(const std::string& name, const std::string& label, const std::string& urgency = "") {
    std::int64_t value = -1;
    auto asked = self->request(limiter, caf::infinite, stats_atom::value);
    settle();
    asked.receive(
      [&](const metrics& all) {
        for (const auto& m : all)
          if (m.name == name && m.labels.front().second == label
              && (urgency.empty() || m.labels.back().second == urgency))
            value = m.value;
      },
      [](const caf::error&) {});
    return value;
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

TEST(who cannot have one before the deadline is refused at once) {
  ask();
  ask();
  CHECK(ask(100ms)->code == ec::permit_refused);
  CHECK(ask(0ms)->code == ec::permit_refused);
  CHECK_EQ(count("troupe_permits_refused_total", "deadline"), 2);
  CHECK_EQ(count("troupe_permits_refused_total", "expired"), 0);
}

TEST(who waits for a slot is refused at the deadline) {
  CHECK(ask(10s, "google/warming")->code == ec::none);
  const auto second = ask(50ms, "google/warming");
  advance(49ms);
  CHECK(second->code == ec::internal);
  advance(1ms);
  CHECK(second->code == ec::permit_refused);
  CHECK_EQ(count("troupe_permits_refused_total", "expired"), 1);
}

TEST(the more urgent goes first) {
  ask();
  ask();
  const auto warming = ask(10s, "google", priority::warming);
  const auto batch = ask(10s, "google", priority::batch);
  const auto interactive = ask(10s, "google", priority::interactive);
  CHECK_EQ(count("troupe_permits_waiting", "google", "batch"), 1);
  advance(100ms);
  CHECK(interactive->code == ec::none && batch->code == ec::internal);
  advance(100ms);
  CHECK(batch->code == ec::none && warming->code == ec::internal);
  advance(100ms);
  CHECK(warming->code == ec::none);
  CHECK_EQ(count("troupe_permits_granted_total", "google", "interactive"), 3);
  CHECK_EQ(count("troupe_permits_granted_total", "google", "warming"), 1);
  CHECK_EQ(count("troupe_permit_wait_microseconds_sum", "google", "interactive"), 100'000);
  CHECK_EQ(count("troupe_permit_wait_microseconds_sum", "google", "warming"), 300'000);
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

TEST(S4-43 a 429 slows the lane down and both rates are shown) {
  CHECK_EQ(count("troupe_lane_configured_rate", "global"), 100);
  CHECK_EQ(count("troupe_lane_current_rate", "google"), 10);
  caf::anon_send(limiter, lane_pause{"google", 2'000'000});
  settle();
  CHECK_EQ(count("troupe_lane_configured_rate", "google"), 10);
  CHECK_EQ(count("troupe_lane_current_rate", "google"), 5);
  CHECK_EQ(count("troupe_lane_paused", "google"), 1);
  CHECK_EQ(count("troupe_lane_limited_total", "google"), 1);
  advance(2s);
  CHECK_EQ(count("troupe_lane_paused", "google"), 0);
  advance(30s);
  CHECK_EQ(count("troupe_lane_current_rate", "google"), 10);
}

TEST(a 429 that names no time pauses for a second) {
  caf::anon_send(limiter, lane_pause{"google", -1});
  const auto a = ask();
  advance(999ms);
  CHECK(a->code == ec::internal);
  advance(1ms);
  CHECK(a->code == ec::none);
}

TEST(a pause refuses at once whom it makes too late) {
  ask();
  ask();
  const auto a = ask(1s);
  caf::anon_send(limiter, lane_pause{"google", 2'000'000});
  settle();
  CHECK(a->code == ec::permit_refused);
}

TEST(a pause of a lane that there is not is logged) {
  caf::anon_send(limiter, lane_pause{"nobody", 1});
  settle();
  CHECK(lines.has("error A pause was asked for lane nobody"));
}

TEST(S4-42 a hundred and one who wait are worth one warning) {
  for (int i = 0; i < 102; ++i)
    ask(1h);
  CHECK(!lines.has("High pending count"));
  ask(1h);
  CHECK(lines.has("warning High pending count: 101 tasks queued"));
  for (int i = 0; i < 10; ++i)
    ask(1h);
  const auto text = lines.text.str();
  CHECK_EQ(text.find("High"), text.rfind("High"));
}

TEST(a dead owner frees its place) {
  const auto a = ask();
  CHECK(a->code == ec::none);
  CHECK_EQ(count("troupe_permits_held", "google"), 1);
  self->send_exit(callers[0], caf::exit_reason::kill);
  settle();
  CHECK_EQ(count("troupe_permits_held", "google"), 0);
}

TEST(an unknown lane is refused at once) {
  CHECK(ask(10s, "nobody")->code == ec::bad_request);
  CHECK(ask(10s, "google", static_cast<priority>(7))->code == ec::bad_request);
  CHECK_EQ(count("troupe_permits_refused_total", "unknown_lane"), 2);
}

TEST(a request that is withdrawn spends no token and the next one has it) {
  ask();
  ask();
  const auto first = ask();
  const auto second = ask();
  caf::anon_send(callers[2], 0);
  caf::anon_send(callers[2], 0); // no second time
  settle();
  CHECK(first->code == ec::cancelled);
  advance(100ms); // one token
  CHECK(second->code == ec::none);
  CHECK_EQ(count("troupe_permits_waiting", "google", "interactive"), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
