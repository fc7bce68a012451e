#define TEST_SUITE provider
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "actors/provider/provider.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct words final : records {
  [[nodiscard]] std::size_t count() const noexcept override { return 1; }
};

// A limiter that grants at once and an upstream that says what the test tells it; both count.
struct world : test::actors {
  std::int64_t granted = 0;
  std::int64_t released = 0;
  std::int64_t paused_us = 0;
  std::vector<http_request> requests;
  std::vector<std::uint64_t> aborted;
  http_response response;
  bool hang = false;
  caf::optional<caf::error> death;

  bool withhold = false; // the limiter's permits
  std::vector<caf::typed_response_promise<permit>> withheld;
  std::vector<std::uint64_t> withdrawn;
  rate_limiter_actor::pointer limiter_me = nullptr;

  rate_limiter_actor limiter = sys.spawn([this](rate_limiter_actor::pointer me) -> rate_limiter_actor::behavior_type {
    limiter_me = me;
    return {
      [this](const permit_request&) -> caf::result<permit> {
        if (withhold) {
          withheld.push_back(limiter_me->make_response_promise<permit>());
          return withheld.back();
        }
        return permit{static_cast<std::uint64_t>(++granted), 0};
      },
      [this](const permit_withdraw& w) { withdrawn.push_back(w.id); },
      [this](const permit_release&) { ++released; },
      [this](const lane_pause& p) { paused_us = p.pause_us; },
      [](tick_atom) {},
      [](stats_atom) { return metrics{}; },
    };
  });

  http_client_actor http = sys.spawn([this](http_client_actor::pointer me) -> http_client_actor::behavior_type {
    return {
      [this, me](const http_request& r) -> caf::result<http_response> {
        requests.push_back(r);
        if (!hang)
          return response;
        held.push_back(me->make_response_promise<http_response>());
        return held.back();
      },
      [this](const http_abort& a) { aborted.push_back(a.id); },
      [](const transfer_done&) {},
      [this](stats_atom) { return run_inside(); },
    };
  });
  std::vector<caf::typed_response_promise<http_response>> held;

  provider_settings settings = [] {
    provider_settings s;
    s.api = std::make_shared<upstream_api>(upstream_api{"google",
      [](const question& q, const std::string& key) {
        return upstream_request{"/find?q=" + q.text + "&key=" + key, {{"Accept", "application/json"}}};
      },
      [](const question&, const http_response& r) -> result<records_ptr> {
        if (r.status == 599)
          throw std::runtime_error{"a bug in a mapper"};
        if (r.status == 429)
          return fail(ec::provider_limited, "quota");
        if (r.status >= 500)
          return fail(ec::provider_failed, "status 503");
        if (r.body.view() == "crash")
          throw std::runtime_error{"mapper"};
        return records_ptr{std::make_shared<words>()};
      }});
    s.url = "http://upstream";
    s.key = "k";
    return s;
  }();

  provider_actor life;

  supervisor_actor boss = sys.spawn([this](supervisor_actor::pointer) -> supervisor_actor::behavior_type {
    return {[this](const provider_drains& d) { drains.push_back(d.generation); }};
  });
  std::vector<std::uint64_t> drains;

  provider_actor start() {
    life = sys.spawn(provider, settings, std::uint64_t{7}, provider_peers{boss, limiter, http});
    self->monitor(life);
    return life;
  }

  struct ending {
    ec code = ec::none;
    std::int32_t records = -1;
    std::int32_t attempts = 0;
  };

  provider_call plain(std::uint64_t generation = 7, std::chrono::microseconds remaining = 5s) {
    return {generation, ++last_id, {"search", "dune", 3, "00-trace"}, remaining.count(), 0, 0, false};
  }
  std::uint64_t last_id = 0;

  // Sends a call; its ending is there once the actors have run.
  std::shared_ptr<ending> call(std::uint64_t generation = 7, std::chrono::microseconds remaining = 5s) {
    return call(plain(generation, remaining));
  }

  std::shared_ptr<ending> call(const provider_call& what) {
    auto out = std::make_shared<ending>();
    out->code = ec::internal;
    sys.spawn([=, to = life](caf::event_based_actor* caller) {
      caller->request(to, caf::infinite, what)
        .then(
          [out](const provider_answer& a) {
            *out = {a.code, a.found ? static_cast<std::int32_t>(a.found->count()) : -1, a.attempts};
          },
          [out](const caf::error& e) {
            *out = {from_caf(e).code, -1, 0};
          });
    });
    settle();
    return out;
  }

  bool died() {
    bool down = false;
    self->receive([&](const caf::down_msg&) { down = true; }, caf::after(0s) >> [] {});
    return down;
  }

  ~world() override {
    self->send_exit(life, caf::exit_reason::user_shutdown);
    self->send_exit(boss, caf::exit_reason::user_shutdown);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(provider_tests, world)

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
  probe.retries = 2; // it takes none
  CHECK(call(probe)->code == ec::provider_failed);
  CHECK(died());
  CHECK_EQ(requests.size(), 1u);
}

TEST(S4-46 a transient failure is tried again until it succeeds) {
  start();
  hang = true;
  auto c = plain();
  c.retries = 2;
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
  c.retries = 1;
  const auto end = call(c);
  advance(3s);
  CHECK(end->code == ec::provider_failed);
  CHECK_EQ(end->attempts, 2);
  response.status = 429;
  response.retry_after_us = 6'000'000; // the deadline is in 5 s
  c = plain();
  c.retries = 2;
  const auto limited = call(c);
  CHECK(limited->code == ec::provider_limited);
  CHECK_EQ(limited->attempts, 1);
}

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
