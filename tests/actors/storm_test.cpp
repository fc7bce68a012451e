// The orchestrator, its providers and the rate limiter as they are, above an upstream that does what chance says, in
// virtual time. Whatever comes, every question is answered once and in time, nothing leaks, and no state is stuck.
#define TEST_SUITE storm
#include "tests/actors/provider_world.hpp"
#include "tests/support/test.hpp"

#include "actors/orchestrator/orchestrator.hpp"
#include "actors/rate_limiter/rate_limiter.hpp"

#include <random>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct storm : test::actors {
  using time = std::chrono::steady_clock::time_point;

  struct transfer {
    caf::typed_response_promise<http_response> promise;
    time due;
    http_response answer;
  };
  struct client {
    caf::actor actor;
    time until;
    int answers = 0;
    ec code = ec::none;
  };

  std::mt19937 random;
  bool healthy = false;
  std::vector<transfer> transfers;
  rate_limiter_actor limiter;
  http_client_actor upstream;
  orchestrator_actor boss;
  std::vector<std::shared_ptr<client>> clients;

  int pick(int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); }
  time now() { return sched.clock().now(); }

  // How this call goes: mostly well, at times slowly, at times not at all.
  transfer roll(caf::typed_response_promise<http_response> promise, const http_request& r) {
    transfer t{std::move(promise), now() + std::chrono::milliseconds{1 + pick(60)}, {}};
    t.answer.status = 200;
    const auto dice = healthy ? 0 : pick(100);
    if (dice >= 97) {
      t.answer.status = 599; // the mapper throws
    } else if (dice >= 92) {
      t.answer.status = 429;
      t.answer.retry_after_us = pick(2) == 0 ? -1 : 1'000 * pick(3'000);
    } else if (dice >= 70) {
      t.answer.status = 503;
    } else if (dice >= 62) { // hangs until its time is over, as the HTTP client would have it
      t.answer.status = 0;
      t.answer.code = ec::provider_timeout;
      t.due = now() + std::chrono::microseconds{r.timeout_us};
    } else if (dice >= 55) {
      t.due += std::chrono::milliseconds{500 + pick(2'000)};
    }
    t.answer.elapsed_us = us(t.due - now());
    return t;
  }

  void start(unsigned seed) {
    random.seed(seed);
    upstream = sys.spawn([this](http_client_actor::pointer me) -> http_client_actor::behavior_type {
      return {
        [this, me](const http_request& r) {
          transfers.push_back(roll(me->make_response_promise<http_response>(), r));
          return transfers.back().promise;
        },
        [](const http_abort&) {}, // what comes all the same must do no harm
        [](const transfer_done&) {},
        [this](stats_atom) { return run_inside(); },
      };
    });
    permit_book::settings limits;
    limits.rate = limits.burst = 60;
    limits.lanes = {{"google", 40, 20, 10}, {"openlibrary", 20, 10, 5}};
    limits.seed = seed + 1;
    limiter = sys.spawn(rate_limiter, rate_limiter_settings{limits, lines.log});
    orchestrator_settings s;
    for (const auto* name : {"google", "openlibrary"})
      s.providers.push_back(spec(name, seed));
    s.routes = {{"search", {"google", "openlibrary"},
      [](const question&, std::span<const contribution> from) { return from.front().found; },
      [](const question&, const records&) { return std::string{"[]"}; }, {}}};
    s.wall_ms = [] { return std::int64_t{0}; };
    s.calls = seed % 3 == 0 ? 4 : 0;
    s.seed = seed;
    lines.log->set_level(spdlog::level::off);
    s.log = lines.log;
    boss = sys.spawn(orchestrator, std::move(s));
    settle();
  }

  provider_spec spec(const std::string& name, unsigned seed) {
    auto p = test::provider_world::plain_settings();
    auto api = *p.api;
    api.name = name;
    p.api = std::make_shared<upstream_api>(std::move(api));
    p.health.window = 10s;
    p.health.slow = 1s;
    p.hedge_percent = 30; // many, so that some of each kind come about
    p.seed = seed;
    circuit_settings c;
    c.open = 2s;
    c.longest = 8s;
    c.ramp_step = seed % 2 == 0 ? 1s : 0s;
    return {
      name, c, 6s, 75, [this, p](caf::actor_system& system, supervisor_actor supervisor, std::uint64_t generation) {
        return system.spawn(provider, p, generation, provider_peers{std::move(supervisor), limiter, upstream});
      }};
  }

  void ask() {
    const std::chrono::milliseconds remaining{10 + pick(pick(4) == 0 ? 10'000 : 2'000)};
    auto c = std::make_shared<client>();
    // The orchestrator's own grace for a provider's actor that is at fault is a second.
    c->until = now() + remaining + 2s;
    fetch f{1, {"search", "dune", 10, {}}, pick(2) == 0 ? strategy::merge : strategy::fallback, us(remaining)};
    f.what.priority = static_cast<priority>(pick(3));
    c->actor = sys.spawn([=, to = boss](caf::event_based_actor* me) -> caf::behavior {
      me->request(to, caf::infinite, f)
        .then(
          [c](const outcome& o) {
            ++c->answers;
            c->code = o.code;
          },
          [c](const caf::error&) { c->answers += 1'000; });
      return {[me, to](stats_atom) { me->send(to, fetch_cancel{1}); }};
    });
    clients.push_back(c);
  }

  // Hands over what has become due.
  void land() {
    inside(upstream, [this] {
      for (auto& t : transfers)
        if (t.due <= now())
          t.promise.deliver(t.answer);
      std::erase_if(transfers, [this](const auto& t) { return t.due <= now(); });
    });
  }

  void pass(std::chrono::milliseconds length) {
    for (auto left = length; left > 0ms; left -= 10ms) {
      advance(10ms);
      land();
    }
  }

  // Forgets clients that are done; none may be past its time, and none answered twice.
  void check_clients() {
    for (const auto& c : clients) {
      CHECK(c->answers <= 1);
      CHECK(c->answers == 1 || now() <= c->until);
      if (c->answers == 1)
        self->send_exit(c->actor, caf::exit_reason::user_shutdown);
    }
    std::erase_if(clients, [](const auto& c) { return c->answers == 1; });
    settle();
  }

  void order() {
    const auto* name = pick(2) == 0 ? "google" : "openlibrary";
    const auto dice = pick(4);
    const auto what = dice == 0 ? circuit_command::trip : dice == 1 ? circuit_command::drain : circuit_command::reset;
    caf::anon_send(boss, circuit_order{name, what});
    settle();
  }

  // Every metric of an actor, its rows added up.
  template <class Handle>
  std::map<std::string, std::int64_t> metrics_of(const Handle& of) {
    std::map<std::string, std::int64_t> out;
    auto asked = self->request(of, caf::infinite, stats_atom::value);
    settle();
    asked.receive(
      [&](const metrics& all) {
        for (const auto& m : all)
          out[m.name] += m.value;
      },
      [](const caf::error&) {});
    return out;
  }

  ~storm() override {
    transfers.clear();
    for (const auto& c : clients)
      self->send_exit(c->actor, caf::exit_reason::user_shutdown);
    for (const auto& a :
      {caf::actor_cast<caf::actor>(boss), caf::actor_cast<caf::actor>(limiter), caf::actor_cast<caf::actor>(upstream)})
      self->send_exit(a, caf::exit_reason::user_shutdown);
    settle();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(storm_tests, storm)

TEST(whatever the upstream and its operators do every question is answered once and nothing is stuck) {
  std::map<std::string, std::int64_t> happened;
  for (unsigned seed = 1; seed <= 12; ++seed) {
    start(seed);
    for (int step = 0; step < 1'500; ++step) {
      for (int n = pick(4); n > 0; --n)
        ask();
      settle();
      if (pick(10) == 0 && !clients.empty())
        caf::anon_send(
          clients[static_cast<std::size_t>(pick(static_cast<int>(clients.size())))]->actor, stats_atom::value);
      if (pick(200) == 0)
        order();
      pass(std::chrono::milliseconds{10 * (1 + pick(5))});
      if (step % 50 == 0)
        check_clients();
    }
    pass(15s); // the longest deadline, and the grace
    check_clients();
    CHECK(clients.empty());
    const auto left = metrics_of(boss);
    for (const auto& [name, value] : left)
      happened[name] += value;
    CHECK_EQ(left.at("troupe_requests_in_flight"), 0);
    CHECK_EQ(left.at("troupe_provider_calls_in_flight"), 0);
    const auto permits = metrics_of(limiter);
    CHECK_EQ(permits.at("troupe_permits_held"), 0);
    CHECK_EQ(permits.at("troupe_permits_waiting"), 0);
    // The upstream is well again, and nobody holds a circuit open: after its longest time everything runs.
    healthy = true;
    for (const auto* name : {"google", "openlibrary"})
      caf::anon_send(boss, circuit_order{name, circuit_command::reset});
    pass(2s);
    clients.clear();
    ask();
    const auto last = clients.back();
    last->until = now() + 1h;
    pass(12s);
    CHECK_EQ(last->answers, 1);
    CHECK(last->code == ec::none);
    healthy = false;
    for (const auto& a :
      {caf::actor_cast<caf::actor>(boss), caf::actor_cast<caf::actor>(limiter), caf::actor_cast<caf::actor>(upstream)})
      self->send_exit(a, caf::exit_reason::user_shutdown);
    settle();
    transfers.clear();
  }
  // It was a storm: what it is to survive has come about.
  CHECK(happened["troupe_circuit_trips_total"] > 50);
  CHECK(happened["troupe_provider_retries_total"] > 50);
  CHECK(happened["troupe_provider_attempts_aborted_total"] > 50);
  CHECK(happened["troupe_provider_hedges_total"] > 0);
  CHECK(happened["troupe_provider_hedges_won_total"] > 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
