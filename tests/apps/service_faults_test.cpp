// What can go wrong between a service and whoever binds it, on virtual time: hurried callers, answers that cannot be
// passed on, callers that leave, and services that are ill because others are.
#define TEST_SUITE service_faults
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "apps/services/health.hpp"
#include "tests/apps/service_world.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;
using troupe::test::caller_ptr;

namespace {

struct world : test::service_world {
  // In the place of what start() makes the service answer.
  void answer_with(fetch_handler handler) {
    start();
    b->entrypoints[""].fetch = std::move(handler);
  }

  std::vector<std::uint64_t> dropped; // calls that ended before their handler answered

  void answer_never() {
    answer_with([this](session_ptr me, const call_ref& call, service_request&) {
      ++handled;
      when_dropped(me, call, [this, id = call.id] { dropped.push_back(id); });
    });
  }
};

service_response with_headers(fields headers) {
  auto r = json_response(200, "{}");
  r.headers = std::move(headers);
  return r;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(service_fault_tests, world)

TEST(clients that leave next to no time do not open the circuit for everybody else) {
  start();
  quiet = true;
  for (int i = 0; i < 10; ++i) {
    const auto r = fetch("/x", 5ms);
    advance(6ms);
    CHECK(r->at(0).code == ec::deadline_exceeded);
  }
  quiet = false;
  status = 504; // whoever is behind had no time either
  for (int i = 0; i < 10; ++i)
    CHECK_EQ(fetch("/x", 5ms)->at(0).status, 504);
  status = 200;
  CHECK_EQ(fetch()->at(0).status, 200);
  CHECK_EQ(counted->trips.load(), 0);
  CHECK_EQ(counted->timeouts.load(), 10);
}

TEST(a probe in a hurry that fails leaves the probe to the next call) {
  start();
  status = 500;
  for (int i = 0; i < 3; ++i)
    fetch();
  advance(61s);
  CHECK_EQ(fetch("/x", 5ms)->at(0).status, 500);
  CHECK(counted->state.load() == circuit_state::half_open);
  quiet = true;
  const auto silent = fetch("/x", 5ms);
  advance(6ms);
  CHECK(silent->at(0).code == ec::deadline_exceeded);
  quiet = false;
  status = 200;
  CHECK_EQ(fetch()->at(0).status, 200);
  CHECK_EQ(fetch()->at(0).status, 200);
  CHECK(counted->state.load() != circuit_state::half_open);
}

TEST(S2-78 an answer whose headers would be read as others is not passed on) {
  fields headers;
  answer_with(
    [&](session_ptr me, const call_ref& call, service_request&) { reply(me, call.id, with_headers(headers)); });
  for (const fields& bad : {fields{{"X-A", "1\r\nSet-Cookie: s=1"}}, fields{{"X-A\r\nX-B", "1"}}, fields{{"", "1"}},
         fields{{"X A", "1"}}, fields{{"X-A", std::string{"a\0b", 3}}}, fields{{"content-length", "0"}},
         fields{{"Transfer-Encoding", "chunked"}}, fields{{"Connection", "close"}}}) {
    headers = bad;
    const auto r = fetch();
    CHECK(r->at(0).code == ec::provider_malformed);
    CHECK(r->at(0).headers.empty());
    CHECK(r->at(0).detail.find_first_of("\r\n") == std::string::npos);
    headers = {{"X-A", "fine; it=is"}};
    CHECK_EQ(fetch()->at(0).header("x-a"), "fine; it=is");
  }
  CHECK_EQ(counted->failed.load(), 8);
}

TEST(S2-78 a service that answers what cannot be used is ended after three of it) {
  int code = 0;
  answer_with([&](session_ptr me, const call_ref& call, service_request&) {
    reply(me, call.id, service_response{ec::none, {}, code, {}, {}});
  });
  for (const int bad : {0, 100, 600}) {
    code = bad;
    const auto r = fetch();
    CHECK(r->at(0).code == ec::provider_malformed);
    CHECK(r->at(0).detail.find("status") != std::string::npos);
  }
  CHECK(fetch()->at(0).code == ec::circuit_open);
  CHECK_EQ(counted->trips.load(), 1);
  CHECK_EQ(counted->timeouts.load(), 0);
}

TEST(S2-62 an answer says once how long its binding took however many it came through) {
  answer_with([](session_ptr me, const call_ref& call, service_request&) {
    reply(me, call.id, with_headers({{"x-service-binding-time", "7.00"}}));
  });
  const auto r = fetch();
  REQUIRE_EQ(r->at(0).headers.size(), 1u);
  CHECK_EQ(r->at(0).header("x-service-binding-time"), "0.00");
}

TEST(a service that says when to come back is alive) {
  answer_with([](session_ptr me, const call_ref& call, service_request&) {
    auto r = json_response(503, "{}");
    r.headers.emplace_back("Retry-After", "1");
    reply(me, call.id, std::move(r));
  });
  for (int i = 0; i < 10; ++i)
    CHECK_EQ(fetch()->at(0).status, 503);
  CHECK_EQ(counted->trips.load(), 0);
}

TEST(a caller that does not wait any more takes back what its call has caused) {
  answer_never();
  const auto forgotten = std::make_shared<std::vector<service_response>>();
  std::uint64_t id = 0;
  work = [&](caller_ptr me) {
    service_request r;
    r.head.remaining_us = us(5s);
    id = me->state.bound->call("WORKER_B", r, [=](service_response&& a) { forgotten->push_back(std::move(a)); });
  };
  caf::anon_send(caller, stats_atom::value);
  settle();
  CHECK(id != 0);
  work = [&](caller_ptr me) {
    me->state.bound->forget(id);
    me->state.bound->forget(id);
    me->state.bound->forget(0);
  };
  caf::anon_send(caller, stats_atom::value);
  settle();
  CHECK_EQ(dropped.size(), 1u);
  advance(10s);
  CHECK(forgotten->empty());
  CHECK_EQ(counted->calls.load(), 1);
  CHECK_EQ(counted->timeouts.load(), 0);
  CHECK_EQ(counted->failed.load(), 0);
  CHECK_EQ(counted->cancelled.load(), 1);
}

TEST(a call whose time is over takes back what it has caused) {
  answer_never();
  const auto r = fetch("/x", 3s);
  CHECK(dropped.empty());
  advance(4s);
  CHECK(r->at(0).code == ec::deadline_exceeded);
  CHECK_EQ(dropped.size(), 1u);
}

TEST(a session that ends takes back what its calls have caused) {
  answer_never();
  fetch();
  fetch();
  self->send_exit(caller, caf::exit_reason::user_shutdown);
  settle();
  CHECK_EQ(dropped.size(), 2u);
}

TEST(S2-58 health has the stated shape) {
  b->secrets = {{"ISBNDB_API_KEY", true}, {"OTHER", false}};
  b->wall_ms = [] { return std::int64_t{1'700'000'000'123}; };
  b->own_health = [](session_ptr, const std::function<void(std::string)>& tell) { tell(R"({"more":[1]})"); };
  answer_with([](session_ptr me, const call_ref& call, service_request& r) { tell_health(me, call, r.head); });
  const auto r = fetch("/health");
  CHECK_EQ(r->at(0).status, 200);
  CHECK_EQ(r->at(0).header("x-response-time"), "0.00");
  CHECK_EQ(json::parse(r->at(0).body.view()), json::parse(R"({"worker":"worker-b","status":"healthy","more":[1],
    "timestamp":"2023-11-14T22:13:20.123Z","serviceBindings":{},"secrets":{"ISBNDB_API_KEY":true,"OTHER":false}})"));
}

TEST(S2-58 health names the binding that fails and counts against nobody) {
  // worker-b binds a third service, which fails.
  auto c = std::make_shared<service_definition>();
  c->name = "worker-c";
  c->log = lines.log;
  c->entrypoints[""].fetch = [](session_ptr me, const call_ref& call, service_request&) {
    reply(me, call.id, json_response(500, "{}"));
  };
  const auto third = sys.spawn(service_front, std::shared_ptr<const service_definition>{c},
    std::vector<service_open>{{"worker-b", "WORKER_C", "", 3}});
  auto to_c = settings;
  to_c.caller = "worker-b";
  to_c.name = "WORKER_C";
  b->bindings = {{to_c, third, std::make_shared<shared_binding>()}};
  answer_with([](session_ptr me, const call_ref& call, service_request& r) { tell_health(me, call, r.head); });
  for (int i = 0; i < 10; ++i) {
    const auto r = fetch("/health");
    REQUIRE_EQ(r->at(0).status, 503);
    const auto body = json::parse(r->at(0).body.view());
    CHECK_EQ(body["status"], "degraded");
    const auto& entry = body["serviceBindings"]["WORKER_C"];
    CHECK_EQ(entry["status"], "error");
    CHECK_EQ(entry["responseTime"], "0.00ms");
    CHECK_EQ(entry["error"], i < 3 ? "status 500" : "Circuit breaker OPEN for WORKER_C");
    CHECK_EQ(entry["circuit"], i < 3 ? "closed" : "open");
  }
  CHECK_EQ(counted->trips.load(), 0);
  self->send_exit(third, caf::exit_reason::user_shutdown);
}

TEST(S2-59 health tells the time that the other side says) {
  auto c = std::make_shared<service_definition>();
  c->name = "worker-c";
  c->log = lines.log;
  c->entrypoints[""].fetch = [](session_ptr me, const call_ref& call, service_request&) {
    auto r = json_response(200, "{}");
    r.headers.emplace_back("X-Response-Time", "12.34");
    reply(me, call.id, std::move(r));
  };
  const auto third = sys.spawn(service_front, std::shared_ptr<const service_definition>{c},
    std::vector<service_open>{{"worker-b", "WORKER_C", "", 3}});
  auto to_c = settings;
  to_c.caller = "worker-b";
  to_c.name = "WORKER_C";
  b->bindings = {{to_c, third, std::make_shared<shared_binding>()}};
  answer_with([](session_ptr me, const call_ref& call, service_request& r) { tell_health(me, call, r.head); });
  const auto body = json::parse(fetch("/health")->at(0).body.view());
  CHECK_EQ(body["serviceBindings"]["WORKER_C"],
    json::parse(R"({"status":"healthy","responseTime":"12.34ms","circuit":"closed"})"));
  self->send_exit(third, caf::exit_reason::user_shutdown);
}

TEST(health that nobody waits for any more is told to nobody) {
  std::function<void(std::string)> tell;
  b->own_health = [&](session_ptr, std::function<void(std::string)> later) { tell = std::move(later); };
  answer_with([](session_ptr me, const call_ref& call, service_request& r) { tell_health(me, call, r.head); });
  const auto r = fetch("/health", 3s);
  CHECK(r->empty());
  advance(4s);
  CHECK(r->at(0).code == ec::deadline_exceeded);
  tell("{}");
  settle();
  CHECK_EQ(r->size(), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
