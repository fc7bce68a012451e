// Request bodies that are handed over in parts.
#define TEST_SUITE http_upload
#include "tests/support/test.hpp"

#include "tests/http/streams.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using http::body_end;

namespace {

std::string post(std::size_t length, std::string_view fields = "") {
  return "POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(length) + "\r\n" + std::string{fields}
         + "\r\n";
}

const std::string chunked = "POST /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string get = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";

std::string chunk(std::string_view bytes) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string{bytes} + "\r\n";
}

// Whether the parts are the right bytes, at -O0 for 100 MB: compared with a piece of the pattern, not byte by byte.
class comparison {
public:
  void next(std::string_view bytes) {
    for (; !bytes.empty() && same_; bytes.remove_prefix(std::min(bytes.size(), step))) {
      const auto n = std::min(bytes.size(), step);
      same_ = bytes.substr(0, n) == std::string_view{pattern_}.substr(at_ % period, n);
      at_ += n;
    }
  }
  [[nodiscard]] std::size_t right() const noexcept { return same_ ? at_ : 0; }

private:
  static constexpr std::size_t period = 251;
  static constexpr std::size_t step = 16 << 10;
  const std::string pattern_ = numbered_bytes(0, step + period);
  std::size_t at_ = 0;
  bool same_ = true;
};

