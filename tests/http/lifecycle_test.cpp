#define TEST_SUITE http_lifecycle
#include "tests/support/test.hpp"

#include "tests/http/fixture.hpp"

#include <future>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

} // namespace

TEST(a head or a body that does not arrive gets 408) {
  http_fixture f;
  f.limits.header_timeout = 50ms;
  f.limits.body_timeout = 50ms;
  auto port = f.start();
  CHECK_EQ(raw_exchange(port, "GET / HT").substr(0, 12), "HTTP/1.1 408");
  CHECK_EQ(
    raw_exchange(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel").substr(0, 12), "HTTP/1.1 408");
  CHECK_EQ(f.refused(408), 2U);
}

TEST(a connection without a request is closed without an answer) {
  http_fixture f;
  f.limits.header_timeout = 50ms;
  f.limits.keep_alive = 50ms;
  auto port = f.start();
  CHECK_EQ(raw_exchange(port, ""), "");
  raw_client client{port};
  client.send(get);
  CHECK_EQ(client.read_response().status, 200);
  CHECK(client.is_closed());
}

TEST(a client that does not read its answer is cut off) {
  http_fixture f;
  f.limits.write_timeout = 50ms;
  f.handler.on_request = [](http::exchange e) {
    http::response r;
    r.body = blob{std::string(64 << 20, 'y')};
    e.answer(std::move(r));
  };
  raw_client client{f.start()};
  client.send(get);
  CHECK(eventually([&] { return f.server->count().accepted == 1 && f.server->count().open == 0; }));
}

TEST(a connection over the bound gets 503 and a time to come back) {
  http_fixture f;
  f.limits.connections = 2;
  auto port = f.start(2);
  std::optional<raw_client> first{port};
  raw_client second{port};
  first->send(get);
  second.send(get);
  CHECK_EQ(first->read_response().status, 200);
  CHECK_EQ(second.read_response().status, 200);
  raw_client third{port};
  third.send(get);
  auto r = third.read_response();
  CHECK_EQ(r.status, 503);
  CHECK_EQ(r.field("Retry-After"), "1");
  CHECK(third.is_closed());
  third.close();
  first.reset();
  REQUIRE(eventually([&] { return f.server->count().open == 1; }));
  raw_client fourth{port};
  fourth.send(get);
  CHECK_EQ(fourth.read_response().status, 200);
}

TEST(a client that leaves is noticed while its answer is pending) {
  http_fixture f;
  mailbox<http::exchange> pending;
  std::promise<std::thread::id> left;
  std::atomic<int> calls{0};
  f.handler.on_request = [&](http::exchange e) {
    e.on_gone([&] {
      ++calls;
      left.set_value(std::this_thread::get_id());
    });
    pending.put(std::move(e));
  };
  raw_client client{f.start()};
  client.send(get);
  auto e = pending.take();
  CHECK(!e.is_gone());
  client.close();
  auto where = left.get_future();
  REQUIRE(where.wait_for(5s) == std::future_status::ready);
  CHECK(where.get() != std::this_thread::get_id());
  CHECK(e.is_gone());
  e.answer(lambda_handler::echo(e.request())); // harmless
  REQUIRE(eventually([&] { return f.server->count().open == 0; }));
  CHECK_EQ(calls.load(), 1);
  CHECK_EQ(f.server->count().gone, 1U);
  CHECK_EQ(f.server->count().in_flight, 0U);
}

TEST(a client that leaves behind a heap of pipelined requests is noticed too) {
  http_fixture f;
  mailbox<http::exchange> pending;
  f.handler.on_request = [&](http::exchange e) { pending.put(std::move(e)); };
  raw_client client{f.start()};
  for (int i = 0; i < 1'000; ++i) // 29 kB, of which the server keeps 16
    client.send(get);
  auto e = pending.take();
  client.finish_sending();
  CHECK(eventually([&] { return e.is_gone(); }));
}

TEST(a callback set after the client has left is called too) {
  http_fixture f;
  mailbox<http::exchange> pending;
  std::promise<void> left;
  f.handler.on_request = [&](http::exchange e) { pending.put(std::move(e)); };
  raw_client client{f.start()};
  client.send(get);
  auto e = pending.take();
  client.close();
  REQUIRE(eventually([&] { return e.is_gone(); }));
  e.on_gone([&] { left.set_value(); });
  CHECK(left.get_future().wait_for(5s) == std::future_status::ready);
}

TEST(a client that only closed its sending half still gets its answer) {
  http_fixture f;
  mailbox<http::exchange> pending;
  f.handler.on_request = [&](http::exchange e) { pending.put(std::move(e)); };
  raw_client client{f.start()};
  client.send(get);
  client.finish_sending();
  auto e = pending.take();
  REQUIRE(eventually([&] { return e.is_gone(); }));
  e.answer(lambda_handler::echo(e.request()));
  CHECK_EQ(client.read_response().body, "GET /|");
  CHECK(client.is_closed());
}

TEST(an exchange that is dropped unanswered gives 500 wherever it is dropped) {
  http_fixture f;
  mailbox<http::exchange> pending;
  int n = 0;
  f.handler.on_request = [&](http::exchange e) {
    if (++n == 1)
      return; // dropped on the I/O thread
    if (n == 2)
      throw std::runtime_error{"a bug"};
    pending.put(std::move(e));
  };
  auto port = f.start();
  for (int i = 0; i < 3; ++i) {
    raw_client client{port};
    client.send(get);
    if (i == 2)
      pending.take();
    auto r = client.read_response();
    CHECK_EQ(r.status, 500);
    CHECK_EQ(r.body, R"({"error":"Internal Error"})");
    CHECK(client.is_closed());
  }
  CHECK_EQ(f.refused(500), 3U);
}

TEST(assigning over an open exchange answers it) {
  http_fixture f;
  f.handler.on_request = [](http::exchange e) { e = http::exchange{}; };
  CHECK_EQ(raw_exchange(f.start(), get).substr(0, 12), "HTTP/1.1 500");
}

TEST(faults reset the connection or cut the body short) {
  http_fixture f;
  f.handler.on_request = [](http::exchange e) {
    if (e.request().target == "/reset")
      return e.reset();
    auto r = lambda_handler::echo(e.request());
    r.declared_length = 100;
    e.answer(std::move(r));
  };
  auto port = f.start();
  raw_client client{port};
  client.send("GET /reset HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto closed = client.is_closed();
  const auto why = errno; // before a check prints, which may change it
  CHECK(closed);
  CHECK_EQ(why, ECONNRESET);
  auto r = raw_exchange(port, get);
  CHECK(r.find("Content-Length: 100\r\n") != std::string::npos);
  CHECK_EQ(r.substr(r.size() - 6), "GET /|");
}

TEST(an answer can be put off on the thread of its connection) {
  http_fixture f;
  f.handler.on_request = [](http::exchange e) {
    auto here = std::this_thread::get_id();
    std::move(e).after(5ms, [here](http::exchange later) {
      http::response r;
      r.status = std::this_thread::get_id() == here ? 200 : 500;
      later.answer(std::move(r));
    });
  };
  raw_client client{f.start(2)};
  for (int i = 0; i < 3; ++i) {
    client.send(get);
    CHECK_EQ(client.read_response().status, 200);
  }
}

TEST(draining finishes what is pending and takes nothing new) {
  http_fixture f;
  mailbox<http::exchange> pending;
  f.handler.on_request = [&](http::exchange e) {
    e.request().target == "/wait" ? pending.put(std::move(e)) : e.answer(lambda_handler::echo(e.request()));
  };
  auto port = f.start(2);
  raw_client idle{port};
  idle.send(get);
  CHECK_EQ(idle.read_response().status, 200);
  raw_client busy{port};
  busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  auto e = pending.take();
  auto drained = std::async(std::launch::async, [&] { return f.server->drain(5s); });
  CHECK(idle.is_closed());
  CHECK(!raw_client{port}.connected());
  CHECK(drained.wait_for(0s) == std::future_status::timeout);
  e.answer(lambda_handler::echo(e.request()));
  auto r = busy.read_response();
  CHECK_EQ(r.body, "GET /wait|");
  CHECK_EQ(r.field("Connection"), "close");
  CHECK(busy.is_closed());
  busy.close();
  CHECK(drained.get());
}

TEST(draining cuts off at its deadline what does not finish) {
  http_fixture f;
  mailbox<http::exchange> pending;
  f.handler.on_request = [&](http::exchange e) { pending.put(std::move(e)); };
  raw_client client{f.start()};
  client.send(get);
  auto e = pending.take();
  CHECK(!f.server->drain(20ms));
  CHECK(client.is_closed());
  f.server.reset();
  CHECK(e.is_gone());
  e.answer(lambda_handler::echo(e.request())); // an exchange may outlive its server
}

TEST(a port in use or an address that is none is one clear line) {
  http_fixture f;
  auto port = f.start();
  auto again = http::server::start("127.0.0.1", port, 1, {}, f.handler);
  REQUIRE(again.has_error());
  CHECK_EQ(again.error().message, "127.0.0.1:" + std::to_string(port) + ": address already in use");
  auto wide = http::server::start("0.0.0.0", port, 1, {}, f.handler);
  CHECK(wide.has_error());
  auto bad = http::server::start("nowhere", 0, 1, {}, f.handler);
  REQUIRE(bad.has_error());
  CHECK_EQ(bad.error().message, "address: expected an IPv4 or IPv6 address, got 'nowhere'");
}

TEST(a port is free again as soon as the server has gone) {
  http_fixture f;
  auto port = f.start();
  CHECK_EQ(raw_exchange(port, "GET / HTTP/1.0\r\n\r\n").substr(0, 12), "HTTP/1.1 200");
  f.server.reset();
  CHECK(http::server::start("127.0.0.1", port, 1, {}, f.handler).has_value());
}
