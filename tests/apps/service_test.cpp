// Services and bindings on virtual time: two services, one bound to the other.
#define TEST_SUITE service
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "tests/apps/service_world.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using troupe::test::caller_ptr;
using world = troupe::test::service_world;

CAF_TEST_FIXTURE_SCOPE(service_tests, world)

TEST(S2-12 a method takes its arguments and returns what it made of them) {
  start();
  const auto sum = method("WORKER_B", "add", {{"a", "5"}, {"b", "10"}});
  CHECK_EQ(sum->size(), 1u);
  CHECK_EQ(sum->at(0).data.view(), "15");
  const auto unknown = method("WORKER_B", "subtract");
  CHECK(unknown->at(0).code == ec::not_found);
}

TEST(S2-13 an entrypoint has methods of its own and a binding reaches no other) {
  start();
  CHECK_EQ(method("WORKER_B", "publicMethod")->at(0).data.view(), R"("Public API")");
  CHECK_EQ(method("ADMIN", "adminMethod")->at(0).data.view(), R"("Admin API")");
  CHECK(method("WORKER_B", "adminMethod")->at(0).code == ec::not_found);
  CHECK(method("ADMIN", "publicMethod")->at(0).code == ec::not_found);
}

TEST(C-01 a path and an address with any host mean the same) {
  start();
  fetch("/a/b?c=d");
  CHECK_EQ(last.path, "/a/b?c=d");
  fetch("https://any-host/a/b?c=d");
  CHECK_EQ(last.path, "/a/b?c=d");
  fetch("http://any-host?c=d");
  CHECK_EQ(last.path, "/?c=d");
}

TEST(S2-62 an answer says how long the binding took) {
  start();
  const auto r = fetch();
  CHECK_EQ(r->at(0).status, 200);
  CHECK_EQ(r->at(0).header("X-Service-Binding-Time"), "0.00");
}

TEST(S2-76 nobody reaches what is not bound) {
  start();
  service_request r;
  const auto unnamed = ask<service_response>("WORKER_C", r);
  CHECK(unnamed->at(0).code == ec::not_found);
  const auto refused = ask<service_response>("STRANGER", r);
  CHECK(refused->at(0).code == ec::circuit_tripped);
  CHECK(refused->at(0).detail.find("not bound") != std::string::npos);
  CHECK_EQ(handled, 0);
}

TEST(S2-54 three failures in a row open the circuit and calls are refused without being sent) {
  start();
  status = 503;
  for (int i = 0; i < 3; ++i)
    CHECK_EQ(fetch()->at(0).status, 503);
  status = 200;
  const auto refused = fetch();
  CHECK(refused->at(0).code == ec::circuit_open);
  CHECK_EQ(refused->at(0).detail, "Circuit breaker OPEN for WORKER_B");
  CHECK_EQ(handled, 3);
  CHECK_EQ(counted->trips.load(), 1);
  CHECK_EQ(counted->calls.load(), 3);
  CHECK_EQ(counted->refused.load(), 1);
}

TEST(S2-55 after a minute one call probes and two good ones close the circuit) {
  start();
  status = 500;
  for (int i = 0; i < 3; ++i)
    fetch();
  advance(59s);
  CHECK(fetch()->at(0).code == ec::circuit_open);
  advance(1s);
  CHECK_EQ(fetch()->at(0).status, 500); // the probe fails: open again, for twice as long
  advance(61s);
  CHECK(fetch()->at(0).code == ec::circuit_open);
  advance(60s);
  status = 200;
  quiet = true;
  const auto probe = fetch();
  CHECK(probe->empty());
  CHECK(fetch()->at(0).code == ec::circuit_open); // one probe at a time
  quiet = false;
  advance(6s); // it was never answered
  CHECK(probe->at(0).code == ec::deadline_exceeded);
  advance(240s);
  CHECK_EQ(fetch()->at(0).status, 200);
  CHECK_EQ(fetch()->at(0).status, 200);
  CHECK_EQ(fetch()->at(0).status, 200);
  CHECK(counted->state.load() == circuit_state::closed);
}

TEST(what the caller did wrong does not count against the service) {
  start();
  status = 404;
  for (int i = 0; i < 10; ++i)
    CHECK_EQ(fetch()->at(0).status, 404);
  CHECK_EQ(counted->trips.load(), 0);
  CHECK_EQ(counted->successful.load(), 10);
}

