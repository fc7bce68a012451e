// Both directions in parts over TLS.
#define TEST_SUITE http_stream_tls
#include "tests/support/test.hpp"

#include "apps/http/tls.hpp"
#include "tests/http/streams.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/tls_client.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

struct tls_stream_fixture : upload_fixture {
  temp_directory dir;
  certificate_files files = make_certificate(dir, "streams");
  patient_writer writer;
  mailbox<http::answer_stream> streams;

  tls_stream_fixture() {
    handler.on_request = [this, upload = handler.on_request](http::exchange e) {
      if (e.request().method == "POST")
        upload(std::move(e));
      else
        streams.put(e.stream({}, writer.calls()));
    };
  }

  std::uint16_t start_tls() {
    auto context = http::tls_context::load(files.certificate, files.key);
    if (!context)
      throw std::runtime_error{context.error().message};
    auto s = http::server::start("127.0.0.1", 0, 1, limits, handler, context.value());
    if (!s)
      throw std::runtime_error{s.error().message};
    server.emplace(std::move(s).value());
    return server->port();
  }
};

const std::string get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

} // namespace

CAF_TEST_FIXTURE_SCOPE(tls_stream_tests, tls_stream_fixture)

TEST(a body comes in parts as it is granted) {
  constexpr std::size_t size = 20'000'000;
  first_grant = 10'000; // less than a record
  tls_client client{start_tls()};
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  std::thread sender{[&] { client.send(numbered_bytes(0, size)); }};
  const auto t = takers.take();
  CHECK(t->ended.take() == http::body_end::complete);
  sender.join();
  CHECK(t->got == numbered_bytes(0, size));
  CHECK_EQ(client.read_response().body, "took 20000000");
}

TEST(a long answer is streamed to a slow reader and the connection goes on) {
  constexpr std::size_t size = 20'000'000;
  tls_client client{start_tls()};
  for (int i = 0; i < 2; ++i) {
    client.send(get);
    bool all = false;
    std::thread thread{[&, s = streams.take()]() mutable {
      all = writer.write(s, size, 50'000);
      s.end();
    }};
    CHECK_EQ(client.read_response().status, 200);
    const auto body = read_chunked(client);
    thread.join();
    CHECK(all);
    CHECK(body.complete);
    CHECK(body.bytes == numbered_bytes(0, size));
  }
  CHECK(writer.peak() <= http::stream_buffer);
}

TEST(a client that leaves is noticed in both directions) {
  const auto port = start_tls();
  std::shared_ptr<taker> t;
  {
    tls_client client{port};
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello");
    t = takers.take();
  }
  CHECK(t->ended.take() == http::body_end::gone);
  t->exchange = {};
  http::answer_stream s;
  {
    tls_client client{port};
    client.send(get);
    s = streams.take();
    CHECK(s.write("hello") == http::wrote::taken);
  }
  CHECK(writer.wait_for_over());
}

TEST(a stream that is dropped is cut off and one that is ended is not) {
  const auto port = start_tls();
  for (const bool complete : {false, true}) {
    tls_client client{port};
    client.send(get);
    {
      auto s = streams.take();
      CHECK(s.write("part") == http::wrote::taken);
      if (complete)
        s.end();
    }
    CHECK_EQ(client.read_response().status, 200);
    const auto body = read_chunked(client);
    CHECK_EQ(body.bytes, "part");
    CHECK_EQ(body.complete, complete);
  }
}

TEST(a client that takes no byte is cut off however busy it is otherwise) {
  constexpr std::size_t size = 50'000'000; // more than the kernel takes
  limits.write_timeout = 50ms;
  handler.on_request = [this](http::exchange e) {
    if (e.request().target == "/parts")
      return streams.put(e.stream({}, writer.calls()));
    http::response r;
    r.body = blob{std::string(size, 'x')};
    e.answer(std::move(r));
  };
  const auto port = start_tls();
  // Each byte wakes the connection; one that was reset takes none.
  const auto is_cut_off = [](tls_client& client) { return eventually([&] { return !client.send("x"); }, 30s); };
  tls_client whole{port};
  whole.send("GET /whole HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(is_cut_off(whole));
  tls_client parts{port};
  parts.send("GET /parts HTTP/1.1\r\nHost: x\r\n\r\n");
  bool all = true;
  std::thread thread{[&, s = streams.take()]() mutable { all = writer.write(s, size, 50'000); }};
  CHECK(is_cut_off(parts));
  thread.join();
  CHECK(!all);
}

CAF_TEST_FIXTURE_SCOPE_END()
