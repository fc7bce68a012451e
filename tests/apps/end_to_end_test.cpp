// The whole of Troupe in one process: a node with its bridge, and the replay upstream behind it, over loopback.
#define TEST_SUITE end_to_end
#include "tests/support/eventually.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/test.hpp"

#include "actors/http_client/http_loop.hpp"
#include "tests/apps/node_world.hpp"

#include <condition_variable>
#include <map>
#include <mutex>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;

using world = test::node_world;

CAF_TEST_FIXTURE_SCOPE(end_to_end_tests, world)

TEST(a search is merged from both providers and the second one is a hit) {
  start();
  const auto first = get("/api/v2/books/search?q=Dune");
  CHECK_EQ(first.status, 200);
  auto body = json::parse(first.body);
  CHECK_EQ(body["provider"], "orchestrated:google+openlibrary");
  CHECK_EQ(body["cached"], false);
  CHECK_EQ(body["data"].size(), 2u);
  CHECK_EQ(first.field("X-Provider"), "orchestrated:google+openlibrary");
  CHECK_EQ(first.field("X-Cache"), "MISS");
  const auto second = get("/api/v2/books/search?q=%20dune");
  body = json::parse(second.body);
  CHECK_EQ(body["provider"], "cache:kv");
  CHECK_EQ(body["cached"], true);
  CHECK_EQ(second.field("X-Cache"), "HIT-KV-HOT");
  CHECK_EQ(second.field("ETag"), first.field("ETag"));
  CHECK_EQ(get("/api/v2/books/search?q=dune", "If-None-Match: " + first.field("ETag") + "\r\n").status, 304);
}

TEST(with one provider failing the answer is tagged with the other) {
  start();
  fault(R"({"provider":"google","fault":"status","status":503})");
  const auto r = get("/api/v2/books/search?q=dune");
  CHECK_EQ(r.status, 200);
  const auto body = json::parse(r.body);
  CHECK_EQ(body["provider"], "openlibrary");
  CHECK_EQ(body["meta"]["providers"][0]["status"], "provider_failed");
}

TEST(with both failing what is kept is answered as stale) {
  settings.cache.hot_ttl = 0s;
  start();
  CHECK_EQ(get("/api/v2/books/search?q=dune").status, 200);
  fault(R"({"provider":"google","fault":"status","status":500})");
  fault(R"({"provider":"openlibrary","fault":"reset"})");
  const auto r = get("/api/v2/books/search?q=dune");
  CHECK_EQ(r.status, 200);
  CHECK_EQ(r.field("X-Cache"), "STALE");
  CHECK(!r.field("Warning").empty());
  CHECK_EQ(json::parse(r.body)["stale"], true);
  CHECK_EQ(json::parse(r.body)["provider"], "cache:kv");
}

TEST(with both failing and nothing kept the error holds both errors) {
  start();
  fault(R"({"provider":"google","fault":"html","status":200})");
  fault(R"({"provider":"openlibrary","fault":"malformed"})");
  const auto r = get("/api/v2/books/search?q=dune");
  CHECK_EQ(r.status, 502);
  const auto body = json::parse(r.body);
  CHECK_EQ(body["error"], "Search failed");
  CHECK_EQ(body["message"], "All providers exhausted");
  CHECK_EQ(body["providers"].size(), 2u);
  CHECK_EQ(body["providers"][0]["code"], "provider_malformed");
  CHECK(body["key"].get<std::string>().starts_with("search:query:dune"));
  const auto problem = get("/api/v2/books/search?q=dune", "Accept: application/problem+json\r\n");
  CHECK_EQ(problem.field("Content-Type"), "application/problem+json");
  CHECK_EQ(json::parse(problem.body)["title"], "Search failed");
}

TEST(once both circuits are open the answer says when to come back and nobody is asked) {
  settings.request.retries = 0; // five requests are five failures then
  start();
  fault(R"({"provider":"google","fault":"status","status":503})");
  fault(R"({"provider":"openlibrary","fault":"status","status":503})");
  for (int i = 0; i < 5; ++i)
    CHECK_EQ(get("/api/v2/books/search?q=dune" + std::to_string(i)).status, 502);
  const auto before = json::parse(call(upstream->port(), "GET", "/__replay/stats").body)["calls"];
  const auto r = get("/api/v2/books/search?q=dune");
  CHECK_EQ(r.status, 503);
  const auto wait = std::stoi(r.field("Retry-After"));
  CHECK(wait >= 1);
  CHECK(wait <= 66); // 60 s, and up to a tenth for jitter
  CHECK_EQ(json::parse(call(upstream->port(), "GET", "/__replay/stats").body)["calls"], before);
  CHECK_EQ(json::parse(get("/health").body)["providers"]["google"], "open");
}