TEST(S2-75 a call ends with its time and later answers change nothing) {
  start();
  quiet = true;
  const auto r = fetch("/x", 100ms);
  CHECK(r->empty());
  advance(101ms);
  CHECK_EQ(r->size(), 1u);
  CHECK(r->at(0).code == ec::deadline_exceeded);
  CHECK_EQ(counted->failed.load(), 1);
}

TEST(a binding shortens the deadline to its own time-out) {
  settings.timeout = 50ms;
  start();
  quiet = true;
  const auto r = fetch("/x", 5s);
  CHECK_EQ(last.head.remaining_us, us(50ms));
  advance(51ms);
  CHECK(r->at(0).code == ec::deadline_exceeded);
}

TEST(a session that says nothing at all is ended after three calls) {
  settings.timeout = 100ms;
  // A front whose sessions are deaf: frozen, or cut off from us.
  const auto deaf = sys.spawn([](service_front_actor::pointer me) -> service_front_actor::behavior_type {
    return {
      [me](const service_open&) -> caf::result<service_actor> {
        return me->system().spawn([](service_actor::pointer dumb) -> service_actor::behavior_type {
          return {
            [dumb](service_request&) { return dumb->make_response_promise<service_response>(); },
            [dumb](service_call&) { return dumb->make_response_promise<service_result>(); },
            [](const service_cancel&) {},
            [](tick_atom) {},
          };
        });
      },
      [](stats_atom) { return metrics{}; },
    };
  });
  start();
  const std::vector<bound_service> bound{{settings, deaf, counted}};
  work = [&](caller_ptr me) { me->state.bound = std::make_unique<bindings<caller_ptr>>(me, bound, lines.log, 1); };
  caf::anon_send(caller, stats_atom::value);
  settle();
  for (int i = 0; i < 3; ++i) {
    const auto r = fetch("/x", 100ms);
    advance(101ms);
    CHECK(r->at(0).code == ec::deadline_exceeded);
  }
  CHECK(fetch()->at(0).code == ec::circuit_open);
  CHECK_EQ(counted->timeouts.load(), 3);
  self->send_exit(deaf, caf::exit_reason::user_shutdown);
}

TEST(a handler that throws ends its call alone) {
  start();
  quiet = true;
  const auto other = fetch();
  quiet = false;
  broken = true;
  const auto r = fetch();
  CHECK(r->at(0).code == ec::internal);
  CHECK_EQ(r->at(0).status, 500);
  CHECK(other->empty());
  broken = false;
  CHECK_EQ(fetch()->at(0).status, 200);
}

TEST(S1-47 a service may pass through what its handler threw at) {
  b->pass_through = [](std::string_view path) { return R"({"origin":")" + std::string{path} + R"("})"; };
  start();
  broken = true;
  const auto r = fetch("/y");
  CHECK_EQ(r->at(0).status, 200);
  CHECK_EQ(r->at(0).body.view(), R"({"origin":"/y"})");
}

TEST(whoever waits when a session dies is told at once) {
  start();
  quiet = true;
  const auto waiting = fetch();
  quiet = false;
  status = 500;
  for (int i = 0; i < 3; ++i)
    fetch();
  CHECK_EQ(waiting->size(), 1u);
  CHECK(waiting->at(0).code == ec::circuit_tripped);
}

TEST(S1-46 work goes on behind its answer until it is released) {
  start();
  linger = true;
  CHECK_EQ(fetch()->at(0).status, 200);
  CHECK_EQ(sessions.size(), 1u);
  auto* one = sessions.front();
  self->monitor(one);
  self->send_exit(caller, caf::exit_reason::user_shutdown);
  settle();
  bool ended = false;
  self->receive([&](const caf::down_msg&) { ended = true; }, caf::after(0s) >> [] {});
  CHECK(!ended);
  service_request done;
  done.path = "/release";
  caf::anon_send(caf::actor_cast<service_actor>(one), done);
  settle();
  self->receive([&](const caf::down_msg&) { ended = true; }, caf::after(0s) >> [] {});
  CHECK(ended);
}

