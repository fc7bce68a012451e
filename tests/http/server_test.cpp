#define TEST_SUITE http_server
#include "tests/support/test.hpp"

#include "tests/http/fixture.hpp"

#include <set>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

std::string get(std::string_view target, std::string_view fields = "") {
  return "GET " + std::string{target} + " HTTP/1.1\r\nHost: x\r\n" + std::string{fields} + "\r\n";
}

std::string numbered(int i) {
  std::string target = "/";
  return target.append(std::to_string(i)); // not by operator+: g++ 12 warns falsely there (GCC bug 105651)
}

// Answers each exchange from a thread of its own.
class elsewhere {
public:
  ~elsewhere() {
    for (auto& t : threads_)
      t.join();
  }
  void run(http::exchange e, std::function<void(http::exchange&)> fn) {
    threads_.emplace_back([e = std::move(e), fn = std::move(fn)]() mutable { fn(e); });
  }

private:
  std::vector<std::thread> threads_;
};

} // namespace

TEST(a connection serves one request after another) {
  http_fixture f;
  raw_client client{f.start()};
  for (auto target : {"/a", "/b?c=d", "/c"}) {
    client.send(get(target));
    auto r = client.read_response();
    CHECK_EQ(r.status, 200);
    CHECK_EQ(r.body, "GET " + std::string{target} + "|");
    CHECK_EQ(r.field("Connection"), "");
    CHECK_EQ(r.field("Date").size(), 29U);
    CHECK_EQ(r.field("Content-Type"), "text/plain");
  }
  CHECK_EQ(f.server->count().requests, 3U);
  CHECK_EQ(f.server->count().accepted, 1U);
}

TEST(the handler sees the request in its parts) {
  http_fixture f;
  f.handler.on_request = [](http::exchange e) {
    const auto& r = e.request();
    bool as_sent = r.method == "PUT" && r.path == "/a%20b" && r.query == "c=d?e" && r.version == 11
                   && r.value("x-one") == "1" && r.joined("X-Many") == "a, b" && !r.find("X-None")
                   && r.fields.size() == 5 && r.peer == "127.0.0.1" && r.peer_is_loopback && r.body == "hello";
    http::response out;
    out.status = as_sent ? 200 : 500;
    e.answer(std::move(out));
  };
  raw_client client{f.start()};
  client.send(
    "PUT /a%20b?c=d?e HTTP/1.1\r\nHost: x\r\nX-One:  1 \r\nX-Many: a\r\nx-many: b\r\nContent-Length: 5\r\n\r\nhello");
  CHECK_EQ(client.read_response().status, 200);
}

TEST(a request that arrives byte by byte is served) {
  http_fixture f;
  raw_client client{f.start()};
  for (char c : get("/slow"))
    client.send({&c, 1});
  CHECK_EQ(client.read_response().body, "GET /slow|");
}

TEST(a client that asks to close or speaks HTTP 1 0 gets its answer and the end) {
  http_fixture f;
  auto port = f.start();
  for (auto request : {get("/", "Connection: close\r\n"), std::string{"GET / HTTP/1.0\r\n\r\n"}}) {
    raw_client client{port};
    client.send(request);
    auto r = client.read_response();
    CHECK_EQ(r.body, "GET /|");
    CHECK_EQ(r.field("Connection"), "close");
    CHECK(client.is_closed());
  }
  raw_client client{port};
  for (int i = 0; i < 2; ++i) {
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK_EQ(client.read_response().field("Connection"), "keep-alive");
  }
}

TEST(pipelined requests are answered in order though each answer comes from another thread) {
  http_fixture f;
  elsewhere threads;
  f.handler.on_request = [&](http::exchange e) {
    auto target = e.request().target;
    if (target.back() % 2 == 0)
      return e.answer(lambda_handler::echo(e.request()));
    threads.run(std::move(e), [](http::exchange& own) { own.answer(lambda_handler::echo(own.request())); });
  };
  raw_client client{f.start()};
  std::string all;
  for (int i = 0; i < 20; ++i)
    all += get(numbered(i));
  client.send(all);
  for (int i = 0; i < 20; ++i)
    CHECK_EQ(client.read_response().body, "GET " + numbered(i) + "|");
  client.close();
  f.server.reset();
}