TEST(a client s own deadline bounds its answer and names who did not answer in time) {
  start();
  fault(R"({"provider":"google","fault":"hang"})");
  fault(R"({"provider":"openlibrary","fault":"hang"})");
  const auto r = get("/api/v2/books/search?q=dune", "X-Request-Timeout: 200ms\r\n");
  CHECK_EQ(r.status, 502);
  const auto body = json::parse(r.body);
  REQUIRE_EQ(body["providers"].size(), 2u);
  CHECK_EQ(body["providers"][0]["code"], "deadline_exceeded");
  CHECK_EQ(get("/api/v2/books/search?q=dune", "X-Request-Timeout: soon\r\n").status, 400);
}

TEST(what providers said of a book is kept in PostgreSQL and outlives the node) {
  auto address = test::postgres_cluster::shared().fresh_database(); // postgres://user:password@...
  const auto colon = address.find(':', address.find("://") + 3);
  const auto at = address.find('@');
  secrets.storage_password = config::secret{address.substr(colon + 1, at - colon - 1)};
  settings.storage.url = address.erase(colon, at - colon);
  settings.cache.persist = false; // or the cache's own copy would answer
  start();
  const auto first = json::parse(get("/api/v2/books/9780441172719").body);
  CHECK_EQ(first["data"]["title"], "Dune");
  CHECK(troupe->drain(5s));
  upstream->stop();
  start();
  const auto again = get("/api/v2/books/9780441172719");
  CHECK_EQ(again.field("X-Cache"), "HIT-D1");
  CHECK_EQ(json::parse(again.body)["data"], first["data"]);
}

TEST(the last client to leave takes its calls off the wire) {
  start();
  fault(R"({"provider":"google","fault":"hang"})");
  fault(R"({"provider":"openlibrary","fault":"hang"})");
  const auto becomes = [&](const std::string& name, std::int64_t wanted) {
    return test::eventually([&] { return gauge(name) == wanted; });
  };
  test::raw_client first{troupe->port()};
  test::raw_client second{troupe->port()};
  for (auto* client : {&first, &second})
    client->send("GET /api/v2/books/search?q=dune HTTP/1.1\r\nHost: t\r\n\r\n");
  REQUIRE(becomes("troupe_cache_waiting", 2));
  REQUIRE(becomes("troupe_http_client_in_flight", 2));
  first.close();
  REQUIRE(becomes("troupe_cache_waiting", 1));
  CHECK_EQ(gauge("troupe_http_client_in_flight"), 2);
  second.close();
  CHECK(becomes("troupe_cache_waiting", 0));
  CHECK(becomes("troupe_http_client_in_flight", 0));
  CHECK_EQ(gauge("troupe_http_client_aborted_total"), 2);
}

TEST(a transient failure is tried again within the request) {
  for (auto& [name, p] : settings.providers) { // no circuit gets in the way here
    p.circuit.failures = 1'000;
    p.circuit.failure_percent = 0;
  }
  start();
  fault(R"({"provider":"google","fault":"status","status":503,"ratio":0.5})");
  int retried = 0;
  for (int i = 1; i <= 40; ++i) {
    const auto body = json::parse(get("/api/v2/books/search?strategy=fallback&q=dune&limit=" + std::to_string(i)).body);
    retried += body["provider"] == "google" && body["meta"]["providers"][0]["attempts"].get<int>() > 1 ? 1 : 0;
  }
  CHECK(retried > 0);
}

TEST(details are kept in the database and survive a restart without any provider) {
  settings.cache.persist = false; // or the cache's own copy would answer
  start();
  const auto first = get("/api/v2/books/0-441-17271-7");
  CHECK_EQ(first.status, 200);
  CHECK_EQ(json::parse(first.body)["data"]["isbn13"], "9780441172719");
  CHECK(troupe->drain(5s));
  troupe.reset();
  upstream.reset();
  start();
  const auto again = get("/api/v2/books/9780441172719");
  CHECK_EQ(again.status, 200);
  CHECK_EQ(again.field("X-Provider"), "cache:d1");
  CHECK_EQ(json::parse(again.body)["data"], json::parse(first.body)["data"]);
}

