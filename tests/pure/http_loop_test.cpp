#define TEST_SUITE http_loop
#include "tests/support/test.hpp"

#include "actors/http_client/http_loop.hpp"
#include "messages/errors.hpp"
#include "tests/support/tiny_server.hpp"

#include <future>
#include <zlib.h>

using namespace troupe;
using troupe::test::tiny_server;
using connection = tiny_server::connection;

namespace {

constexpr std::int64_t ms = 1000;
constexpr std::int64_t wall_now_ms = 784'111'777'000; // Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples

std::string ok_answer(std::string_view body, std::string_view more = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"
         + std::string{more} + "\r\n" + std::string{body};
}

http_request get(std::string url) {
  http_request request;
  request.url = std::move(url);
  request.timeout_us = 20'000 * ms; // longer than any test should take
  return request;
}

ec code_of(const http_response& response) {
  return response.code;
}

/// One answer to come, and the id to abort it by.
struct call {
  call(http_loop& loop, http_request request) {
    auto promise = std::make_shared<std::promise<http_response>>();
    answer = promise->get_future();
    id = loop.start(std::move(request), [promise](http_response r) { promise->set_value(std::move(r)); });
  }
  std::future<http_response> answer;
  std::uint64_t id = 0;
};

http_response ask(http_loop& loop, http_request request) {
  return call{loop, std::move(request)}.answer.get();
}

http_loop_settings with_fixed_wall_clock() {
  http_loop_settings settings;
  settings.wall_ms = [] { return wall_now_ms; };
  return settings;
}

void hang(connection& client) {
  client.read_request();
  client.wait_for_close();
}

/// Answers every request on a connection with the same bytes.
tiny_server::script always(std::string bytes) {
  return [bytes = std::move(bytes)](connection& client) {
    while (!client.read_request().empty() && client.write(bytes)) {
    }
  };
}

/// Answers with the request itself, so that a test sees what was sent.
void echo(connection& client) {
  for (auto request = client.read_request(); !request.empty(); request = client.read_request())
    client.write(ok_answer(request));
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY); // + 16: a gzip header
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

} // namespace

TEST(an answer comes with its status and body and type) {
  tiny_server server{always(ok_answer("{\"a\":1}"))};
  http_loop loop;
  const auto response = ask(loop, get(server.url("/search?q=dune")));
  CHECK(code_of(response) == ec::none);
  CHECK_EQ(response.status, 200);
  CHECK_EQ(response.body.view(), "{\"a\":1}");
  CHECK_EQ(response.content_type, "application/json");
  CHECK_EQ(response.retry_after_us, -1);
  CHECK(response.elapsed_us > 0);
  const auto counters = loop.counters();
  CHECK_EQ(counters.in_flight, 0u);
  CHECK_EQ(counters.started, 1u);
  CHECK_EQ(counters.completed, 1u);
  CHECK_EQ(counters.sent, 1u);
  CHECK_EQ(counters.bytes_in, 7u);
}

TEST(an answer of any status is an answer) {
  tiny_server server{always("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")};
  http_loop loop;
  const auto response = ask(loop, get(server.url()));
  CHECK(code_of(response) == ec::none);
  CHECK_EQ(response.status, 503);
  CHECK_EQ(response.body.view(), "busy");
}

TEST(method and fields and body arrive as they were given) {
  tiny_server server{echo};
  http_loop loop;
  auto request = get(server.url("/a/../b?x=%20"));
  request.method = "POST";
  request.headers = {{"X-One", "1"}, {"X-Empty", ""}, {"Content-Type", "application/json"}};
  request.body = blob{std::string(2 << 20, 'b')}; // large enough for curl to want a 100-continue
  const auto sent = std::string{ask(loop, std::move(request)).body.view()};
  CHECK_EQ(sent.substr(0, sent.find('\r')), "POST /a/../b?x=%20 HTTP/1.1");
  CHECK(sent.find("\r\nX-One: 1\r\n") != std::string::npos);
  CHECK(sent.find("\r\nX-Empty:\r\n") != std::string::npos);
  CHECK(sent.find("\r\nContent-Type: application/json\r\n") != std::string::npos);
  CHECK(sent.find("\r\nUser-Agent: troupe/0.1\r\n") != std::string::npos);
  CHECK(sent.find("gzip") != std::string::npos);
  CHECK(sent.find("Expect:") == std::string::npos);
  CHECK_EQ(sent.substr(sent.find("\r\n\r\n") + 4).size(), std::size_t{2 << 20});
}

