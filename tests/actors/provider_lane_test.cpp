// A provider some of whose questions have a lane of their own, with the real rate limiter.
#define TEST_SUITE provider_lanes
#include "actors/rate_limiter/rate_limiter.hpp"
#include "tests/actors/provider_world.hpp"
#include "tests/support/test.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct world : test::provider_world {
  world() {
    permit_book::settings s;
    s.rate = s.burst = 100;
    s.jitter = 0ns;
    s.lanes = {{"google", 100, 100, 10}, {"google/reports", 100, 100, 1}};
    limiter = sys.spawn(rate_limiter, rate_limiter_settings{s, lines.log});
    auto api = *settings.api;
    api.lane = [](const question& q) { return q.route == "report" ? "google/reports" : "google"; };
    settings.api = std::make_shared<const upstream_api>(std::move(api));
    response.status = 200;
    start();
  }

  std::shared_ptr<ending> ask(
    const std::string& route, const std::string& text, std::chrono::microseconds remaining = 5s) {
    auto asked = plain(7, remaining);
    asked.what.route = route;
    asked.what.text = text;
    return call(asked);
  }

  // What the upstream was asked.
  std::vector<std::string> asked() const {
    std::vector<std::string> out;
    for (const auto& r : requests)
      out.push_back(r.url.substr(r.url.find("q=") + 2, 2));
    return out;
  }
};

using texts = std::vector<std::string>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(provider_lane_tests, world)

TEST(a full lane holds up its own operation and no other of the provider) {
  hang = true;
  const auto first = ask("report", "r1");
  const auto second = ask("report", "r2");
  const auto other = ask("search", "s1");
  advance(1s);
  CHECK((asked() == texts{"r1", "s1"}));
  inside(http, [this] { held[1].deliver(response); });
  CHECK(other->code == ec::none);
  CHECK((asked() == texts{"r1", "s1"}));
  inside(http, [this] { held[0].deliver(response); }); // which gives back the lane's one slot
  CHECK(first->code == ec::none);
  CHECK((asked() == texts{"r1", "s1", "r2"}));
  inside(http, [this] { held[2].deliver(response); });
  CHECK(second->code == ec::none);
}

TEST(whoever waits on a lane until its deadline is refused and counts for nothing against the provider) {
  hang = true;
  ask("report", "r1", 1min);
  for (int i = 0; i < 10; ++i) {
    const auto end = ask("report", "late", 1s);
    advance(1s);
    CHECK(end->code == ec::permit_refused);
  }
  CHECK(!died());
  inside(http, [this] { held[0].deliver(response); });
}

TEST(a 429 on a lane pauses every call to the provider) {
  response.status = 429;
  response.retry_after_us = 2'000'000;
  CHECK(ask("report", "r1")->code == ec::provider_limited);
  response.status = 200;
  const auto other = ask("search", "s1");
  advance(1'900ms);
  CHECK((asked() == texts{"r1"}));
  advance(200ms);
  CHECK(other->code == ec::none);
}

CAF_TEST_FIXTURE_SCOPE_END()