TEST(a search survives a restart without any provider) {
  start();
  const auto first = get("/api/v2/books/search?q=dune&limit=2");
  CHECK_EQ(first.field("X-Cache"), "MISS");
  CHECK(troupe->drain(5s));
  upstream->stop();
  start();
  const auto again = get("/api/v2/books/search?q=dune&limit=2");
  CHECK_EQ(again.field("X-Cache"), "HIT-KV-HOT");
  CHECK_EQ(again.field("ETag"), first.field("ETag"));
  CHECK_EQ(json::parse(again.body)["data"], json::parse(first.body)["data"]);
  CHECK(troupe->drain(5s));
  settings.cache.persist = false; // as if it had been forgotten
  start();
  const auto cold = get("/api/v2/books/search?q=dune&limit=2");
  CHECK_EQ(cold.field("X-Cache"), "HIT-R2-COLD");
  CHECK_EQ(cold.field("X-Provider"), "cache:r2");
}

TEST(a search survives in PostgreSQL what happens to the node) {
  auto address = test::postgres_cluster::shared().fresh_database(); // postgres://user:password@...
  const auto colon = address.find(':', address.find("://") + 3);
  const auto at = address.find('@');
  secrets.storage_password = config::secret{address.substr(colon + 1, at - colon - 1)};
  settings.storage.url = address.erase(colon, at - colon);
  start();
  CHECK_EQ(get("/api/v2/books/search?q=dune").field("X-Cache"), "MISS");
  CHECK(troupe->drain(5s));
  upstream->stop();
  start();
  CHECK_EQ(get("/api/v2/books/search?q=dune").field("X-Cache"), "HIT-KV-HOT");
  CHECK(troupe->drain(5s));
  settings.cache.persist = false;
  start();
  CHECK_EQ(get("/api/v2/books/search?q=dune").field("X-Cache"), "HIT-R2-COLD");
}

TEST(who asks for it past the cache gets what the providers say now) {
  start();
  CHECK_EQ(get("/api/v2/books/search?q=dune").status, 200);
  CHECK_EQ(get("/api/v2/books/search?q=dune").field("X-Cache"), "HIT-KV-HOT");
  CHECK_EQ(get("/api/v2/books/search?q=dune&force=true").field("X-Cache"), "MISS");
  CHECK_EQ(get("/api/v2/books/search?q=dune", "Cache-Control: max-age=0, No-Cache\r\n").field("X-Cache"), "MISS");
  CHECK_EQ(get("/api/v2/books/search?q=dune&force=false").field("X-Cache"), "HIT-KV-HOT");
  const auto wrong = get("/api/v2/books/search?q=dune&force=yes");
  CHECK_EQ(wrong.status, 400);
  CHECK_EQ(json::parse(wrong.body)["message"], "force: expected true or false, got \"yes\"");
}

TEST(what is wrong with a request is said in JSON) {
  start();
  CHECK_EQ(json::parse(get("/api/v2/books/search").body), json({{"error", "Missing query parameter"}}));
  for (const auto* bad : {"/api/v2/books/search?q=x&limit=0", "/api/v2/books/search?q=x&limit=two",
         "/api/v2/books/search?q=x&strategy=guess", "/api/v2/books/search?q=%ff", "/api/v2/books/search?q=%zz",
         "/api/v2/books/9780441172710", "/api/v2/books/hello"}) {
    const auto r = get(bad);
    CHECK_EQ(r.status, 400);
    CHECK(json::accept(r.body));
  }
  CHECK_EQ(get("/nowhere").status, 404);
  CHECK_EQ(json::parse(get("/nowhere").body)["error"], "Not found");
  const auto post = call(troupe->port(), "DELETE", "/api/v2/books/search");
  CHECK_EQ(post.status, 405);
  CHECK_EQ(post.field("Allow"), "GET, HEAD, OPTIONS");
  CHECK_EQ(get("/api/v2/books/9780306406157").status, 404);
}

