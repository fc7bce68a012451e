// Answers that are written in parts.
#define TEST_SUITE http_stream
#include "tests/support/test.hpp"

#include "tests/http/streams.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using http::wrote;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string get_10 = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

http::response plain() {
  http::response r;
  r.head = "Content-Type: text/plain\r\n";
  return r;
}

// A server that gives the stream of each answer to the test.
struct stream_fixture : http_fixture {
  patient_writer writer;
  mailbox<http::answer_stream> streams;

  stream_fixture() {
    handler.on_request = [this](http::exchange e) { streams.put(e.stream(plain(), writer.calls())); };
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(stream_tests, stream_fixture)

TEST(an answer is sent in chunks and the connection serves the next request) {
  raw_client client{start()};
  for (int i = 0; i < 3; ++i) {
    client.send(get);
    auto s = streams.take();
    CHECK(s.write("hello") == wrote::taken);
    CHECK(s.write("") == wrote::taken); // not the last chunk
    const auto r = client.read_response();
    CHECK_EQ(r.status, 200);
    CHECK_EQ(r.field("Transfer-Encoding"), "chunked");
    CHECK_EQ(r.field("Content-Length"), "");
    CHECK_EQ(r.field("Connection"), "");
    CHECK_EQ(r.field("Content-Type"), "text/plain");
    CHECK_EQ(client.read_some(), "5\r\nhello\r\n");
    CHECK(s.write(" world") == wrote::taken);
    s.end();
    CHECK(!s);
    const auto body = read_chunked(client);
    CHECK_EQ(body.bytes, " world");
    CHECK(body.complete);
  }
  CHECK_EQ(server->count().accepted, 1u);
  CHECK(eventually([&] { return server->count().streams == 0; }));
  CHECK_EQ(server->count().cut_streams, 0u);
  CHECK_EQ(server->count().in_flight, 0u);
}

TEST(what is written within the handler leaves in one piece) {
  handler.on_request = [](http::exchange e) {
    auto s = e.stream(plain());
    if (s.write("a") == wrote::taken && s.write("b") == wrote::taken)
      s.end();
  };
  raw_client client{start()};
  client.send(get + get);
  for (int i = 0; i < 2; ++i) {
    CHECK_EQ(client.read_response().status, 200);
    CHECK_EQ(read_chunked(client).bytes, "ab");
  }
}

TEST(an answer to HTTP 1 0 ends with its connection) {
  raw_client client{start()};
  client.send(get_10);
  auto s = streams.take();
  CHECK(s.write("hello ") == wrote::taken);
  CHECK(s.write("world") == wrote::taken);
  s.end();
  const auto r = client.read_response();
  CHECK_EQ(r.field("Transfer-Encoding"), "");
  CHECK_EQ(r.field("Connection"), "close");
  CHECK_EQ(client.read_all(), "hello world");
  CHECK(!client.was_reset());
}

TEST(a client that asks to close gets the last chunk and the end) {
  raw_client client{start()};
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  streams.take().end();
  CHECK_EQ(client.read_response().field("Connection"), "close");
  CHECK_EQ(client.read_all(), "0\r\n\r\n");
}

TEST(HEAD and a status without a body get the head alone and the writer is told) {
  handler.on_request = [stream = handler.on_request](http::exchange e) {
    if (e.request().target == "/")
      return stream(std::move(e));
    auto r = plain();
    r.status = 204;
    e.stream(std::move(r)).end();
  };
  raw_client client{start()};
  client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  auto s = streams.take();
  CHECK(writer.wait_for_over());
  CHECK(s.is_over());
  CHECK(s.write("nothing of this") == wrote::over);
  s.end();
  CHECK_EQ(client.read_response().field("Transfer-Encoding"), "chunked");
  const std::string get_204 = "GET /204 HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(get_204);
  const auto r = client.read_response();
  CHECK_EQ(r.status, 204);
  CHECK_EQ(r.field("Transfer-Encoding"), "");
  client.send(get_204); // the connection is in step
  CHECK_EQ(client.read_response().status, 204);
}

TEST(a slow reader of a hundred megabytes costs no more than the buffer) {
  constexpr std::size_t size = 100'000'000;
  constexpr std::size_t piece = 251 * 200;
  const auto port = start();
  for (const auto& request : {get, get_10}) {
    raw_client client{port};
    client.send(request);
    bool all = false;
    const auto before = writer.refusals();
    std::thread thread{[&, s = streams.take()]() mutable {
      all = writer.write(s, size, piece);
      s.end();
    }};
    CHECK(eventually([&] { return writer.refusals() > before; })); // the kernel takes no more either
    CHECK_EQ(client.read_response().status, 200);
    const auto pattern = numbered_bytes(0, piece);
    std::size_t right = 0;
    std::string ahead;
    http::chunked_decoder decoder;
    for (bool done = false; !done;) {
      const auto bytes = client.read_some();
      done = bytes.empty();
      if (request == get)
        done = decoder.feed(bytes, ahead, std::string::npos).done || done;
      else
        ahead += bytes;
      std::size_t at = 0;
      for (; ahead.size() - at >= piece && std::string_view{ahead}.substr(at, piece) == pattern; at += piece)
        right += piece;
      ahead.erase(0, at);
    }
    thread.join();
    CHECK(all);
    CHECK(ahead == pattern.substr(0, ahead.size()));
    CHECK_EQ(right + ahead.size(), size);
  }
  CHECK(writer.peak() <= http::stream_buffer);
}

TEST(a write beyond the buffer is refused and room is told once there is some) {
  const std::string half(http::stream_buffer / 2, 'x');
  handler.on_request = [&](http::exchange e) { // on the thread that would send
    auto s = e.stream(plain(), writer.calls());
    CHECK(s.write(std::string(http::stream_buffer + 1, 'x')) == wrote::too_long);
    CHECK_EQ(s.buffered(), 0u);
    CHECK(s.write(half) == wrote::taken);
    CHECK(s.write(half) == wrote::taken);
    CHECK_EQ(s.buffered(), http::stream_buffer);
    CHECK(s.write("x") == wrote::full);
    CHECK(s.write("") == wrote::taken);
    streams.put(std::move(s));
  };
  raw_client client{start()};
  client.send(get);
  auto s = streams.take();
  CHECK(writer.wait_for_room());
  CHECK_EQ(client.read_response().status, 200);
  std::size_t got = 0;
  std::thread reader{[&] { got = read_chunked(client).bytes.size(); }};
  CHECK(writer.write(s, 1'000'000, 100'000));
  s.end();
  reader.join();
  CHECK_EQ(got, http::stream_buffer + 1'000'000);
}

TEST(flush tells when all that was written has left) {
  mailbox<bool> flushed;
  raw_client client{start()};
  client.send(get);
  auto s = streams.take();
  CHECK(s.write("hello") == wrote::taken);
  s.flush([&](bool sent) { flushed.put(sent); });
  CHECK(flushed.take());
  CHECK_EQ(s.buffered(), 0u);
  s.flush([&](bool sent) { flushed.put(sent); }); // nothing new
  CHECK(flushed.take());
  client.close();
  CHECK(writer.wait_for_over());
  s.flush([&](bool sent) { flushed.put(sent); });
  CHECK(!flushed.take());
}

TEST(a writer learns that the client has left while it waits) {
  mailbox<bool> flushed;
  std::array<patient_writer, 2> writers;
  handler.on_request = [&](http::exchange e) {
    auto& own = writers[e.request().version == 11 ? 0 : 1];
    streams.put(e.stream(plain(), own.calls()));
  };
  const auto port = start();
  for (const bool reset : {false, true}) {
    auto& own = writers[reset ? 1 : 0];
    raw_client client{port};
    client.send(reset ? get_10 : get);
    auto s = streams.take();
    bool refused = false;
    std::thread thread{[&] { // waits for each part to leave, which the kernel's buffers allow for a while
      do {
        refused = s.write(std::string(100'000, 'x')) == wrote::full || refused;
        s.flush([&](bool sent) { flushed.put(sent); });
      } while (flushed.take());
    }};
    CHECK_EQ(client.read_response().status, 200);
    reset ? client.reset() : client.close();
    thread.join();
    CHECK(!refused);
    CHECK(own.wait_for_over());
    CHECK(s.write("x") == wrote::over);
    CHECK_EQ(s.buffered(), 0u);
  }
  CHECK(eventually([&] { return server->count().open == 0; }));
  CHECK_EQ(server->count().cut_streams, 2u);
  CHECK_EQ(server->count().streams, 0u);
}

TEST(a client that leaves an idle stream is noticed at once) {
  raw_client client{start()};
  client.send(get);
  auto s = streams.take();
  CHECK_EQ(client.read_response().status, 200);
  client.close();
  CHECK(writer.wait_for_over());
  CHECK_EQ(server->count().gone, 1u);
}

TEST(a client that closed its half gets what is complete already) {
  handler.on_request = [](http::exchange e) {
    auto s = e.stream(plain());
    if (s.write(std::string(200'000, 'x')) == wrote::taken)
      s.end();
  };
  raw_client client{start()};
  client.send(get);
  client.finish_sending();
  CHECK_EQ(client.read_response().status, 200);
  const auto body = read_chunked(client);
  CHECK(body.complete);
  CHECK_EQ(body.bytes.size(), 200'000u);
}

TEST(a client that takes no byte is reset and the writer told) {
  limits.write_timeout = 50ms;
  raw_client client{start()};
  client.send(get);
  auto s = streams.take();
  CHECK(!writer.write(s, 100'000'000, 100'000)); // more than the kernel takes
  CHECK(writer.wait_for_over());
  while (!client.read_some().empty())
    ;
  CHECK(client.was_reset());
}

TEST(an idle stream is not a slow client) {
  limits.write_timeout = 20ms;
  limits.keep_alive = 20ms;
  limits.header_timeout = 20ms;
  const auto port = start();
  raw_client client{port};
  client.send(get);
  auto s = streams.take();
  CHECK_EQ(client.read_response().status, 200);
  for (int i = 0; i < 3; ++i) // each takes longer than any of the limits
    CHECK(raw_client{port}.is_closed());
  CHECK(s.write("still here") == wrote::taken);
  CHECK_EQ(client.read_some(), "a\r\nstill here\r\n");
}

TEST(a stream that is dropped leaves an answer that is cut off) {
  const auto port = start();
  raw_client client{port};
  client.send(get);
  {
    auto s = streams.take();
    CHECK(s.write("part") == wrote::taken);
  }
  CHECK_EQ(client.read_response().status, 200);
  const auto body = read_chunked(client);
  CHECK_EQ(body.bytes, "part");
  CHECK(!body.complete);
  raw_client old{port};
  old.send(get_10);
  streams.take() = {};
  while (!old.read_some().empty())
    ;
  CHECK(old.was_reset()); // nothing else tells it
  CHECK(eventually([&] { return server->count().cut_streams == 2; }));
}

TEST(a request that is pipelined behind a stream waits for its end) {
  raw_client client{start()};
  client.send(get + get);
  auto first = streams.take();
  CHECK(first.write("1") == wrote::taken);
  CHECK_EQ(client.read_response().status, 200);
  CHECK_EQ(client.read_some(), "1\r\n1\r\n");
  CHECK_EQ(server->count().requests, 1u);
  first.end();
  CHECK(read_chunked(client).complete);
  auto second = streams.take();
  second.end();
  CHECK_EQ(client.read_response().status, 200);
  CHECK(read_chunked(client).complete);
}

TEST(a stream begun by another thread or after its client has left is handled) {
  mailbox<http::exchange> held;
  handler.on_request = [&](http::exchange e) { held.put(std::move(e)); };
  raw_client client{start()};
  client.send(get);
  {
    auto e = held.take();
    auto s = e.stream(plain(), writer.calls());
    CHECK(!e);
    CHECK(s.write("elsewhere") == wrote::taken);
    s.end();
  }
  CHECK_EQ(client.read_response().status, 200);
  CHECK_EQ(read_chunked(client).bytes, "elsewhere");
  client.send(get);
  auto e = held.take();
  client.reset();
  CHECK(eventually([&] { return server->count().open == 0; }));
  auto s = e.stream(plain(), writer.calls());
  CHECK(writer.wait_for_over());
  CHECK(s.write("x") == wrote::over);
}

TEST(a stream that is begun later on the connections own thread is no different) {
  handler.on_request = [this](http::exchange e) {
    std::move(e).after(1ms, [this](http::exchange later) {
      auto s = later.stream(plain(), writer.calls());
      if (s.write("later") == wrote::taken)
        s.end();
    });
  };
  raw_client client{start()};
  for (int i = 0; i < 2; ++i) {
    client.send(get);
    CHECK_EQ(client.read_response().status, 200);
    CHECK_EQ(read_chunked(client).bytes, "later");
  }
}

TEST(a stream may answer before the end of a streamed body) {
  handler.on_streams = [](const http::request&) { return true; };
  handler.body_bound = 1'000'000;
  raw_client client{start()};
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");
  auto s = streams.take();
  CHECK(s.write("enough") == wrote::taken);
  s.end();
  CHECK_EQ(client.read_response().field("Connection"), "close");
  CHECK_EQ(client.read_all(), "6\r\nenough\r\n0\r\n\r\n");
}

TEST(draining asks an open stream to end and waits for that) {
  raw_client client{start()};
  client.send(get);
  auto s = streams.take();
  bool drained = false;
  std::thread drainer{[&] { drained = server->drain(20s); }};
  CHECK(writer.wait_for_drain());
  CHECK(s.write("bye") == wrote::taken);
  s.end();
  CHECK_EQ(client.read_response().status, 200);
  const auto body = read_chunked(client);
  CHECK_EQ(body.bytes, "bye");
  CHECK(body.complete);
  drainer.join();
  CHECK(drained);
}

TEST(a stream that goes on is cut off at the end of draining) {
  for (const auto& request : {get, get_10}) {
    patient_writer own;
    handler.on_request = [&](http::exchange e) { streams.put(e.stream(plain(), own.calls())); };
    raw_client client{start()};
    client.send(request);
    auto s = streams.take();
    CHECK_EQ(client.read_response().status, 200);
    CHECK(!server->drain(20ms));
    CHECK(own.wait_for_drain());
    CHECK(own.wait_for_over());
    CHECK(s.write("x") == wrote::over);
    CHECK(!read_chunked(client).complete);
    CHECK_EQ(client.was_reset(), request == get_10);
    server.reset();
    s.end(); // it outlives the server
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