// Sends a body of that many numbered bytes; false when the server has closed.
bool send_body(raw_client& client, std::size_t count, bool in_chunks) {
  constexpr std::size_t period = 251;
  constexpr std::size_t piece = period * 200;
  const auto bytes = numbered_bytes(0, piece);
  const auto framed = chunk(bytes);
  for (; count >= piece; count -= piece)
    if (!client.send(in_chunks ? framed : bytes))
      return false;
  const auto rest = std::string_view{bytes}.substr(0, count);
  if (!in_chunks)
    return client.send(rest);
  return client.send((count > 0 ? chunk(rest) : "") + "0\r\n\r\n");
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(upload_tests, upload_fixture)

TEST(a body is handed over in parts and the exchange answered once it is complete) {
  const auto port = start();
  for (const bool in_chunks : {false, true}) {
    raw_client client{port};
    client.send(in_chunks ? chunked : post(100'000));
    CHECK(send_body(client, 100'000, in_chunks));
    CHECK_EQ(client.read_response().body, "took 100000");
    const auto t = takers.take();
    CHECK(t->ended.take() == body_end::complete);
    CHECK(t->got == numbered_bytes(0, 100'000));
    client.send(get); // which has no body, and is served on the same connection
    CHECK_EQ(client.read_response().body, "took 0");
    CHECK(takers.take()->ended.take() == body_end::complete);
  }
  CHECK_EQ(server->count().requests, 4u);
  CHECK_EQ(server->count().in_flight, 0u);
}

TEST(a body that arrives byte by byte and is granted byte by byte arrives whole) {
  first_grant = 1;
  const auto port = start();
  for (const auto& request :
    {post(11) + "hello world", chunked + "3;x=y\r\nhel\r\n8\r\nlo world\r\n0\r\nA: b\r\n\r\n"}) {
    raw_client client{port};
    for (const char c : request)
      client.send({&c, 1});
    CHECK_EQ(client.read_response().body, "took 11");
    CHECK_EQ(takers.take()->got, "hello world");
  }
}

TEST(a hundred megabytes pass a slow consumer in bounded memory) {
  constexpr std::size_t size = 100'000'000;
  limits.body_bytes = 1'000; // of bodies that are held
  std::mutex mutex;
  std::condition_variable arrived;
  std::string waiting;
  std::size_t peak = 0;
  prepare = [&](taker& t) {
    t.part = [&](std::string_view bytes) {
      const std::lock_guard lock{mutex};
      waiting += bytes;
      peak = std::max(peak, waiting.size());
      arrived.notify_one();
    };
  };
  const auto port = start();
  for (const bool in_chunks : {false, true}) {
    raw_client client{port};
    std::thread sender{[&] {
      client.send(in_chunks ? chunked : post(size));
      send_body(client, size, in_chunks);
    }};
    const auto t = takers.take();
    comparison same;
    std::string piece;
    for (std::size_t taken = 0; taken < size; taken += piece.size()) {
      std::unique_lock lock{mutex};
      if (!arrived.wait_for(lock, 20s, [&] { return !waiting.empty(); }))
        break;
      piece = std::exchange(waiting, {});
      lock.unlock();
      same.next(piece);
      t->flow.grant(piece.size());
    }
    sender.join();
    CHECK_EQ(same.right(), size);
    CHECK(t->ended.take() == body_end::complete);
    CHECK(peak <= http::stream_buffer);
    CHECK_EQ(client.read_response().status, 200);
  }
}

TEST(a consumer that grants no more stops the client) {
  constexpr std::size_t size = 100'000'000; // more than the kernel takes
  constexpr std::size_t granted = 1'000'000;
  first_grant = granted;
  std::atomic<std::size_t> taken{0};
  prepare = [&](taker& t) { t.part = [&](std::string_view bytes) { taken += bytes.size(); }; };
  raw_client client{start()};
  std::atomic<bool> sent{false};
  std::thread sender{[&] {
    client.send(post(size));
    sent = send_body(client, size, false);
  }};
  CHECK(eventually([&] { return taken == granted; }));
  const auto t = takers.take();
  t->flow.grant(1);
  CHECK(eventually([&] { return taken == granted + 1; }));
  CHECK(!sent);
  t->flow.grant(size);
  sender.join();
  CHECK(sent);
  CHECK(t->ended.take() == body_end::complete);
  CHECK_EQ(taken.load(), size);
}

TEST(a client that waits for 100 continue is told when its body is asked for) {
  mailbox<http::exchange> held;
  handler.on_request = [&](http::exchange e) { held.put(std::move(e)); };
  const auto port = start();
  raw_client client{port};
  client.send(post(5, "Expect: 100-continue\r\n"));
  auto e = held.take();
  const auto t = std::make_shared<taker>();
  t->part = [t = t.get()](std::string_view bytes) { t->got += bytes; }; // the flow is this thread's
  t->exchange = std::move(e);
  t->flow = t->exchange.take_body(t);
  CHECK_EQ(client.read_response().status, 100);
  client.send("hello");
  CHECK_EQ(client.read_response().body, "took 5");
  client.send(post(5, "Expect: 100-continue\r\n"));
  http::response no;
  no.status = 401;
  held.take().answer(std::move(no));
  CHECK_EQ(client.read_response().status, 401); // and nothing before it
  CHECK(client.is_closed());
}

TEST(an answer before the end of the body is sent and the connection closed) {
  prepare = [](taker& t) {
    t.part = [&t](std::string_view bytes) {
      http::response no;
      no.status = 415;
      t.exchange.answer(std::move(no));
      t.got = bytes; // still there
    };
  };
  const auto port = start();
  for (const auto& body : {post(1'000'000) + "abc", chunked + "3\r\nabc\r\n"}) {
    raw_client client{port};
    client.send(body);
    const auto r = client.read_response();
    CHECK_EQ(r.status, 415);
    CHECK_EQ(r.field("Connection"), "close");
    CHECK(client.is_closed());
    CHECK_EQ(takers.take()->got, "abc");
  }
  CHECK(eventually([&] { return server->count().open == 0; }));
  CHECK_EQ(server->count().gone, 0u);
}

TEST(an exchange that is dropped in the middle of its body answers 500) {
  prepare = [](taker& t) { t.part = [&t](std::string_view) { t.exchange = {}; }; };
  raw_client client{start()};
  client.send(post(10) + "hello");
  CHECK_EQ(client.read_response().status, 500);
  CHECK(client.is_closed());
}

TEST(a consumer that throws ends as 500) {
  prepare = [](taker& t) { t.part = [](std::string_view) { throw std::runtime_error{"no"}; }; };
  raw_client client{start()};
  client.send(post(10) + "hello");
  CHECK_EQ(client.read_response().status, 500);
  CHECK(client.is_closed());
  const auto t = takers.take();
  CHECK(t->ended.take() == body_end::gone);
  t->exchange = {};
  CHECK_EQ(refused(500), 1u);
}

TEST(a body over the bound gets 413 in the middle and its consumer is told) {
  handler.body_bound = 1'000;
  const auto port = start();
  raw_client client{port};
  client.send(chunked + chunk(numbered_bytes(0, 900)));
  const auto t = takers.take();
  client.send(chunk(numbered_bytes(900, 100)) + "1\r\n");
  const auto r = client.read_response();
  CHECK_EQ(r.status, 413);
  CHECK(client.is_closed());
  CHECK(t->ended.take() == body_end::too_large);
  CHECK_EQ(t->got.size(), 1'000u);
  CHECK(t->exchange); // which is still to be settled, and sends nothing
  CHECK_EQ(server->count().in_flight, 1u);
  t->exchange = {};
  CHECK(eventually([&] { return server->count().in_flight == 0; }));
  CHECK_EQ(refused(413), 1u);
  CHECK_EQ(refused(500), 0u);
  raw_client declared{port};
  declared.send(post(1'001));
  CHECK_EQ(declared.read_response().status, 413);
  CHECK_EQ(server->count().requests, 1u);
}

TEST(a body whose chunks are malformed gets 400 and its consumer is told) {
  raw_client client{start()};
  client.send(chunked + "3\r\nabc\r\nxyz");
  CHECK_EQ(client.read_response().status, 400);
  CHECK(client.is_closed());
  const auto t = takers.take();
  CHECK(t->ended.take() == body_end::malformed);
}

TEST(a body that does not arrive gets 408 but no client is blamed for a consumer that pauses) {
  limits.body_timeout = 50ms;
  first_grant = 2;
  prepare = [](taker& t) { t.part = [&t](std::string_view bytes) { t.got += bytes; }; };
  const auto port = start();
  raw_client paused{port};
  paused.send(post(10) + "0123456789");
  const auto patient = takers.take();
  first_grant = 100;
  for (int i = 0; i < 3; ++i) { // each waits for longer than the time-out
    raw_client client{port};
    client.send(post(10) + "01234");
    CHECK_EQ(client.read_response().status, 408);
    CHECK(client.is_closed());
    CHECK(takers.take()->ended.take() == body_end::too_slow);
  }
  CHECK_EQ(refused(408), 3u);
  patient->flow.grant(100);
  CHECK_EQ(paused.read_response().body, "took 10");
}

TEST(a client that leaves in the middle of its body is told to the consumer) {
  const auto port = start();
  for (const auto& request : {post(10) + "hello", chunked + "5\r\nhello\r\n"}) {
    raw_client client{port};
    client.send(request);
    const auto t = takers.take();
    client.close();
    CHECK(t->ended.take() == body_end::gone);
    CHECK(t->exchange.is_gone());
    t->exchange = {};
  }
  CHECK_EQ(server->count().gone, 2u);
}

TEST(a client that resets the connection is noticed though its consumer pauses) {
  first_grant = 0;
  raw_client client{start()};
  client.send(post(10) + "hello");
  const auto t = takers.take();
  client.reset();
  CHECK(t->ended.take() == body_end::gone);
}

TEST(a client that has sent its whole body and closed its half is still answered) {
  first_grant = 1;
  raw_client client{start()};
  client.send(post(50'000) + numbered_bytes(0, 50'000));
  client.finish_sending();
  const auto t = takers.take();
  t->flow.grant(100'000);
  CHECK_EQ(client.read_response().body, "took 50000");
  CHECK(client.is_closed());
}

TEST(a body is asked for late and by another thread) {
  mailbox<http::exchange> held;
  handler.on_request = [&](http::exchange e) { held.put(std::move(e)); };
  raw_client client{start()};
  client.send(post(5) + "hello" + post(0) + get);
  for (const auto* expected : {"took 5", "took 0", "took 0"}) {
    const auto t = std::make_shared<taker>();
    t->part = [t = t.get()](std::string_view bytes) { t->got += bytes; };
    t->exchange = held.take();
    t->flow = t->exchange.take_body(t);
    CHECK_EQ(client.read_response().body, expected);
    t->flow.grant(1); // late, and harmless
  }
}

TEST(a body that is asked for later on the connections own thread does not come before the call returns) {
  handler.on_request = [take = handler.on_request](http::exchange e) {
    std::move(e).after(1ms, [take](http::exchange later) { take(std::move(later)); });
  };
  first_grant = 2; // what follows needs the flow
  raw_client client{start()};
  client.send(post(5) + "hello");
  CHECK_EQ(client.read_response().body, "took 5");
}

TEST(an exchange that is reset in the middle of its body tells its consumer no more) {
  prepare = [](taker& t) { t.part = [&t](std::string_view) { t.exchange.reset(); }; };
  raw_client client{start()};
  client.send(post(10) + "hello");
  CHECK(client.is_closed());
  CHECK(client.was_reset());
  CHECK(eventually([&] { return server->count().open == 0; }));
}

TEST(a request that is pipelined behind a streamed body is served after it) {
  raw_client client{start()};
  client.send(post(5) + "hello" + chunked + "5\r\nworld\r\n0\r\n\r\n" + get);
  for (const auto* expected : {"took 5", "took 5", "took 0"})
    CHECK_EQ(client.read_response().body, expected);
}

TEST(draining waits for a body under way) {
  auto client = raw_client{start()};
  client.send(post(10) + "hello");
  const auto t = takers.take();
  bool drained = false;
  std::thread drainer{[&] { drained = server->drain(20s); }};
  CHECK(eventually([&] { return !raw_client{server->port()}.connected(); }));
  client.send("world");
  const auto r = client.read_response();
  CHECK_EQ(r.body, "took 10");
  CHECK_EQ(r.field("Connection"), "close");
  client.close();
  drainer.join();
  CHECK(drained);
}

TEST(a body under way at the end of draining is cut off and its consumer told) {
  raw_client client{start()};
  client.send(post(10) + "hello");
  const auto t = takers.take();
  CHECK(!server->drain(20ms));
  CHECK(t->ended.take() == body_end::gone);
  t->flow.grant(1); // the server has gone
}

CAF_TEST_FIXTURE_SCOPE_END()