TEST(S0-38 a client over its limit is told when to come back) {
  settings.limits.client.enabled = true;
  settings.limits.client.search = {2, 60s};
  start();
  CHECK_EQ(get("/api/v2/books/search?q=dune").field("X-RateLimit-Remaining"), "1");
  CHECK_EQ(get("/api/v2/books/search?q=dune").status, 200);
  const auto r = get("/api/v2/books/search?q=dune");
  CHECK_EQ(r.status, 429);
  CHECK_EQ(r.field("X-RateLimit-Limit"), "2");
  CHECK_EQ(r.field("X-RateLimit-Remaining"), "0");
  CHECK_EQ(r.field("Retry-After"), "30");
  CHECK_EQ(json::parse(r.body)["error"], "Rate limit exceeded");
  CHECK_EQ(get("/api/v2/books/9780441172719").status, 200); // another endpoint has its own
}

TEST(10000 requests with faults of every kind are all answered and nothing is left behind) {
  for (auto& [name, p] : settings.providers) {
    p.attempt_timeout = 300ms;
    p.connect_timeout = 200ms;
    p.circuit.open = 100ms;
  }
  settings.merge.patience = 100ms;
  settings.request.deadline = 1s;
  start();
  // 30 % of the calls meet one of these.
  for (const auto* f : {R"("fault":"status","status":503)", R"("fault":"latency","latency_ms":40)", R"("fault":"hang")",
         R"("fault":"reset")", R"("fault":"truncate")", R"("fault":"malformed")", R"("fault":"html")",
         R"("fault":"rate_limited","retry_after_s":0)"})
    for (const auto* provider : {"google", "openlibrary"})
      fault(std::string{R"({"provider":")"} + provider + R"(","ratio":0.044,)" + f + "}");

  constexpr int total = 10'000;
  constexpr int concurrency = 256;
  http_loop client{[] {
    http_loop::settings s;
    s.host_connections = concurrency;
    return s;
  }()};
  std::mutex lock;
  std::condition_variable all_done;
  std::map<int, int> statuses;
  int sent = 0;
  int answered = 0;
  std::string wrong;
  std::function<void()> next; // with the lock held
  const auto judge = [&](const http_response& r) {
    const auto body = json::parse(r.body.view(), nullptr, false);
    if (r.code != ec::none || body.is_discarded())
      return std::string{"no valid answer: "} + r.detail;
    if (r.status == 200) {
      // The tag must name exactly those who answered with something.
      std::vector<std::string> who;
      for (const auto& p : body["meta"]["providers"])
        if (p["status"] == "ok")
          who.push_back(p["name"]);
      const std::string tag = body["cached"] == true ? body["meta"]["origin"] : body["provider"];
      const auto expected = who.size() == 2 ? "orchestrated:google+openlibrary" : who.empty() ? "none" : who[0];
      return tag == expected ? std::string{} : "tag " + tag + " for " + expected;
    }
    return r.status == 502 || r.status == 503 || r.status == 504 ? std::string{} : "status " + std::to_string(r.status);
  };
  next = [&] {
    if (sent == total)
      return;
    http_request r;
    // Every tenth repeats an earlier one.
    r.url = "http://127.0.0.1:" + std::to_string(troupe->port()) + "/api/v2/books/search?q=dune+"
            + std::to_string(sent % 10 == 0 ? sent / 100 : sent);
    r.timeout_us = 15'000'000;
    ++sent;
    client.start(std::move(r), [&](http_response response) {
      auto verdict = judge(response);
      const std::lock_guard guard{lock};
      ++statuses[response.status];
      if (!verdict.empty())
        wrong = std::move(verdict);
      ++answered;
      next();
      if (answered == total)
        all_done.notify_one();
    });
  };
  {
    std::unique_lock guard{lock};
    for (int i = 0; i < concurrency; ++i)
      next();
    CHECK(all_done.wait_for(guard, 120s, [&] { return answered == total; }));
  }
  CHECK_EQ(wrong, "");
  CHECK_EQ(answered, total);
  CHECK(statuses[200] > 0);
  // What hung is given up by its attempt time-out; then nothing may be pending.
  const auto pending = [&] {
    std::int64_t sum = 0;
    for (const auto* name : {"troupe_lookups_in_flight", "troupe_cache_fetches_in_flight", "troupe_cache_waiting",
           "troupe_requests_in_flight", "troupe_provider_calls_in_flight", "troupe_permits_waiting",
           "troupe_permits_held", "troupe_http_client_in_flight"})
      sum += gauge(name);
    return sum;
  };
  auto left = pending();
  for (int i = 0; i < 2'000 && left != 0; ++i)
    left = pending();
  CHECK_EQ(left, 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
