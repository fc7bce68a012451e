#define TEST_SUITE provider hedges
#include "tests/actors/provider_world.hpp"
#include "tests/support/test.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using test::words;

namespace {

// What the upstream answers: a list, or nothing of use.
http_response status(int code) {
  http_response r;
  r.status = code;
  return r;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(provider_hedge_tests, test::provider_world)

TEST(a slow attempt is hedged and the loser is aborted) {
  settings.hedge_percent = 100;
  start();
  hang = true;
  auto c = plain();
  c.hedge_after_us = 40'000;
  const auto end = call(c);
  advance(39ms);
  CHECK_EQ(requests.size(), 1u);
  advance(1ms);
  REQUIRE_EQ(requests.size(), 2u);
  http_response fine;
  fine.status = 200;
  inside(http, [&] { held[1].deliver(fine); });
  CHECK(end->code == ec::none);
  CHECK_EQ(end->attempts, 2);
  REQUIRE_EQ(aborted.size(), 1u);
  CHECK_EQ(aborted[0], requests[0].id);
  CHECK_EQ(released, 2);
  advance(1s);
  CHECK_EQ(requests.size(), 2u);
}

TEST(how long an attempt waited is counted by the clock that a second one waits by) {
  start();
  hang = true;
  const auto end = call(plain());
  advance(30ms);
  http_response fine;
  fine.status = 200;
  fine.elapsed_us = 10'000; // on the wire
  inside(http, [&] { held[0].deliver(fine); });
  CHECK(end->code == ec::none);
  CHECK_EQ(end->upstream_us, 10'000);
  CHECK_EQ(end->waited_us, 30'000);
}

TEST(a failed first attempt waits for the second that is under way) {
  settings.hedge_percent = 100;
  start();
  hang = true;
  auto c = plain();
  c.hedge_after_us = 40'000;
  const auto end = call(c);
  advance(40ms);
  REQUIRE_EQ(requests.size(), 2u);
  http_response broken;
  broken.status = 503;
  inside(http, [&] { held[0].deliver(broken); });
  CHECK(end->code == ec::internal); // the test's own mark: not answered
  http_response fine;
  fine.status = 200;
  inside(http, [&] { held[1].deliver(fine); });
  CHECK(end->code == ec::none);
  CHECK(aborted.empty());
}

TEST(second attempts are a share of the calls) {
  settings.hedge_percent = 5;
  start();
  hang = true;
  std::vector<std::shared_ptr<ending>> ends;
  for (int i = 0; i < 100; ++i) {
    auto c = plain();
    c.hedge_after_us = 40'000;
    ends.push_back(call(c));
  }
  advance(40ms);
  CHECK_EQ(requests.size(), 105u);
}

TEST(a call that is tried again is not hedged as well) {
  settings.hedge_percent = 100;
  start();
  hang = true;
  auto c = plain();
  c.hedge_after_us = 60'000;
  c.retries = c.extra = 2;
  call(c);
  advance(5ms);
  inside(http, [&] { held[0].deliver(status(503)); });
  advance(50ms); // the retry is under way
  REQUIRE_EQ(requests.size(), 2u);
  advance(1s); // the second attempt that the first would have had is not made
  CHECK_EQ(requests.size(), 2u);
}

TEST(an answer that is being mapped is not hedged) {
  auto api = *settings.api;
  upstream_api::mapped_callback later;
  api.map_later = [&](const question&, const http_response&, auto, auto done) { later = done; };
  settings.api = std::make_shared<upstream_api>(api);
  settings.hedge_percent = 100;
  start();
  auto c = plain();
  c.hedge_after_us = 10'000;
  const auto end = call(c);
  advance(1s);
  CHECK_EQ(requests.size(), 1u);
  later(records_ptr{std::make_shared<words>()});
  settle();
  CHECK(end->code == ec::none);
  CHECK(aborted.empty());
}

TEST(C-30 a second attempt and a retry share the calls that the request has left) {
  settings.hedge_percent = 100;
  start();
  hang = true;
  auto c = plain();
  c.hedge_after_us = 10'000;
  c.retries = 2;
  c.extra = 1;
  const auto end = call(c);
  advance(10ms);
  REQUIRE_EQ(requests.size(), 2u);
  inside(http, [&] { held[0].deliver(status(503)); });
  inside(http, [&] { held[1].deliver(status(503)); });
  CHECK(end->code == ec::provider_failed); // no call is left for a retry
  auto none = plain();
  none.hedge_after_us = 10'000;
  none.extra = 0;
  call(none);
  advance(1s);
  CHECK_EQ(requests.size(), 3u);
}

CAF_TEST_FIXTURE_SCOPE_END()
