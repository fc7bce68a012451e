// TLS on the listening socket: the same session code over encrypted bytes, and what is not TLS at all.
#define TEST_SUITE http_tls
#include "tests/support/test.hpp"

#include "apps/http/tls.hpp"
#include "tests/http/fixture.hpp"
#include "tests/support/tls_client.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr auto get = "GET /a HTTP/1.1\r\nHost: t\r\n\r\n";

struct tls_fixture : test::http_fixture {
  test::temp_directory dir;
  test::certificate_files files = test::make_certificate(dir, "first");

  [[nodiscard]] static std::shared_ptr<const http::tls_context> context(const test::certificate_files& f) {
    auto loaded = http::tls_context::load(f.certificate, f.key);
    if (!loaded)
      throw std::runtime_error{loaded.error().message};
    return loaded.value();
  }

  std::uint16_t start_tls() {
    auto s = http::server::start("127.0.0.1", 0, 1, limits, handler, context(files));
    if (!s)
      throw std::runtime_error{s.error().message};
    server.emplace(std::move(s).value());
    return server->port();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(tls_tests, tls_fixture)

TEST(requests are answered one after the other over TLS 1_2 and 1_3) {
  const auto port = start_tls();
  for (const auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    test::tls_client client{port, {.highest = version}};
    REQUIRE(client.connected());
    CHECK_EQ(SSL_version(client.native()), version);
    for (int i = 0; i < 3; ++i) {
      client.send(get);
      const auto r = client.read_response();
      CHECK_EQ(r.status, 200);
      CHECK_EQ(r.body, "GET /a|");
    }
  }
  CHECK_EQ(server->count().tls_handshakes, 2u);
  CHECK_EQ(server->count().failed_tls_handshakes, 0u);
}

TEST(versions before 1_2 are refused and counted as failed) {
  const auto port = start_tls();
  test::tls_client client{port, {.highest = TLS1_1_VERSION}};
  CHECK(!client.connected());
  CHECK(test::eventually([&] { return server->count().failed_tls_handshakes == 1; }));
  CHECK_EQ(server->count().tls_handshakes, 0u);
}

TEST(a body larger than many records arrives whole in both directions) {
  handler.body_bound = 4 << 20;
  const auto port = start_tls();
  test::tls_client client{port};
  std::string body;
  for (int i = 0; body.size() < (3U << 20); ++i)
    body += std::to_string(i) + ",";
  client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  client.send(body);
  const auto r = client.read_response();
  CHECK_EQ(r.status, 200);
  CHECK(r.body == "POST /|" + body);
}

TEST(a hundred pipelined requests in one write get a hundred answers) {
  const auto port = start_tls();
  test::tls_client client{port};
  std::string all;
  for (int i = 0; i < 100; ++i)
    all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: t\r\n\r\n";
  client.send(all);
  for (int i = 0; i < 100; ++i)
    CHECK_EQ(client.read_response().body, "GET /" + std::to_string(i) + "|");
}

TEST(an answer is ended with a close_notify when the connection is to close) {
  const auto port = start_tls();
  test::tls_client client{port};
  client.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  CHECK_EQ(client.read_response().status, 200);
  CHECK(client.is_closed());
}

TEST(a client that closes its sending half still gets its answer) {
  const auto port = start_tls();
  test::tls_client client{port};
  client.send(get);
  client.finish_sending();
  CHECK_EQ(client.read_response().status, 200);
}

TEST(a client that leaves while its answer is pending is noticed) {
  test::mailbox<http::exchange> held;
  test::mailbox<bool> left;
  handler.on_request = [&](http::exchange e) {
    e.on_gone([&] { left.put(true); });
    held.put(std::move(e));
  };
  const auto port = start_tls();
  {
    test::tls_client client{port};
    client.send(get);
    auto e = held.take();
    held.put(std::move(e));
  }
  CHECK(left.take());
  held.take().answer({});
}

TEST(ALPN chooses HTTP 1_1 and refuses a client that wants none of it) {
  const auto port = start_tls();
  test::tls_client both{port, {.alpn = "\x02h2\x08http/1.1"}};
  REQUIRE(both.connected());
  CHECK_EQ(both.protocol(), "http/1.1");
  test::tls_client neither{port, {.alpn = "\x02h2"}};
  CHECK(!neither.connected());
}

TEST(a session is resumed from its ticket) {
  const auto port = start_tls();
  test::tls_client first{port};
  first.send(get);
  CHECK_EQ(first.read_response().status, 200); // the ticket comes before the answer
  const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session{
    SSL_get1_session(first.native()), SSL_SESSION_free};
  test::tls_client second{port, {.resume = session.get()}};
  REQUIRE(second.connected());
  CHECK_EQ(SSL_session_reused(second.native()), 1);
}

TEST(renegotiation is refused) {
  const auto port = start_tls();
  test::tls_client client{port, {.highest = TLS1_2_VERSION}};
  REQUIRE(client.connected());
  SSL_renegotiate(client.native());
  CHECK(SSL_do_handshake(client.native()) != 1 || !client.send(get) || client.read_response().status == 0);
}

TEST(plain HTTP on the port of TLS is told so in the clear) {
  const auto port = start_tls();
  test::raw_client client{port};
  client.send(get);
  const auto r = client.read_response();
  CHECK_EQ(r.status, 400);
  CHECK(r.body.find("HTTPS") != std::string::npos);
  CHECK(client.is_closed());
  CHECK_EQ(server->count().requests, 0u);
  CHECK(test::eventually([&] { return server->count().failed_tls_handshakes == 1; }));
}

TEST(bytes that are neither TLS nor HTTP end the connection) {
  const auto port = start_tls();
  test::raw_client client{port};
  client.send(std::string(200, '\x07'));
  client.read_all(); // an alert, perhaps
  CHECK(test::eventually([&] { return server->count().open == 0; }));
  CHECK_EQ(server->count().requests, 0u);
}

TEST(a handshake that is not completed in the time for a head is ended) {
  limits.header_timeout = 50ms;
  const auto port = start_tls();
  test::raw_client silent{port};
  test::raw_client slow{port};
  slow.send("\x16\x03\x01"); // the beginning of a ClientHello
  CHECK(silent.is_closed());
  CHECK(slow.is_closed());
  // A connection that never said a byte is no failed handshake.
  CHECK(test::eventually([&] { return server->count().open == 0; }));
  CHECK_EQ(server->count().failed_tls_handshakes, 1u);
}

TEST(new connections get the new certificate and open ones go on) {
  const auto port = start_tls();
  test::tls_client old{port};
  CHECK_EQ(old.server_name(), "first");
  server->replace_certificate(context(test::make_certificate(dir, "second")));
  test::tls_client next{port};
  CHECK_EQ(next.server_name(), "second");
  old.send(get);
  CHECK_EQ(old.read_response().status, 200);
}

TEST(drain finishes what is in flight and closes what is idle) {
  test::mailbox<http::exchange> held;
  handler.on_request = [&](http::exchange e) { held.put(std::move(e)); };
  const auto port = start_tls();
  test::tls_client busy{port};
  test::tls_client idle{port};
  busy.send(get);
  auto e = held.take();
  std::thread draining{[&] { CHECK(server->drain(5s)); }};
  CHECK(idle.is_closed());
  e.answer({});
  CHECK_EQ(busy.read_response().field("Connection"), "close");
  CHECK(busy.is_closed());
  draining.join();
}

TEST(what is wrong with a certificate or key is named with its file) {
  const auto other = test::make_certificate(dir, "other");
  const auto text = dir.write("text", "no certificate");
  ::chmod(text.c_str(), 0600);
  const auto said = [](const std::string& certificate, const std::string& key) {
    const auto loaded = http::tls_context::load(certificate, key);
    return loaded ? std::string{"fine"} : loaded.error().message;
  };
  CHECK_EQ(said(files.certificate, files.key), "fine");
  CHECK(said(dir.file("none"), files.key).starts_with(dir.file("none") + ": cannot be read"));
  CHECK(said(text, files.key).starts_with(text + ": expected a certificate in PEM"));
  CHECK(said(files.certificate, text).starts_with(text + ": expected the key of"));
  CHECK(said(files.certificate, other.key).starts_with(other.key + ": "));
  ::chmod(files.key.c_str(), 0644);
  CHECK_EQ(said(files.certificate, files.key),
    files.key + ": others may read this key; expected mode 0600 (or 0640 with a group)");
}

CAF_TEST_FIXTURE_SCOPE_END()
