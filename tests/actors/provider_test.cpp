#define TEST_SUITE provider
#include "tests/actors/provider_world.hpp"
#include "tests/support/test.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using test::words;

CAF_TEST_FIXTURE_SCOPE(provider_tests, test::provider_world)

TEST(a call gets a permit and asks the upstream and gives the permit back) {
  start();
  response.status = 200;
  const auto end = call();
  CHECK(end->code == ec::none);
  CHECK_EQ(end->records, 1);
  REQUIRE_EQ(requests.size(), 1u);
  CHECK_EQ(requests[0].url, "http://upstream/find?q=dune&key=k");
  CHECK_EQ(requests[0].headers.back().second, "00-trace");
  CHECK_EQ(requests[0].timeout_us, 3'000'000);
  CHECK_EQ(released, 1);
}

TEST(a client that never answers is given up half a second after the deadline) {
  start();
  hang = true;
  const auto end = call(7, 2s);
  advance(2'400ms);
  CHECK(end->code == ec::internal); // the test's own mark: not answered
  advance(200ms);
  CHECK(end->code == ec::deadline_exceeded);
  CHECK_EQ(released, 1);
}

TEST(a provider that crashes answers who waits and ends as one that tripped) {
  start();
  hang = true;
  const auto first = call();
  hang = false;
  response.status = 599; // the mapper of this test throws on it
  const auto second = call();
  CHECK(first->code == ec::circuit_tripped);
  CHECK(second->code == ec::circuit_tripped);
  CHECK(died());
}

TEST(an attempt never outlasts the deadline of its request) {
  start();
  response.status = 200;
  call(7, 500ms);
  REQUIRE_EQ(requests.size(), 1u);
  CHECK_EQ(requests[0].timeout_us, 500'000);
  CHECK_EQ(requests[0].connect_timeout_us, 500'000);
}

TEST(S0-44 the fifth failure in a row kills it after its caller was answered) {
  start();
  response.status = 503;
  for (int i = 0; i < 4; ++i)
    CHECK(call()->code == ec::provider_failed);
  CHECK(!died());
  CHECK(call()->code == ec::provider_failed);
  CHECK(died());
  CHECK_EQ(released, 5);
}

TEST(whoever waits when the circuit trips is told so and counted once) {
  start();
  hang = true;
  const auto waiting = call();
  hang = false;
  response.status = 503;
  for (int i = 0; i < 5; ++i)
    call();
  CHECK(died());
  CHECK(waiting->code == ec::circuit_tripped);
  inside(http, [this] { held.front().deliver(http_response{}); });
}

TEST(quota pauses the lane and kills nobody) {
  start();
  response.status = 429;
  response.retry_after_us = 7'000'000;
  for (int i = 0; i < 10; ++i)
    CHECK(call()->code == ec::provider_limited);
  CHECK(!died());
  CHECK_EQ(paused_us, 7'000'000);
}

TEST(C-08 a failed probe kills) {
  start();
  response.status = 503;
  auto probe = plain();
  probe.probe = true;
  probe.retries = probe.extra = 2; // it takes none
  CHECK(call(probe)->code == ec::provider_failed);
  CHECK(died());
  CHECK_EQ(requests.size(), 1u);
}

TEST(S4-46 a transient failure is tried again until it succeeds) {
  start();
  hang = true;
  auto c = plain();
  c.retries = c.extra = 2;
  const auto end = call(c);
  http_response broken;
  broken.status = 503;
  inside(http, [&] { held[0].deliver(broken); });
  CHECK(end->code == ec::internal); // the test's own mark: not answered
  CHECK_EQ(released, 1);
  advance(50ms); // the first wait is at most that
  REQUIRE_EQ(requests.size(), 2u);
  http_response fine;
  fine.status = 200;
  inside(http, [&] { held[1].deliver(fine); });
  CHECK(end->code == ec::none);
  CHECK_EQ(end->attempts, 2);
  CHECK_EQ(released, 2);
}

TEST(a call makes no more retries than it was given and none that waits past its deadline) {
  settings.health.failures = 100;
  start();
  response.status = 503;
  auto c = plain();
  c.retries = c.extra = 1;
  const auto end = call(c);
  advance(3s);
  CHECK(end->code == ec::provider_failed);
  CHECK_EQ(end->attempts, 2);
  response.status = 429;
  response.retry_after_us = 6'000'000; // the deadline is in 5 s
  c = plain();
  c.retries = c.extra = 2;
  const auto limited = call(c);
  CHECK(limited->code == ec::provider_limited);
  CHECK_EQ(limited->attempts, 1);
}

TEST(a call that is cancelled is taken off the wire and answered) {
  start();
  hang = true;
  const auto c = plain();
  const auto end = call(c);
  caf::anon_send(life, provider_cancel{c.id});
  caf::anon_send(life, provider_cancel{c.id});
  settle();
  CHECK(end->code == ec::cancelled);
  REQUIRE_EQ(aborted.size(), 1u);
  CHECK_EQ(aborted[0], requests[0].id);
  CHECK_EQ(released, 1);
  http_response late;
  late.status = 503;
  inside(http, [&] { held[0].deliver(late); });
  CHECK_EQ(released, 1);
}

TEST(a call that is cancelled while it waits for a permit spends none) {
  start();
  withhold = true;
  const auto c = plain();
  const auto end = call(c);
  caf::anon_send(life, provider_cancel{c.id});
  settle();
  CHECK(end->code == ec::cancelled);
  CHECK_EQ(withdrawn.size(), 1u);
  CHECK(requests.empty());
  CHECK(aborted.empty());
}

TEST(a call that somebody waits for now asks for its permit anew among those of its kind) {
  start();
  withhold = true;
  auto c = plain();
  c.what.priority = priority::warming;
  const auto end = call(c);
  caf::anon_send(life, provider_hurry{c.id});
  caf::anon_send(life, provider_hurry{c.id}); // once is enough
  caf::anon_send(life, provider_hurry{12'345});
  settle();
  REQUIRE_EQ(wanted.size(), 2u);
  CHECK(wanted[0].priority == priority::warming);
  CHECK(wanted[1].priority == priority::interactive);
  CHECK_EQ(withdrawn, std::vector<std::uint64_t>{wanted[0].id});
  inside(limiter, [&] { withheld[0].deliver(permit{1, 0}); }); // it was on its way
  CHECK(requests.empty());
  CHECK_EQ(released, 1);
  inside(limiter, [&] { withheld[1].deliver(permit{2, 0}); });
  CHECK_EQ(requests.size(), 1u);
  CHECK(end->code == ec::none);
  CHECK_EQ(end->attempts, 1);
  CHECK_EQ(released, 2);
}

TEST(a call on the wire goes on when somebody waits for it) {
  start();
  hang = true;
  auto c = plain();
  c.what.priority = priority::warming;
  const auto end = call(c);
  caf::anon_send(life, provider_hurry{c.id});
  settle();
  CHECK_EQ(wanted.size(), 1u);
  inside(http, [&] { held[0].deliver(response); });
  CHECK(end->code == ec::none);
}

TEST(a share of failures drains it and what is under way still succeeds) {
  settings.health.failures = 1'000;
  settings.health.minimum = 10;
  start();
  hang = true;
  const auto waiting = call();
  hang = false;
  response.status = 503;
  for (int i = 0; i < 10; ++i)
    call();
  CHECK(drains == std::vector<std::uint64_t>({7}));
  CHECK(!died());
  CHECK(call()->code == ec::circuit_tripped);
  CHECK_EQ(requests.size(), 11u);
  http_response fine;
  fine.status = 200;
  inside(http, [&] { held[0].deliver(fine); });
  CHECK(waiting->code == ec::none);
  CHECK(died());
}

TEST(drained by its supervisor it ends once nothing is under way) {
  start();
  response.status = 200;
  call();
  caf::anon_send(life, provider_drain{});
  settle();
  CHECK(died());
}

TEST(a call for another life is refused without asking the upstream) {
  start();
  CHECK(call(6)->code == ec::circuit_tripped);
  CHECK(requests.empty());
}

TEST(a mapper that throws takes the same path as a tripped circuit) {
  start();
  response.status = 200;
  response.body = blob{"crash"};
  call();
  CHECK(died());
}

TEST(a mapper that answers later ends the call when it does) {
  auto api = *settings.api;
  upstream_api::mapped_callback later;
  std::chrono::microseconds time{};
  api.map_later = [&](const question&, const http_response&, std::chrono::microseconds left, auto done) {
    later = done;
    time = left;
  };
  settings.api = std::make_shared<upstream_api>(api);
  start();
  auto end = call();
  CHECK(end->code == ec::internal); // still open
  CHECK_EQ(released, 0);
  CHECK(time == 5s);
  later(records_ptr{std::make_shared<words>()});
  settle();
  CHECK(end->code == ec::none);
  CHECK_EQ(end->records, 1);
  CHECK_EQ(released, 1);

  end = call();
  response.retry_after_us = 7;
  later(fail(ec::provider_malformed, "no"));
  settle();
  CHECK(end->code == ec::provider_malformed);
  CHECK_EQ(released, 2);

  // One that comes after the call has been given up changes nothing.
  end = call();
  advance(6s);
  CHECK(end->code == ec::deadline_exceeded);
  later(records_ptr{std::make_shared<words>()});
  settle();
  CHECK_EQ(released, 3);
  CHECK(!died());
}

TEST(a later mapper that says limited pauses the lane as the answer asked) {
  auto api = *settings.api;
  upstream_api::mapped_callback later;
  api.map_later = [&](const question&, const http_response&, auto, auto done) { later = done; };
  settings.api = std::make_shared<upstream_api>(api);
  response.retry_after_us = 2'000'000;
  start();
  auto end = call();
  later(fail(ec::provider_limited, "429"));
  settle();
  CHECK(end->code == ec::provider_limited);
  CHECK_EQ(paused_us, 2'000'000);
}

CAF_TEST_FIXTURE_SCOPE_END()
