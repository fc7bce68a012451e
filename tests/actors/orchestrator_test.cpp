#define TEST_SUITE orchestrator
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "actors/orchestrator/orchestrator.hpp"

#include <map>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct words final : records {
  std::vector<std::string> list;
  explicit words(std::vector<std::string> l) : list{std::move(l)} {}
  [[nodiscard]] std::size_t count() const noexcept override { return list.size(); }
};

provider_answer one_word(std::uint64_t generation) {
  return {generation, std::make_shared<words>(std::vector<std::string>{"w"}), 1, {}, 1, ec::none, {}};
}

// Providers that do what the test says: answer with so many words, fail, die, or hold the call.
struct script {
  int words = 1;
  ec error = ec::none;
  bool hold = false;
  bool die = false;
  call_costs costs{};
  std::int64_t upstream_us = 1'000;
  std::int64_t waited_us = 1'000;
};

struct world : test::actors {
  std::map<std::string, script> scripts;
  std::map<std::string, int> lives;
  std::map<std::string, int> calls;
  std::vector<caf::typed_response_promise<provider_answer>> held;
  std::map<std::string, std::vector<provider_call>> asked;
  std::map<std::string, std::vector<std::uint64_t>> cancelled;
  std::map<std::string, std::vector<std::uint64_t>> hurried;
  std::map<std::string, int> drained;
  std::map<std::string, supervisor_actor> supervisors;
  std::map<std::string, provider_actor> handles; // of the latest lives

  provider_spec spec(const std::string& name) {
    circuit_settings circuit; // what S0 asks for; tests of the rest change it before the first trip
    circuit.jitter_percent = 0;
    circuit.longest = circuit.open;
    circuit.successes = 1;
    circuit.ramp.clear();
    return {
      name, circuit, 6s, 96, [this, name](caf::actor_system& system, supervisor_actor to, std::uint64_t generation) {
        ++lives[name];
        supervisors[name] = to;
        return handles[name] = system.spawn([this, name, generation](
                                              provider_actor::pointer me) -> provider_actor::behavior_type {
          return {
            [=, this](const provider_call& c) -> caf::result<provider_answer> {
              ++calls[name];
              asked[name].push_back(c);
              const auto s = scripts[name];
              if (s.die)
                me->quit(make_error(ec::circuit_tripped));
              if (s.hold) {
                held.push_back(me->make_response_promise<provider_answer>());
                return held.back();
              }
              if (s.error != ec::none)
                return provider_answer{c.generation, nullptr, 1000, s.costs, 1000, s.error, name + " is broken", 0};
              return provider_answer{c.generation,
                std::make_shared<words>(std::vector<std::string>(static_cast<std::size_t>(s.words), name)), 1000,
                s.costs, s.upstream_us, ec::none, {}, s.waited_us};
            },
            [this](const mapped&) { run_inside(); },
            [this, name](const provider_cancel& c) { cancelled[name].push_back(c.id); },
            [this, name](const provider_hurry& h) { hurried[name].push_back(h.id); },
            [this, me, name, generation](provider_drain) {
              ++drained[name];
              me->send(supervisors[name], provider_drains{generation});
            },
            [this, me, name, generation](tick_atom) { // the test's: this life wants to drain
              me->send(supervisors[name], provider_drains{generation});
            },
          };
        });
      }};
  }

  orchestrator_actor boss;

  world() {
    orchestrator_settings s;
    s.providers = {spec("google"), spec("openlibrary")};
    s.wall_ms = [] { return std::int64_t{1'700'000'000'000}; };
    s.log = lines.log;
    s.routes = {{"search", {"google", "openlibrary"},
      [](const question&, std::span<const contribution> from) -> records_ptr {
        std::vector<std::string> all;
        for (const auto& c : from)
          for (const auto& w : static_cast<const words&>(*c.found).list)
            all.push_back(w);
        return std::make_shared<words>(std::move(all));
      },
      [](const question&, const records& r) { return "[" + std::to_string(r.count()) + "]"; }, {}}};
    boss = sys.spawn(orchestrator, std::move(s));
    settle();
  }

  std::shared_ptr<outcome> ask(strategy how = strategy::merge, const std::string& route = "search") {
    auto out = std::make_shared<outcome>();
    out->code = ec::internal;
    clients.push_back(sys.spawn([=, to = boss, with = asked_with](caf::event_based_actor* caller) {
      caller->request(to, caf::infinite, fetch{5, {route, "dune", 10, {}, with}, how, 10'000'000})
        .then([out](const outcome& o) { *out = o; });
      return caf::behavior{
        [=](stats_atom) { caller->send(to, fetch_cancel{5}); }, [=](flush_atom) { caller->send(to, fetch_hurry{5}); }};
    }));
    settle();
    return out;
  }
  std::vector<caf::actor> clients;
  priority asked_with = priority::interactive;

