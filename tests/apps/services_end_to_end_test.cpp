// The book services on a node of their own, over loopback, with ISBNdb among the providers.
#define TEST_SUITE services_end_to_end
#include "tests/support/eventually.hpp"
#include "tests/support/test.hpp"

#include "tests/apps/node_world.hpp"

#include <algorithm>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;
using texts = std::vector<std::string>;

namespace {

struct world : test::node_world {
  world() { secrets.provider_keys.emplace("isbndb", config::secret{"key"}); }

  [[nodiscard]] std::int64_t upstream_calls() const {
    const auto stats = json::parse(call(upstream->port(), "GET", "/__replay/stats").body);
    std::int64_t sum = 0;
    for (const auto& [provider, n] : stats["calls"].items())
      sum += n.get<std::int64_t>();
    return sum;
  }

  [[nodiscard]] json body_of(const std::string& target) const {
    const auto r = get(target);
    CHECK_EQ(target + " " + std::to_string(r.status), target + " 200");
    return json::parse(r.body, nullptr, false);
  }
};

// How many times a header stands in an answer.
std::ptrdiff_t count_field(const test::raw_response& r, std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
  std::string head = r.head;
  std::transform(head.begin(), head.end(), head.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
  std::ptrdiff_t n = 0;
  for (auto at = head.find("\r\n" + name + ":"); at != std::string::npos; at = head.find("\r\n" + name + ":", at + 1))
    ++n;
  return n;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(services_end_to_end_tests, world)

TEST(with a key for ISBNdb three providers answer) {
  start();
  const auto body = body_of("/api/v2/books/search?q=dune");
  CHECK_EQ(body["provider"], "orchestrated:google+openlibrary+isbndb");
  CHECK_EQ(body["meta"]["providers"].size(), 3u);
}

TEST(every public path of the services answers) {
  start();
  CHECK_EQ(body_of("/search/auto?q=9780441172719&maxResults=1")["data"]["title"], "Dune");
  CHECK_EQ(body_of("/search/auto?q=dune")["data"].size(), 2u);
  CHECK_EQ(body_of("/search/title?q=dune&maxResults=1")["data"].size(), 1u);
  CHECK_EQ(body_of("/search/isbn?isbn=0441172717")["data"]["isbn13"], "9780441172719");
  CHECK_EQ(body_of("/search/author?q=Frank+Herbert")["data"]["books"].size(), 2u);
  CHECK_EQ(
    body_of("/search/auto?q=Herbert,+Frank&maxResults=40&includeTranslations=false")["data"]["books"].size(), 2u);
  CHECK_EQ(body_of("/author/Frank%20Herbert?page=1&pageSize=50&language=en")["data"]["books"].size(), 2u);
  CHECK_EQ(body_of("/author/Frank%20Herbert?all=true")["data"]["cut"], false);
  CHECK_EQ(body_of("/book/9780441172719")["provider"], "isbndb");
  CHECK(!body_of("/books/dune")["data"].empty());
  CHECK(!body_of("/search/books?q=dune")["data"].empty());
  CHECK_EQ(body_of("/api/v2/books/9780441172719")["data"]["title"], "Dune");
}

TEST(S0-54 the third version pages through everything once) {
  start();
  texts found;
  std::string cursor;
  for (int i = 0; i < 10; ++i) {
    const auto body = body_of("/api/v3/books/search?q=dune&limit=1&fields=title" + cursor);
    for (const auto& b : body["data"])
      found.push_back(b["title"]);
    if (body["next"].is_null())
      break;
    cursor = "&cursor=" + body["next"].get<std::string>();
  }
  CHECK_EQ(found, (texts{"Dune", "Dune Messiah"}));
}

TEST(what a service has searched is a hot hit for everybody) {
  start();
  CHECK_EQ(get("/search/title?q=Dune&maxResults=1").field("X-Cache"), "MISS");
  const auto before = upstream_calls();
  CHECK_EQ(get("/api/v2/books/search?q=dune").field("X-Cache"), "HIT-KV-HOT");
  CHECK_EQ(get("/search/auto?q=DUNE").field("X-Cache"), "HIT-KV-HOT");
  CHECK_EQ(upstream_calls(), before);
  CHECK_EQ(get("/api/v3/books/search?q=dune&limit=1").field("X-Cache"), "MISS"); // its pages are whole
  CHECK_EQ(get("/api/v3/books/search?q=Dune&limit=7").field("X-Cache"), "HIT-KV-HOT");
  CHECK_EQ(get("/search/isbn?isbn=9780441172719").status, 200);
  const auto details = upstream_calls();
  CHECK(details > before);
  CHECK_EQ(get("/api/v2/books/0-441-17271-7").field("X-Cache"), "HIT-KV-HOT");
  CHECK_EQ(get("/author/Frank%20Herbert").status, 200);
  const auto author = upstream_calls();
  CHECK_EQ(get("/search/author?q=Herbert,%20Frank").field("X-Cache"), "HIT-KV-HOT");
  CHECK_EQ(upstream_calls(), author);
}

TEST(C-05 errors of services are problems for whoever accepts them) {
  start();
  for (const auto* target : {"/search/auto", "/author/%20", "/book/123", "/search/title?q=x&maxResults=0"}) {
    const auto ours = get(target);
    CHECK_EQ(ours.status, 400);
    CHECK_EQ(ours.field("Content-Type"), "application/json");
    CHECK(json::parse(ours.body).contains("error"));
    const auto problem = get(target, "Accept: application/problem+json\r\n");
    CHECK_EQ(problem.status, 400);
    CHECK_EQ(problem.field("Content-Type"), "application/problem+json");
    const auto body = json::parse(problem.body);
    CHECK_EQ(body["title"], json::parse(ours.body)["error"]);
    CHECK_EQ(body["status"], 400);
    CHECK(!body.contains("error"));
  }
  for (const auto* provider : {"google", "openlibrary", "isbndb"})
    fault(std::string{R"({"fault":"status","status":500,"provider":")"} + provider + "\"}");
  const auto failed = json::parse(get("/search/title?q=dune", "Accept: application/problem+json\r\n").body);
  CHECK_EQ(failed["title"], "Search failed");
  CHECK_EQ(failed["detail"], "All providers exhausted");
  CHECK_EQ(failed["providers"].size(), 3u);
}

TEST(S0-54 the third version says its errors as problems whatever is accepted) {
  start();
  for (const auto* bad : {"", "?q=", "?q=x&limit=0", "?q=x&fields=secret", "?q=x&cursor=1", "?q=x&force=1"}) {
    const auto r = get(std::string{"/api/v3/books/search"} + bad);
    CHECK_EQ(r.status, 400);
    CHECK_EQ(r.field("Content-Type"), "application/problem+json");
    CHECK_EQ(json::parse(r.body)["status"], 400);
  }
  const auto r = get("/api/v3/books/search?q=x", "X-Request-Timeout: never\r\n");
  CHECK_EQ(r.status, 400);
  CHECK_EQ(r.field("Content-Type"), "application/problem+json");
}

TEST(a client that has an answer of a service is told that it has not changed) {
  start();
  for (const auto* target : {"/search/title?q=dune", "/search/isbn?isbn=9780441172719", "/author/Frank%20Herbert"}) {
    const auto first = get(target);
    CHECK_EQ(first.status, 200);
    const auto again = get(target, "If-None-Match: " + first.field("ETag") + "\r\n");
    CHECK_EQ(again.status, 304);
    CHECK(again.body.empty());
    CHECK_EQ(again.field("ETag"), first.field("ETag"));
    CHECK_EQ(get(target, "If-None-Match: \"other\"\r\n").status, 200);
  }
}

TEST(an author whom ISBNdb does not know is asked of it once and of the others once) {
  start();
  fault(R"({"provider":"isbndb","fault":"status","status":404})");
  CHECK_EQ(get("/search/author?q=Frank+Herbert").status, 200);
  CHECK_EQ(upstream_calls(), 3);
  CHECK_EQ(get("/search/author?q=Frank+Herbert").status, 200);
  CHECK_EQ(upstream_calls(), 3);
}

TEST(S2-62 each answer of a service says once how long it took) {
  start();
  for (const auto* path : {"/search/author?q=Frank+Herbert", "/book/9780441172719", "/services/books-proxy/health"}) {
    const auto r = get(path);
    CHECK_EQ(count_field(r, "x-service-binding-time"), 1);
    CHECK_EQ(count_field(r, "x-response-time"), 1);
    CHECK_EQ(count_field(r, "content-type"), 1);
    CHECK_EQ(count_field(r, "content-length"), 1);
    CHECK_EQ(count_field(r, "x-trace-id"), 1);
  }
}

TEST(S2-53 with ISBNdb dead authors are found the other way) {
  for (const auto* how : {R"({"provider":"isbndb","fault":"status","status":500})",
         R"({"provider":"isbndb","fault":"reset"})", R"({"provider":"isbndb","fault":"malformed"})"}) {
    start();
    fault(how);
    for (int i = 0; i < 6; ++i) {
      const auto r = get("/search/author?force=true&q=Frank+Herbert");
      REQUIRE_EQ(r.status, 200);
      CHECK(json::parse(r.body)["data"]["books"].size() >= 1);
    }
    CHECK(get("/author/Frank%20Herbert?force=true").status >= 500);
    CHECK_EQ(call(upstream->port(), "DELETE", "/__replay/faults").status / 100, 2);
    troupe.reset();
  }
}

TEST(an ISBNdb that hangs leaves time for the other way) {
  settings.providers.at("isbndb").attempt_timeout = 60s;
  settings.request.deadline = 2s;
  start();
  fault(R"({"provider":"isbndb","fault":"hang"})");
  const auto r = get("/search/author?q=Frank+Herbert");
  CHECK_EQ(r.status, 200);
}

TEST(an ISBNdb that hangs opens its circuit also where requests have little time) {
  settings.providers.at("isbndb").attempt_timeout = 60s;
  settings.request.deadline = 600ms;
  start();
  fault(R"({"provider":"isbndb","fault":"hang"})");
  for (int i = 0; i < 3; ++i)
    (void)get("/search/author?force=true&q=Frank+Herbert");
  CHECK_EQ(gauge("circuit_breaker_trips_total"), 1);
}

TEST(S2-58 each service tells its health and no secret) {
  start();
  const auto proxy = body_of("/services/books-proxy/health");
  CHECK_EQ(proxy["worker"], "books-proxy");
  CHECK_EQ(proxy["serviceBindings"]["ISBNDB_WORKER"]["status"], "healthy");
  CHECK_EQ(proxy["secrets"]["ISBNDB_API_KEY"], true);
  CHECK_EQ(proxy["secrets"]["GOOGLE_BOOKS_API_KEY"], false);
  CHECK_EQ(proxy["providers"]["google"], "closed");
  const auto leaf = body_of("/services/isbndb/health");
  CHECK(leaf["serviceBindings"].empty());
  CHECK(leaf["timestamp"].get<std::string>().ends_with("Z"));
  CHECK_EQ(get("/services/nobody/health").status, 404);
}

TEST(a service s client that leaves takes its calls off the wire) {
  start();
  for (const auto* provider : {"google", "openlibrary", "isbndb"})
    fault(std::string{R"({"fault":"hang","provider":")"} + provider + "\"}");
  test::raw_client client{troupe->port()};
  client.send("GET /search/title?q=dune HTTP/1.1\r\nHost: t\r\n\r\n");
  REQUIRE(test::eventually([&] { return gauge("troupe_http_client_in_flight") == 3; }));
  client.close();
  CHECK(test::eventually([&] { return gauge("troupe_http_client_in_flight") == 0; }));
  CHECK_EQ(gauge("troupe_cache_waiting"), 0);
}

TEST(S2-63 bindings are counted under the names that operators know) {
  start();
  CHECK_EQ(get("/search/author?q=Frank+Herbert").status, 200);
  const auto metrics = get("/metrics").body;
  for (const auto* name :
    {"service_binding_calls_total", "service_binding_calls_successful", "service_binding_calls_failed",
      "service_binding_avg_response_time", "binding_failure_rate", "binding_timeout_rate", "circuit_breaker_trips"})
    CHECK_EQ(std::string{name} + (metrics.find(name) == std::string::npos ? " is missing" : ""), name);
  CHECK(metrics.find("service_binding_calls_total{caller=\"books-proxy\",binding=\"ISBNDB_WORKER\"} 1")
        != std::string::npos);
}

TEST(hostile requests of services are refused and nothing of them is in a header) {
  start();
  for (const auto* target : {"/author/%ff", "/author/a%00b", "/author/%zz", "/search/auto?q=%0d%0aX-Evil:%201",
         "/author/x%0d%0aX-Evil:%201", "/search/auto?q=x&maxResults=%0d%0aX-Evil:1",
         "/api/v3/books/search?q=x&cursor=%0d%0aX-Evil:1", "/book/%0d%0aX-Evil:1"}) {
    const auto r = get(target);
    CHECK_EQ(count_field(r, "x-evil"), 0);
    CHECK(r.status == 200 || r.status == 400);
  }
  CHECK_EQ(call(troupe->port(), "POST", "/search/auto?q=x", "{}").status, 405);
  CHECK_EQ(get("/author/" + std::string(600, 'a')).status, 400);
}

CAF_TEST_FIXTURE_SCOPE_END()