TEST(a binding that two actors hold has one circuit) {
  start();
  const std::vector<bound_service> bound{{settings, front, counted}};
  const auto other = sys.spawn([&](caller_ptr me) -> caf::behavior {
    me->state.bound = std::make_unique<bindings<caller_ptr>>(me, bound, lines.log, 2);
    me->set_down_handler([me](const caf::down_msg& down) { me->state.bound->down(down); });
    me->set_exit_handler([me](const caf::exit_msg& stop) { me->quit(stop.reason); });
    return {[me](tick_atom) { me->state.bound->tick(); },
      [this, me](stats_atom) {
        if (auto now = std::exchange(work, nullptr))
          now(me);
      }};
  });
  const auto by_other = [&] {
    auto out = std::make_shared<std::vector<service_response>>();
    work = [out](caller_ptr me) {
      service_request r;
      r.path = "/x";
      r.head.remaining_us = us(5s);
      me->state.bound->call("WORKER_B", r, [out](service_response&& a) { out->push_back(std::move(a)); });
    };
    caf::anon_send(other, stats_atom::value);
    settle();
    return out;
  };
  CHECK_EQ(by_other()->at(0).status, 200);
  status = 500;
  for (int i = 0; i < 3; ++i)
    fetch();
  CHECK_EQ(by_other()->at(0).detail, "Circuit breaker OPEN for WORKER_B");
  CHECK_EQ(counted->trips.load(), 1);
  advance(61s);
  CHECK_EQ(by_other()->at(0).status, 500); // the probe, in a session that counts anew
  CHECK(fetch()->at(0).code == ec::circuit_open);
  CHECK_EQ(counted->trips.load(), 2);
  status = 200;
  advance(121s);
  quiet = true;
  const auto waiting = by_other();
  CHECK_EQ(counted->under_way, 1);
  self->send_exit(other, caf::exit_reason::user_shutdown);
  settle();
  quiet = false;
  CHECK_EQ(counted->under_way, 0);      // it gave back what it had
  CHECK_EQ(fetch()->at(0).status, 200); // and the probe with it
}

TEST(a refusal says when to come back) {
  settings.concurrency = 1;
  start();
  status = 500;
  for (int i = 0; i < 3; ++i)
    fetch();
  advance(19s);
  CHECK_EQ(fetch()->at(0).header("Retry-After"), "41");
  advance(42s);
  quiet = true;
  fetch();
  const auto busy = fetch();
  CHECK(busy->at(0).code == ec::overloaded);
  CHECK_EQ(busy->at(0).header("Retry-After"), "1");
}

TEST(what a call goes on with may throw and ends its call alone) {
  start();
  b->entrypoints[""].fetch = [](session_ptr me, const call_ref& call, service_request&) {
    go_on(me, call, [] { throw std::runtime_error{"broken"}; });
  };
  CHECK(fetch()->at(0).code == ec::internal);
  b->entrypoints[""].fetch = [](session_ptr me, const call_ref& call, service_request&) {
    reply(me, call.id, json_response(200, "{}"));
    go_on(me, call, [] { throw std::runtime_error{"broken"}; }); // behind the answer
  };
  CHECK_EQ(fetch()->at(0).status, 200);
  CHECK_EQ(fetch()->at(0).status, 200);
  CHECK_EQ(counted->trips.load(), 0);
}

TEST(a binding bounds how many calls are under way and how many there are a second) {
  settings.concurrency = 2;
  start();
  quiet = true;
  const auto first = fetch();
  const auto second = fetch();
  CHECK(fetch()->at(0).code == ec::overloaded);
  advance(6s);
  CHECK_EQ(first->size() + second->size(), 2u);
}

TEST(S2-79 calls beyond the rate are refused and those within it are not) {
  settings.rate = 10;
  start();
  int passed = 0;
  for (int i = 0; i < 100; ++i) {
    passed += fetch()->at(0).code == ec::none ? 1 : 0;
    advance(10ms);
  }
  CHECK(passed == 10 || passed == 11);
  CHECK_EQ(counted->refused.load(), 100 - passed);
}

TEST(S2-63 what bindings did is counted under the names that operators know) {
  start();
  fetch();
  status = 500;
  fetch();
  metrics all;
  append(all, settings, *counted);
  const auto value = [&](std::string_view name) {
    for (const auto& m : all)
      if (m.name == name)
        return m.value;
    return std::int64_t{-1};
  };
  CHECK_EQ(value("service_binding_calls_total"), 2);
  CHECK_EQ(value("service_binding_calls_successful"), 1);
  CHECK_EQ(value("service_binding_calls_failed"), 1);
  CHECK_EQ(value("binding_failure_rate_ppm"), 500'000);
  CHECK_EQ(value("circuit_breaker_trips_total"), 0);
  CHECK_EQ(value("proxy_to_isbndb_calls"), -1); // another way's
  auto way = settings;
  way.caller = "books-proxy";
  way.service = "isbndb";
  append(all, way, *counted);
  CHECK_EQ(value("proxy_to_isbndb_calls"), 2);
}

CAF_TEST_FIXTURE_SCOPE_END()