TEST(nothing of one call is left in the next one on the same handle) {
  tiny_server server{echo};
  http_loop loop;
  auto first = get(server.url("/put"));
  first.method = "PUT";
  first.headers = {{"X-Secret", "s"}};
  first.body = blob{"body"};
  const auto put = std::string{ask(loop, first).body.view()};
  CHECK_EQ(put.substr(0, put.find('\r')), "PUT /put HTTP/1.1");
  CHECK(put.find("x-www-form-urlencoded") == std::string::npos);
  const auto plain = std::string{ask(loop, get(server.url("/get"))).body.view()};
  CHECK_EQ(plain.substr(0, plain.find('\r')), "GET /get HTTP/1.1");
  CHECK(plain.find("X-Secret") == std::string::npos);
  CHECK(plain.find("Content-Length") == std::string::npos);
  auto removal = get(server.url("/gone"));
  removal.method = "DELETE";
  const auto deleted = std::string{ask(loop, removal).body.view()};
  CHECK_EQ(deleted.substr(0, deleted.find('\r')), "DELETE /gone HTTP/1.1");
  auto empty = get(server.url("/empty"));
  empty.method = "PUT";
  const auto empty_put = std::string{ask(loop, empty).body.view()};
  CHECK_EQ(empty_put.substr(0, empty_put.find('\r')), "PUT /empty HTTP/1.1");
  CHECK(empty_put.find("\r\nContent-Length: 0\r\n") != std::string::npos);
}

TEST(the answer to HEAD has no body and does not hang) {
  tiny_server server{always("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")};
  http_loop loop;
  auto request = get(server.url());
  request.method = "HEAD";
  const auto response = ask(loop, std::move(request));
  CHECK(code_of(response) == ec::none);
  CHECK(response.body.empty());
}

TEST(one connection serves calls that follow each other) {
  tiny_server server{always(ok_answer("x"))};
  http_loop loop;
  for (int i = 0; i < 20; ++i)
    CHECK(code_of(ask(loop, get(server.url()))) == ec::none);
  CHECK_EQ(server.accepted(), 1u);
}

TEST(an upstream that hangs ends in provider_timeout) {
  tiny_server server{hang};
  http_loop loop;
  auto request = get(server.url());
  request.timeout_us = 60 * ms;
  const auto response = ask(loop, std::move(request));
  CHECK(code_of(response) == ec::provider_timeout);
  CHECK(!response.detail.empty());
}

TEST(an upstream that drips bytes for ever ends in provider_timeout too) {
  tiny_server server{[](connection& client) {
    client.read_request();
    client.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (client.write("x")) {
      pollfd nothing{-1, 0, 0};
      ::poll(&nothing, 1, 1); // the pace of the drip
    }
  }};
  http_loop loop;
  auto request = get(server.url());
  request.timeout_us = 60 * ms;
  CHECK(code_of(ask(loop, std::move(request))) == ec::provider_timeout);
}

TEST(a call that waits for a connection to a host at its cap times out as well) {
  tiny_server server{hang};
  http_loop_settings settings;
  settings.host_connections = 1;
  http_loop loop{settings};
  call first{loop, get(server.url())};
  auto request = get(server.url());
  request.timeout_us = 60 * ms;
  const auto response = ask(loop, std::move(request));
  CHECK(code_of(response) == ec::provider_timeout);
  CHECK_EQ(server.accepted(), 1u);
  loop.abort(first.id);
  CHECK(code_of(first.answer.get()) == ec::cancelled);
}

TEST(an aborted call frees its connection for one that waits) {
  tiny_server server{[](connection& client) {
    if (client.read_request().find("GET /hang") == 0)
      client.wait_for_close();
    else
      client.write(ok_answer("x"));
  }};
  http_loop_settings settings;
  settings.host_connections = 1;
  http_loop loop{settings};
  call first{loop, get(server.url("/hang"))};
  call second{loop, get(server.url())};
  loop.abort(first.id);
  CHECK(code_of(first.answer.get()) == ec::cancelled);
  CHECK(code_of(second.answer.get()) == ec::none);
}

TEST(a reset connection and a refused one and a closed one are unreachable) {
  tiny_server resets{[](connection& client) {
    client.read_request();
    client.reset();
  }};
  tiny_server closes{[](connection& client) { client.read_request(); }};
  std::string nobody;
  {
    tiny_server gone{hang};
    nobody = gone.url();
  }
  http_loop loop;
  for (const auto& url : {resets.url(), closes.url(), nobody}) {
    const auto response = ask(loop, get(url));
    CHECK(code_of(response) == ec::provider_unreachable);
    CHECK(!response.detail.empty());
  }
}

TEST(a body that ends before its length is unreachable and never an answer) {
  tiny_server server{[](connection& client) {
    client.read_request();
    client.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
  }};
  http_loop loop;
  const auto response = ask(loop, get(server.url()));
  CHECK(code_of(response) == ec::provider_unreachable);
  CHECK(response.body.empty());
  CHECK_EQ(loop.counters().bytes_in, 9u);
}

