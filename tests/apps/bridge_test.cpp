#define TEST_SUITE bridge
#include "tests/support/test.hpp"

#include "apps/bridge/answers.hpp"
#include "apps/bridge/client_address.hpp"
#include "apps/bridge/metric_text.hpp"
#include "apps/bridge/request_metrics.hpp"
#include "apps/bridge/router.hpp"
#include "apps/bridge/trace.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;

TEST(literal segments win over placeholders whatever the order) {
  router r;
  REQUIRE(r.add("/books/{isbn}", 1).has_value());
  REQUIRE(r.add("/books/search", 2).has_value());
  CHECK_EQ(r.find("/books/search")->endpoint, 2u);
  CHECK_EQ(r.find("/books/123")->endpoint, 1u);
  CHECK_EQ(std::string{r.find("/books/123")->captured[0]}, "123");
  for (const auto* none : {"/books", "/books/", "/books/1/2", "/Books/1", "/"})
    CHECK(!r.find(none));
}

TEST(lesson 9 two patterns that could mean the same path cannot both be registered) {
  router r;
  REQUIRE(r.add("/books/{isbn}", 1).has_value());
  const auto clash = r.add("/books/{id}", 2);
  REQUIRE(!clash.has_value());
  CHECK_EQ(clash.error().message, "route /books/{id} clashes with /books/{isbn}");
  for (const auto* bad : {"", "books", "/a{b}", "/{a}b", "/{a", "/a}", "/{}", "/{a}/{b}/{c}/{d}/{e}"})
    CHECK(!r.add(bad, 3).has_value());
}

TEST(several placeholders each fill a segment and a literal further left wins) {
  router r;
  REQUIRE(r.add("/a/{x}/c", 1).has_value());
  REQUIRE(r.add("/a/b/{y}", 2).has_value());
  REQUIRE(r.add("/{x}/b/c", 3).has_value());
  REQUIRE(r.add("/{x}/{y}/{z}/{u}", 4).has_value());
  CHECK(!r.add("/{k}/{l}/{m}/{n}", 5));
  CHECK_EQ(r.find("/a/b/c")->endpoint, 2u);
  CHECK_EQ(r.find("/a/q/c")->endpoint, 1u);
  CHECK_EQ(r.find("/q/b/c")->endpoint, 3u);
  const auto all = r.find("/1/2%2F/3/4").value();
  CHECK_EQ(all.endpoint, 4u);
  CHECK_EQ(all.placeholders, 4u);
  CHECK_EQ(std::string{all.captured[1]}, "2%2F");
  for (const auto* none : {"/a//c", "/1/2/3/", "/1/2/3/4/5", "//b/c", "*", ""})
    CHECK(!r.find(none));
}

