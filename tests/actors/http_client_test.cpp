// The network thread is real here, and so is the scheduler; every wait is for an event, with a bound that fails loudly.
#define TEST_SUITE http_client
#include "tests/support/actors.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/test.hpp"

#include "actors/http_client/http_client.hpp"
#include "tests/support/tiny_server.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <latch>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct world {
  test::config config;
  caf::actor_system system{config};
  http_client_actor client = system.spawn(http_client, http_loop::settings{});
  caf::scoped_actor self{system};

  static http_request to(std::string url) {
    http_request r;
    r.url = std::move(url);
    r.timeout_us = 20'000'000;
    r.connect_timeout_us = 5'000'000;
    return r;
  }

  std::int64_t counter(const std::string& name) {
    std::int64_t found = -1;
    self->request(client, 10s, stats_atom::value)
      .receive(
        [&](const metrics& all) {
          for (const auto& m : all)
            if (m.name == name)
              found = m.value;
        },
        [](const caf::error&) {});
    return found;
  }

  bool becomes(const std::string& name, std::int64_t wanted) {
    return test::eventually([&] { return counter(name) == wanted; });
  }

  ~world() { self->send_exit(client, caf::exit_reason::user_shutdown); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(http_client_tests, world)

TEST(a call is answered with what the upstream said) {
  test::tiny_server server{[](test::tiny_server::connection& c) {
    while (!c.read_request().empty())
      c.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  }};
  http_response got;
  self->request(client, 10s, to(server.url())).receive([&](http_response& r) { got = r; }, [](const caf::error&) {});
  CHECK(got.code == ec::none);
  CHECK_EQ(got.body.view(), "hello");
  CHECK_EQ(counter("troupe_http_client_in_flight"), 0);
}

TEST(an owner that dies takes its transfers with it and nobody elses) {
  std::latch both_arrived{2};
  std::latch closed{1};
  test::tiny_server server{[&](test::tiny_server::connection& c) {
    const auto request = c.read_request();
    both_arrived.count_down();
    if (request.starts_with("GET /stays ")) {
      closed.wait();
      c.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      return;
    }
    c.wait_for_close();
    closed.count_down();
  }};
  auto owner = system.spawn([me = client, url = server.url("/goes")](caf::event_based_actor* it) {
    it->request(me, caf::infinite, to(url)).then([](const http_response&) {});
    return caf::behavior{[](stats_atom) {}};
  });
  auto asked = self->request(client, 20s, to(server.url("/stays")));
  both_arrived.wait();
  self->send_exit(owner, caf::exit_reason::kill);
  std::string body;
  asked.receive([&](const http_response& r) { body = r.body.view(); }, [](const caf::error&) {});
  CHECK_EQ(body, "ok"); // sent only after the other connection was seen to close
  CHECK(becomes("troupe_http_client_in_flight", 0));
  CHECK_EQ(counter("troupe_http_client_aborted_total"), 1);
}

TEST(a client that ends answers nobody late and leaves no thread) {
  test::tiny_server server{[](test::tiny_server::connection& c) {
    c.read_request();
    c.wait_for_close();
  }};
  auto asked = self->request(client, 20s, to(server.url()));
  REQUIRE(becomes("troupe_http_client_in_flight", 1));
  self->send_exit(client, caf::exit_reason::user_shutdown);
  bool answered = false;
  asked.receive([&](const http_response&) { answered = true; }, [&](const caf::error&) { answered = true; });
  CHECK(answered);
}

CAF_TEST_FIXTURE_SCOPE_END()