TEST(what is no HTTP and what is no TLS and what is encoded unreadably is unreachable) {
  tiny_server garbage{always("hello\r\n\r\n")};
  tiny_server encoded{always(ok_answer("not gzip", "Content-Encoding: gzip\r\n"))};
  http_loop loop;
  CHECK(code_of(ask(loop, get(garbage.url()))) == ec::provider_unreachable);
  CHECK(code_of(ask(loop, get(encoded.url()))) == ec::provider_unreachable);
  tiny_server plain{[](connection& client) { client.write("no hand-shake\r\n\r\n"); }};
  const auto tls = "https://127.0.0.1:" + std::to_string(plain.port()) + "/?key=hidden";
  const auto response = ask(loop, get(tls));
  CHECK(code_of(response) == ec::provider_unreachable);
  CHECK(response.detail.find("hidden") == std::string::npos);
}

TEST(a compressed body comes decompressed) {
  const std::string text(100'000, 'z');
  tiny_server server{always(ok_answer(gzip(text), "Content-Encoding: gzip\r\n"))};
  http_loop loop;
  const auto response = ask(loop, get(server.url()));
  CHECK(code_of(response) == ec::none);
  CHECK(response.body.view() == text);
}

TEST(the cap on a body counts what comes out of the decompression) {
  const auto bomb = gzip(std::string(8 << 20, '\0'));
  REQUIRE(bomb.size() < (1u << 20));
  tiny_server server{always(ok_answer(bomb, "Content-Encoding: gzip\r\n"))};
  http_loop loop;
  auto request = get(server.url());
  request.max_bytes = 1 << 20;
  const auto response = ask(loop, std::move(request));
  CHECK(code_of(response) == ec::answer_too_large);
  CHECK(response.body.empty());
  CHECK(loop.counters().bytes_in <= (1u << 20));
}

TEST(a body of exactly the cap passes and one byte more does not ) {
  tiny_server server{always(ok_answer("12345"))};
  http_loop loop;
  auto request = get(server.url());
  request.max_bytes = 5;
  CHECK(code_of(ask(loop, request)) == ec::none);
  request.max_bytes = 4;
  CHECK(code_of(ask(loop, request)) == ec::answer_too_large);
}

TEST(a redirect is an answer and is not followed) {
  tiny_server target{always(ok_answer("x"))};
  tiny_server server{always("HTTP/1.1 302 Found\r\nLocation: " + target.url() + "\r\nContent-Length: 0\r\n\r\n")};
  http_loop loop;
  CHECK_EQ(ask(loop, get(server.url())).status, 302);
  CHECK_EQ(target.accepted(), 0u);
}

TEST(the Retry_After field is read from the answer in both forms) {
  tiny_server seconds{always("HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n")};
  tiny_server date{
    always("HTTP/1.1 503 Busy\r\nretry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\nContent-Length: 0\r\n\r\n")};
  http_loop loop{with_fixed_wall_clock()};
  CHECK_EQ(ask(loop, get(seconds.url())).retry_after_us, 120'000'000);
  CHECK_EQ(ask(loop, get(date.url())).retry_after_us, 30'000'000);
}

TEST(an unusable request is refused before anything is sent) {
  tiny_server server{always(ok_answer("x"))};
  http_loop loop;
  const auto refused = [&](auto change) {
    auto request = get(server.url());
    change(request);
    return code_of(ask(loop, std::move(request))) == ec::bad_request;
  };
  CHECK(refused([](auto& r) { r.headers = {{"X-A", "1\r\nX-B: 2"}}; }));
  CHECK(refused([](auto& r) { r.headers = {{"X-A", "1\n"}}; }));
  CHECK(refused([](auto& r) { r.headers = {{"X-A", std::string{"1\0", 2}}}; }));
  CHECK(refused([](auto& r) { r.headers = {{"X A", "1"}}; }));
  CHECK(refused([](auto& r) { r.headers = {{"", "1"}}; }));
  CHECK(refused([](auto& r) { r.headers = {{"content-LENGTH", "1"}}; }));
  CHECK(refused([](auto& r) { r.headers = {{"Transfer-Encoding", "chunked"}}; }));
  CHECK(refused([](auto& r) { r.method = "GET / HTTP/1.1\r\nX:"; }));
  CHECK(refused([](auto& r) { r.method = ""; }));
  CHECK(refused([](auto& r) { r.url += "\r\nX-B: 2"; }));
  CHECK(refused([](auto& r) { r.url = "file:///etc/passwd"; }));
  CHECK(refused([](auto& r) { r.url = "127.0.0.1/"; }));
  CHECK(refused([](auto& r) { r.url = "http://"; }));
  CHECK(refused([](auto& r) { r.url += std::string(100'000, 'a'); }));
  CHECK(refused([](auto& r) { r.timeout_us = 0; }));
  CHECK(refused([](auto& r) { r.connect_timeout_us = -1; }));
  CHECK(refused([](auto& r) { r.max_bytes = -1; }));
  CHECK_EQ(server.accepted(), 0u);
  CHECK_EQ(loop.counters().sent, 0u);
}

TEST(an abort closes the connection under a hanging call) {
  std::promise<void> asked;
  std::promise<void> left;
  tiny_server server{[&](connection& client) {
    client.read_request();
    asked.set_value();
    client.wait_for_close();
    left.set_value();
  }};
  http_loop loop;
  call hanging{loop, get(server.url())};
  asked.get_future().get();
  loop.abort(hanging.id);
  CHECK(code_of(hanging.answer.get()) == ec::cancelled);
  left.get_future().get(); // the server saw the end while the loop still runs
  const auto counters = loop.counters();
  CHECK_EQ(counters.aborted, 1u);
  CHECK_EQ(counters.completed, 0u);
  CHECK_EQ(counters.in_flight, 0u);
}

TEST(aborting what is answered or was never there changes nothing) {
  tiny_server server{always(ok_answer("x"))};
  http_loop loop;
  call done{loop, get(server.url())};
  CHECK(code_of(done.answer.get()) == ec::none);
  loop.abort(done.id);
  loop.abort(123'456);
  CHECK(code_of(ask(loop, get(server.url()))) == ec::none);
  CHECK_EQ(loop.counters().aborted, 0u);
}

TEST(a loop that goes down answers all that is pending) {
  tiny_server server{hang};
  std::vector<call> pending;
  {
    http_loop loop;
    for (int i = 0; i < 50; ++i)
      pending.emplace_back(loop, get(server.url()));
  }
  for (auto& each : pending)
    CHECK(code_of(each.answer.get()) == ec::cancelled);
}

TEST(a callback may start the next call even while the loop goes down) {
  tiny_server server{hang};
  std::promise<http_response> second;
  {
    http_loop loop;
    loop.start(get(server.url()),
      [&](http_response) { loop.start(get(server.url()), [&](http_response r) { second.set_value(std::move(r)); }); });
  }
  CHECK(code_of(second.get_future().get()) == ec::cancelled);
}

TEST(a call over the bound is answered overloaded and one that ends makes room) {
  tiny_server hangs{hang};
  tiny_server server{always(ok_answer("x"))};
  http_loop_settings settings;
  settings.max_transfers = 1;
  http_loop loop{settings};
  call first{loop, get(hangs.url())};
  CHECK(code_of(ask(loop, get(server.url()))) == ec::overloaded);
  CHECK_EQ(loop.counters().refused, 1u);
  loop.abort(first.id);
  CHECK(code_of(first.answer.get()) == ec::cancelled);
  CHECK(code_of(ask(loop, get(server.url()))) == ec::none);
}

TEST(a call on a kept connection that had died is sent again unless it is a POST) {
  // Every connection answers one request and leaves at the second.
  const auto once = [](connection& client) {
    client.read_request();
    client.write(ok_answer("x"));
    client.read_request();
  };
  {
    tiny_server server{once};
    http_loop loop;
    CHECK(code_of(ask(loop, get(server.url()))) == ec::none);
    CHECK(code_of(ask(loop, get(server.url()))) == ec::none);
    CHECK_EQ(server.accepted(), 2u);
    CHECK_EQ(loop.counters().sent, 3u);
  }
  tiny_server server{once};
  http_loop loop;
  CHECK(code_of(ask(loop, get(server.url()))) == ec::none);
  auto post = get(server.url());
  post.method = "POST";
  post.body = blob{"charge the card"};
  const auto response = ask(loop, std::move(post));
  CHECK(code_of(response) == ec::provider_unreachable);
  CHECK(response.detail.find("not sent twice") != std::string::npos);
  CHECK_EQ(loop.counters().sent, 2u);
}

TEST(five hundred calls at once from four threads are all answered once) {
  tiny_server server{always(ok_answer("x"))};
  http_loop_settings settings;
  settings.host_connections = 32;
  http_loop loop{settings};
  std::atomic<int> good{0};
  std::atomic<int> answered{0};
  std::promise<void> all;
  std::vector<std::thread> askers;
  for (int t = 0; t < 4; ++t)
    askers.emplace_back([&] {
      for (int i = 0; i < 125; ++i)
        loop.start(get(server.url()), [&](http_response r) {
          good += code_of(r) == ec::none ? 1 : 0;
          if (++answered == 500)
            all.set_value();
        });
    });
  for (auto& each : askers)
    each.join();
  all.get_future().get();
  CHECK_EQ(good.load(), 500);
  CHECK(server.accepted() <= 32u);
  const auto counters = loop.counters();
  CHECK_EQ(counters.started, 500u);
  CHECK_EQ(counters.completed, 500u);
  CHECK_EQ(counters.in_flight, 0u);
}