TEST(a valid traceparent is continued and anything else starts a new trace) {
  trace_source s{1};
  const std::string given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
  const auto t = s.next(given);
  CHECK_EQ(t.id, "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(t.traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
  CHECK(t.traceparent.ends_with("-00"));
  CHECK(t.traceparent != given);
  for (const auto* bad : {"", "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
         "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
         "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
         "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x"}) {
    const auto a = s.next(bad);
    const auto b = s.next(bad);
    CHECK_EQ(a.id.size(), 32u);
    CHECK(a.id != b.id);
    CHECK_EQ(a.traceparent.size(), 55u);
  }
}

TEST(a forwarded address counts only from a configured proxy) {
  const address_ranges proxies{{"10.0.0.0/8", "::1"}};
  const address_ranges nobody;
  CHECK_EQ(std::string{client_address("1.2.3.4", nobody, "9.9.9.9", "8.8.8.8")}, "1.2.3.4");
  CHECK_EQ(std::string{client_address("1.2.3.4", proxies, "9.9.9.9", "8.8.8.8")}, "1.2.3.4");
  CHECK_EQ(std::string{client_address("10.1.2.3", proxies, "", "8.8.8.8")}, "8.8.8.8");
  // What the client wrote itself stands to the left and is not believed.
  CHECK_EQ(std::string{client_address("10.1.2.3", proxies, "", "6.6.6.6, 8.8.8.8, 10.9.9.9")}, "8.8.8.8");
  CHECK_EQ(std::string{client_address("10.1.2.3", proxies, "9.9.9.9", "8.8.8.8")}, "9.9.9.9");
  CHECK_EQ(std::string{client_address("::1", proxies, "", "unknown")}, "::1");
}

TEST(an address is in a range by its leading bits) {
  const address_ranges r{{"192.168.4.0/22", "2001:db8::/33", "7.7.7.7", "nonsense"}};
  CHECK(r.contains("192.168.7.255"));
  CHECK(!r.contains("192.168.8.0"));
  CHECK(r.contains("2001:db8:7fff::1"));
  CHECK(!r.contains("2001:db8:8000::1"));
  CHECK(r.contains("7.7.7.7"));
  CHECK(!r.contains("7.7.7.8"));
  CHECK(!r.contains("hello"));
}

TEST(C-04 the limit is told in both spellings and the wait in whole seconds) {
  std::string head;
  append_limit(head, "search", {false, 100, 0, 600ms, 59'400ms}, 60s);
  CHECK_EQ(head, "X-RateLimit-Limit: 100\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 60\r\n"
                 "RateLimit-Policy: \"search\";q=100;w=60\r\nRateLimit: \"search\";r=0;t=60\r\n");
  for (const auto& [wait, text] : {std::pair<std::chrono::nanoseconds, const char*>{0ns, "Retry-After: 1\r\n"},
         {600ms, "Retry-After: 1\r\n"}, {1001ms, "Retry-After: 2\r\n"}}) {
    std::string line;
    append_retry_after(line, wait);
    CHECK_EQ(line, text);
  }
  std::string time;
  append_response_time(time, 1'042'999ns);
  CHECK_EQ(time, "X-Response-Time: 1.042ms\r\n");
}

TEST(S0-48 an error holds the fate of every provider in our shape and as a problem) {
  const failure f{502, "Search failed", "All providers exhausted", "search:query:x",
    {{"google", ec::provider_failed, "status 503", 12'000, 1, 0}}};
  const auto ours = json::parse(render(f, false).text);
  CHECK_EQ(ours["error"], "Search failed");
  CHECK_EQ(ours["message"], "All providers exhausted");
  CHECK_EQ(ours["key"], "search:query:x");
  CHECK_EQ(ours["providers"][0]["name"], "google");
  CHECK_EQ(ours["providers"][0]["error"], "status 503");
  CHECK_EQ(ours["providers"][0]["ms"], 12);
  const auto problem = render(f, true);
  CHECK_EQ(std::string{problem.content_type}, "application/problem+json");
  CHECK_EQ(json::parse(problem.text)["status"], 502);
  CHECK(wants_problem("text/html, application/problem+json;q=0.9"));
  CHECK(!wants_problem("*/*"));
  CHECK(json::accept(render({400, "Bad request", "q: \xff", {}, {}}, false).text));
}

TEST(counters of equal name and labels add up under one TYPE line) {
  std::string out;
  expose(out, {{"b", {{"lane", "google"}}, true, 1}, {"a", {}, false, 2}, {"b", {{"lane", "google"}}, true, 3},
                {"b", {{"lane", "openlibrary"}}, true, 5}});
  CHECK_EQ(out, "# HELP a a\n# TYPE a gauge\na 2\n# HELP b b\n# TYPE b counter\nb{lane=\"google\"} 4\n"
                "b{lane=\"openlibrary\"} 5\n");
}

TEST(microseconds of messages are told as seconds and labels are escaped) {
  std::string out;
  expose(out, {{"troupe_jq_busy_microseconds_total", {{"provider", "a\"b\\c\nd"}}, true, 1'000'042},
                {"troupe_wait_microseconds", {}, false, 7}});
  CHECK_EQ(out, "# HELP troupe_jq_busy_seconds_total jq busy seconds total\n"
                "# TYPE troupe_jq_busy_seconds_total counter\n"
                "troupe_jq_busy_seconds_total{provider=\"a\\\"b\\\\c\\nd\"} 1.000042\n"
                "# HELP troupe_wait_seconds wait seconds\n# TYPE troupe_wait_seconds gauge\n"
                "troupe_wait_seconds 0.000007\n");
}

TEST(a histogram of an actor is told in one block with its bounds in order) {
  histogram h;
  h.record(80us);
  h.record(3ms);
  h.record(1h);
  metrics all;
  append_histogram(all, "troupe_permit_wait_microseconds", {{"lane", "google"}}, h);
  append_histogram(all, "troupe_permit_wait_microseconds", {{"lane", "google"}}, h); // of another actor
  std::string out;
  expose(out, std::move(all));
  CHECK(
    out.starts_with("# HELP troupe_permit_wait_seconds How long upstream calls waited for their permit, by lane and "
                    "priority.\n# TYPE troupe_permit_wait_seconds histogram\n"
                    "troupe_permit_wait_seconds_bucket{lane=\"google\",le=\"0.000100\"} 2\n"));
  CHECK(out.find("le=\"0.002500\"} 2\ntroupe_permit_wait_seconds_bucket{lane=\"google\",le=\"0.005000\"} 4\n")
        != std::string::npos);
  CHECK(out.find("le=\"10.000000\"} 4\ntroupe_permit_wait_seconds_bucket{lane=\"google\",le=\"+Inf\"} 6\n"
                 "troupe_permit_wait_seconds_count{lane=\"google\"} 6\n"
                 "troupe_permit_wait_seconds_sum{lane=\"google\"} 7200.006160\n")
        != std::string::npos);
}

TEST(the histogram counts cumulatively up to infinity) {
  request_metrics m{{"search"}};
  m.count(0, 200, 40us);
  m.count(0, 502, 3ms);
  m.count(0, 200, 1h);
  std::string out;
  m.expose(out);
  CHECK(out.find(R"(troupe_http_requests_total{endpoint="search",status="2xx"} 2)") != std::string::npos);
  CHECK(out.find(R"(duration_seconds_bucket{endpoint="search",le="5e-05"} 1)") != std::string::npos);
  CHECK(out.find(R"(duration_seconds_bucket{endpoint="search",le="0.005"} 2)") != std::string::npos);
  CHECK(out.find(R"(duration_seconds_bucket{endpoint="search",le="+Inf"} 3)") != std::string::npos);
  CHECK(out.find(R"(duration_seconds_count{endpoint="search"} 3)") != std::string::npos);
}