  // The last client's fetch is waited for now.
  void hurry() {
    caf::anon_send(clients.back(), flush_atom::value);
    settle();
  }

  // An order by hand; the state that it led to, or the error's name.
  std::string order(const std::string& provider, circuit_command what) {
    std::string state;
    auto asked_for = self->request(boss, caf::infinite, circuit_order{provider, what});
    settle();
    asked_for.receive([&](const circuit_report& r) { state = r.state + (r.held ? " held" : ""); },
      [&](const caf::error& e) { state = to_string(from_caf(e).code); });
    return state;
  }

  void trip(const std::string& name) {
    scripts[name] = {1, ec::provider_failed, false, true};
    ask();
    scripts[name] = {};
  }

  ~world() override {
    for (const auto& client : clients)
      self->send_exit(client, caf::exit_reason::user_shutdown);
    self->send_exit(boss, caf::exit_reason::user_shutdown);
    supervisors.clear();
    for (const auto& [name, life] : handles)
      self->send_exit(life, caf::exit_reason::user_shutdown);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(orchestrator_tests, world)

TEST(S0-13 a merge of two is tagged with both) {
  const auto o = ask();
  CHECK(o->code == ec::none);
  CHECK_EQ(o->tag, "orchestrated:google+openlibrary");
  CHECK_EQ(o->data.view(), "[2]");
  CHECK(!o->degraded);
  CHECK(o->found);
  CHECK_EQ(o->fetched_ms, 1'700'000'000'000);
}

TEST(S0-06 S0-14 one failure never loses the answer of the other and is logged) {
  scripts["google"].error = ec::provider_failed;
  const auto o = ask();
  CHECK(o->code == ec::none);
  CHECK_EQ(o->tag, "openlibrary");
  CHECK(o->degraded);
  CHECK(o->providers[0].code == ec::provider_failed);
  CHECK_EQ(o->providers[1].records, 1);
  CHECK(lines.has("warning Provider google failed: provider_failed: google is broken"));
}

TEST(S0-10 S0-19 with all failing the outcome says how each one did) {
  scripts["google"].error = ec::provider_failed;
  scripts["openlibrary"].error = ec::provider_timeout;
  const auto o = ask();
  CHECK(o->code == ec::all_providers_failed);
  CHECK_EQ(o->message, "All providers exhausted");
  REQUIRE_EQ(o->providers.size(), 2u);
  CHECK(o->providers[1].code == ec::provider_timeout);
  CHECK(lines.has("error Search failed: All providers exhausted"));
}

TEST(S0-17 S0-18 a fallback asks the second only when the first failed) {
  CHECK_EQ(ask(strategy::fallback)->tag, "google");
  CHECK_EQ(calls["openlibrary"], 0);
  scripts["google"].error = ec::provider_unreachable;
  const auto o = ask(strategy::fallback);
  CHECK_EQ(o->tag, "openlibrary");
  CHECK(lines.has("Primary provider failed: google"));
}

TEST(nobody knowing anything is an answer with the tag none) {
  scripts["google"].words = 0;
  scripts["openlibrary"].words = 0;
  const auto o = ask();
  CHECK(o->code == ec::none);
  CHECK_EQ(o->tag, "none");
  CHECK(!o->found);
}

TEST(a provider that knows nothing is asked but not tagged) {
  scripts["openlibrary"].words = 0;
  const auto o = ask();
  CHECK_EQ(o->tag, "google");
  CHECK(!o->degraded);
}

TEST(a dead provider is planned around without a message until its time and then probed once) {
  trip("google");
  CHECK(lines.has("Circuit of google opened"));
  const auto before = calls["google"];
  const auto o = ask();
  CHECK_EQ(o->tag, "openlibrary");
  CHECK(o->providers[0].code == ec::circuit_open);
  CHECK_EQ(calls["google"], before);
  advance(59s);
  CHECK_EQ(ask()->tag, "openlibrary");
  advance(1s);
  scripts["google"].hold = true;
  const auto probing = ask();
  CHECK(asked["google"].back().probe);
  CHECK_EQ(asked["google"].back().retries, 0);
  CHECK_EQ(calls["google"], before + 1);
  // While the probe is under way everybody else goes around.
  CHECK_EQ(ask()->tag, "openlibrary");
  CHECK_EQ(calls["google"], before + 1);
  inside(
    handles["google"], [this] { held.back().deliver(one_word(2)); }, mapped{});
  CHECK_EQ(probing->tag, "orchestrated:google+openlibrary");
  CHECK(lines.has("Circuit of google closed"));
  scripts["google"].hold = false;
  CHECK_EQ(ask()->tag, "orchestrated:google+openlibrary");
  CHECK_EQ(lives["google"], 2);
}

TEST(a probe that dies keeps the circuit open for another term) {
  trip("google");
  advance(60s);
  scripts["google"] = {1, ec::provider_failed, false, true};
  CHECK_EQ(ask()->tag, "openlibrary");
  scripts["google"] = {};
  advance(59s);
  CHECK_EQ(ask()->tag, "openlibrary");
  advance(1s);
  CHECK_EQ(ask()->tag, "orchestrated:google+openlibrary");
}

TEST(a probe without a verdict leaves room for the next one) {
  trip("google");
  advance(60s);
  scripts["google"].error = ec::permit_refused;
  CHECK_EQ(ask()->tag, "openlibrary");
  scripts["google"] = {};
  CHECK_EQ(ask()->tag, "orchestrated:google+openlibrary");
  CHECK_EQ(lives["google"], 2);
}

TEST(calls under way when a provider dies fail at once) {
  scripts["google"].hold = true;
  scripts["openlibrary"].hold = true;
  const auto waiting = ask();
  CHECK(waiting->code == ec::internal);
  trip("google");
  inside(
    handles["openlibrary"], [this] { held[1].deliver(one_word(1)); }, mapped{});
  CHECK_EQ(waiting->tag, "openlibrary");
  CHECK(waiting->providers[0].code == ec::circuit_tripped);
}

TEST(with every circuit open the answer comes at once and says when to come back) {
  trip("google");
  trip("openlibrary");
  advance(20s);
  const auto o = ask();
  CHECK(o->code == ec::all_circuits_open);
  CHECK_EQ(o->retry_after_us, 40'000'000);
}

TEST(a merge waits for the slower one as long as its patience and no longer) {
  scripts["openlibrary"].hold = true;
  const auto o = ask();
  CHECK(o->code == ec::internal);
  advance(799ms);
  CHECK(o->code == ec::internal);
  advance(1ms);
  CHECK(o->code == ec::none);
  CHECK_EQ(o->tag, "google");
  CHECK(o->degraded);
  CHECK(o->providers[1].code == ec::provider_timeout);
  CHECK_EQ(o->providers[1].elapsed_us, 800'000);
  // The late answer changes nothing.
  inside(
    handles["openlibrary"], [this] { held.back().deliver(one_word(1)); }, mapped{});
}

TEST(what is warmed hears the slower one out until somebody waits for it) {
  scripts["openlibrary"].hold = true;
  asked_with = priority::warming;
  const auto o = ask();
  advance(5s);
  CHECK(o->code == ec::internal);
  hurry();
  CHECK_EQ(hurried["openlibrary"].size(), 1u);
  CHECK(hurried["google"].empty()); // it has answered
  advance(799ms);
  CHECK(o->code == ec::internal);
  advance(1ms);
  CHECK(o->code == ec::none);
  CHECK_EQ(o->tag, "google");
  hurry(); // it has ended
}

TEST(somebody who waits before anybody has answered waits for one and has patience for the others) {
  scripts["google"].hold = scripts["openlibrary"].hold = true;
  asked_with = priority::warming;
  const auto o = ask();
  hurry();
  advance(2s);
  CHECK(o->code == ec::internal);
  inside(
    handles["google"], [this] { held.front().deliver(one_word(1)); }, mapped{});
  CHECK(o->code == ec::internal);
  advance(800ms);
  CHECK_EQ(o->tag, "google");
}

TEST(a provider that never answers is given up a second after the deadline) {
  scripts["google"].hold = scripts["openlibrary"].hold = true;
  const auto o = ask();
  advance(10'900ms);
  CHECK(o->code == ec::internal); // the test's own mark: not answered
  advance(200ms);
  CHECK(o->code == ec::all_providers_failed);
  REQUIRE_EQ(o->providers.size(), 2u);
  CHECK(o->providers[0].code == ec::deadline_exceeded);
  CHECK(o->providers[1].code == ec::deadline_exceeded);
}

TEST(an orchestrator that ends tells everybody who waits) {
  scripts["google"].hold = scripts["openlibrary"].hold = true;
  const auto o = ask();
  self->send_exit(boss, caf::exit_reason::user_shutdown);
  settle();
  CHECK(o->code == ec::cancelled);
}

TEST(the retries of a request are shared by its providers and what is unused is given back) {
  ask();
  CHECK_EQ(asked["google"].back().retries, 1);
  CHECK_EQ(asked["openlibrary"].back().retries, 1);
  scripts["google"] = {.error = ec::provider_failed, .costs = {2}};
  const auto o = ask(strategy::fallback);
  CHECK_EQ(asked["google"].back().retries, 2);
  CHECK_EQ(asked["openlibrary"].back().retries, 1); // google has used one
  CHECK_EQ(o->providers[0].attempts, 2);
}

TEST(what calls cost beyond their first attempt is counted by provider) {
  scripts["google"].costs = {3, 1, true, false, 1, 7, 2};
  ask();
  ask();
  std::map<std::string, std::int64_t> seen;
  auto asked_for = self->request(boss, caf::infinite, stats_atom::value);
  settle();
  asked_for.receive(
    [&](const metrics& all) {
      for (const auto& m : all)
        if (!m.labels.empty() && m.labels[0].second == "google")
          seen[m.name] = m.value;
    },
    [](const caf::error&) {});
  CHECK_EQ(seen["troupe_provider_retries_total"], 2); // of three attempts one is a second beside a first
  CHECK_EQ(seen["troupe_provider_hedges_total"], 2);
  CHECK_EQ(seen["troupe_provider_hedges_won_total"], 2);
  CHECK_EQ(seen["troupe_provider_attempts_aborted_total"], 2);
  CHECK_EQ(seen["troupe_provider_retry_budget"], 7);
  CHECK_EQ(seen["troupe_provider_duration_microseconds_count"], 2);
}

TEST(a second attempt is asked for after what most calls stay within once enough were seen) {
  for (int i = 0; i < 99; ++i)
    ask();
  CHECK_EQ(asked["google"].back().hedge_after_us, 0);
  scripts["google"].upstream_us = 20'000; // on the wire
  scripts["google"].waited_us = 50'000;
  for (int i = 0; i < 100; ++i)
    ask();
  CHECK(asked["google"].back().hedge_after_us >= 50'000);
  CHECK(asked["google"].back().hedge_after_us < 54'000);
}

TEST(a fetch that nobody waits for any more is taken from every provider) {
  scripts["google"].hold = scripts["openlibrary"].hold = true;
  const auto o = ask();
  const auto other = ask();
  caf::anon_send(clients[0], stats_atom::value);
  settle();
  CHECK(o->code == ec::cancelled);
  CHECK(other->code == ec::internal); // the test's own mark: it waits on
  REQUIRE_EQ(cancelled["google"].size(), 1u);
  CHECK_EQ(cancelled["google"][0], asked["google"][0].id);
  CHECK_EQ(cancelled["openlibrary"][0], asked["openlibrary"][0].id);
}

TEST(tripped by hand a provider is not asked until it is reset) {
  CHECK_EQ(order("google", circuit_command::trip), "open held");
  CHECK_EQ(ask()->tag, "openlibrary");
  advance(24h);
  CHECK_EQ(ask()->tag, "openlibrary");
  CHECK_EQ(order("google", circuit_command::reset), "closed");
  CHECK_EQ(ask()->tag, "orchestrated:google+openlibrary");
  CHECK_EQ(order("nobody", circuit_command::trip), "not_found");
}

TEST(drained by hand what is under way finishes and nothing new begins) {
  scripts["google"].hold = true;
  const auto waiting = ask();
  const auto draining = handles["google"];
  CHECK_EQ(order("google", circuit_command::drain), "open held");
  CHECK_EQ(drained["google"], 1);
  CHECK_EQ(ask()->tag, "openlibrary");
  inside(
    draining, [this] { held[0].deliver(one_word(1)); }, mapped{});
  CHECK_EQ(waiting->tag, "orchestrated:google+openlibrary");
}

TEST(a provider that drains itself opens its circuit and its calls still count) {
  scripts["google"].hold = true;
  const auto waiting = ask();
  const auto draining = handles["google"];
  caf::anon_send(draining, tick_atom::value); // too many were slow, it says
  settle();
  CHECK(lines.has("Circuit of google opened: too many calls failed or were slow"));
  scripts["google"].hold = false;
  CHECK_EQ(ask()->tag, "openlibrary");
  inside(
    draining, [this] { held[0].deliver(one_word(1)); }, mapped{});
  CHECK_EQ(waiting->tag, "orchestrated:google+openlibrary");
  advance(60s);
  CHECK_EQ(ask()->tag, "orchestrated:google+openlibrary"); // the probe, by a new life
  CHECK_EQ(lives["google"], 2);
}

TEST(what an earlier life says late changes nothing) {
  const auto first = handles["google"];
  trip("google");
  advance(60s);
  ask(); // the probe closes the circuit
  CHECK_EQ(lives["google"], 2);
  caf::anon_send(caf::actor_cast<caf::actor>(supervisors["google"]), provider_drains{1});
  settle();
  CHECK_EQ(ask()->tag, "orchestrated:google+openlibrary");
}

TEST(the providers end with their supervisor) {
  self->monitor(handles["google"]);
  self->send_exit(boss, caf::exit_reason::user_shutdown);
  settle();
  bool down = false;
  self->receive([&](const caf::down_msg&) { down = true; }, caf::after(0s) >> [] {});
  CHECK(down);
}

TEST(an unknown route is a bad request and asks nobody) {
  CHECK(ask(strategy::merge, "nonsense")->code == ec::bad_request);
  CHECK(calls.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