TEST(thousands of pipelined requests neither recurse nor stall) {
  http_fixture f;
  raw_client client{f.start()};
  constexpr int count = 5'000;
  std::thread writer{[&] {
    for (int i = 0; i < count; ++i)
      client.send(get("/"));
  }};
  int answered = 0;
  while (answered < count && client.read_response().status == 200)
    ++answered;
  writer.join();
  CHECK_EQ(answered, count);
}

TEST(bytes that arrive while an answer is pending are kept for the next request) {
  http_fixture f;
  mailbox<http::exchange> pending;
  f.handler.on_request = [&](http::exchange e) {
    e.request().target == "/wait" ? pending.put(std::move(e)) : e.answer(lambda_handler::echo(e.request()));
  };
  raw_client client{f.start()};
  client.send(get("/wait"));
  auto e = pending.take();
  // More than the server keeps: it stops reading, and goes on once the answer is out.
  std::string next;
  for (int i = 0; i < 2'000; ++i)
    next += get(numbered(i));
  std::thread writer{[&] { client.send(next); }};
  CHECK_EQ(e.request().target, "/wait");
  e.answer(lambda_handler::echo(e.request()));
  CHECK_EQ(client.read_response().body, "GET /wait|");
  for (int i = 0; i < 2'000; ++i)
    REQUIRE_EQ(client.read_response().body, "GET " + numbered(i) + "|");
  writer.join();
}

TEST(HEAD tells the length and sends no body) {
  http_fixture f;
  raw_client client{f.start()};
  client.send("HEAD /abc HTTP/1.1\r\nHost: x\r\n\r\n" + get("/next"));
  auto r = client.read_response(true);
  CHECK_EQ(r.status, 200);
  CHECK_EQ(r.field("Content-Length"), "10"); // of "HEAD /abc|"
  CHECK_EQ(client.read_response().body, "GET /next|");
}

TEST(204 and 304 have neither body nor length) {
  http_fixture f;
  f.handler.on_request = [](http::exchange e) {
    http::response r;
    r.status = e.request().path == "/304" ? 304 : 204;
    r.body = blob{"never sent"};
    e.answer(std::move(r));
  };
  raw_client client{f.start()};
  client.send(get("/304") + get("/204"));
  for (int status : {304, 204}) {
    auto r = client.read_response();
    CHECK_EQ(r.status, status);
    CHECK_EQ(r.field("Content-Length"), "");
  }
}

TEST(a body of several megabytes reaches a client that reads slowly) {
  http_fixture f;
  f.handler.on_request = [](http::exchange e) {
    http::response r;
    r.body = blob{std::string(16 << 20, 'y')};
    e.answer(std::move(r));
  };
  raw_client client{f.start()};
  client.send(get("/") + get("/"));
  for (int i = 0; i < 2; ++i)
    CHECK_EQ(client.read_response().body.size(), std::size_t{16 << 20});
}

TEST(bodies arrive whole in both framings and in pieces) {
  http_fixture f;
  auto port = f.start();
  raw_client client{port};
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello");
  client.send("world");
  CHECK_EQ(client.read_response().body, "POST /a|helloworld");
  client.send("POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  client.send("lo\r\n5;x=y\r\nworld\r\n0\r\nT: u\r\n\r\n" + get("/c"));
  CHECK_EQ(client.read_response().body, "POST /b|helloworld");
  CHECK_EQ(client.read_response().body, "GET /c|");
}

TEST(a large body passes through the small buffer) {
  http_fixture f;
  f.handler.body_bound = 1 << 20;
  raw_client client{f.start()};
  std::string body;
  for (int i = 0; body.size() < (1 << 20); ++i)
    body += static_cast<char>('a' + i % 26);
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  CHECK(client.read_response().body == "POST /|" + body);
}

TEST(a client that expects 100 is told to go on and another expectation gets 417) {
  http_fixture f;
  auto port = f.start();
  raw_client client{port};
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n");
  CHECK_EQ(client.read_response().head, "HTTP/1.1 100 Continue");
  client.send("hello");
  CHECK_EQ(client.read_response().body, "POST /|hello");
  CHECK_EQ(raw_exchange(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: tea\r\n\r\n").substr(0, 12),
    "HTTP/1.1 417");
}

TEST(a body over its bound gets 413 at once) {
  http_fixture f;
  f.handler.body_bound = 10;
  auto port = f.start();
  // Neither body is ever sent: the declaration is enough, and with it no 100 is given.
  for (auto head : {"Content-Length: 11\r\nExpect: 100-continue\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nb\r\n"}) {
    auto r = raw_exchange(port, std::string{"POST / HTTP/1.1\r\nHost: x\r\n"} + head);
    CHECK_EQ(r.substr(0, 12), "HTTP/1.1 413");
    CHECK(r.find("Connection: close") != std::string::npos);
  }
  CHECK_EQ(raw_exchange(port, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n")
             .substr(0, 12),
    "HTTP/1.1 413");
  CHECK_EQ(f.server->count().requests, 0U);
}

TEST(bodies together have a bound and one too many gets 503) {
  http_fixture f;
  f.limits.body_bytes = 1'000;
  const auto port = f.start();
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\n";
  const std::string half(300, 'a');
  raw_client first{port};
  raw_client second{port};
  first.send(post + half + std::string(299, 'b')); // all but the last byte
  // Both on one I/O thread: once it answers this one it has read what came before.
  CHECK_EQ(raw_exchange(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").substr(0, 12), "HTTP/1.1 200");
  second.send(post + half + half);
  const auto refused = second.read_response();
  CHECK_EQ(refused.status, 503);
  CHECK_EQ(refused.field("Retry-After"), "1");
  first.send("b");
  CHECK_EQ(first.read_response().status, 200);
  // What the first held is free again, though its connection lives; what the refused one held as well.
  raw_client third{port};
  third.send(post + half + half);
  CHECK_EQ(third.read_response().status, 200);
  CHECK_EQ(f.refused(503), 1U);
}

TEST(a client that sends a refused body whole still gets the answer) {
  http_fixture f;
  f.handler.body_bound = 10;
  raw_client client{f.start()};
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + std::string(500'000, 'z'));
  CHECK_EQ(client.read_response().status, 413);
  CHECK(client.is_closed());
}

TEST(a handler can refuse a request before its body is read) {
  http_fixture f;
  f.handler.on_refuse = [](const http::request& r) -> std::optional<http::response> {
    if (r.path == "/upload")
      return std::nullopt;
    return http::json_error(405, "not here");
  };
  auto port = f.start();
  auto r = raw_exchange(port, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK_EQ(r.substr(0, 12), "HTTP/1.1 405");
  raw_client client{port};
  client.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  CHECK_EQ(client.read_response().body, "POST /upload|hello");
}

TEST(several threads serve several connections on one free port) {
  http_fixture f;
  std::mutex mutex;
  std::set<std::thread::id> seen;
  f.handler.on_request = [&](http::exchange e) {
    std::lock_guard lock{mutex};
    seen.insert(std::this_thread::get_id());
    e.answer(lambda_handler::echo(e.request()));
  };
  auto port = f.start(3);
  std::vector<raw_client> clients;
  for (int i = 0; i < 9; ++i)
    clients.emplace_back(port);
  for (auto& c : clients)
    c.send(get("/"));
  for (auto& c : clients)
    CHECK_EQ(c.read_response().status, 200);
  std::lock_guard lock{mutex};
  CHECK_EQ(seen.size(), 3U);
}
