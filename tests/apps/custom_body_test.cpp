// User-defined routes that are asked with POST.
#define TEST_SUITE custom_bodies
#include "tests/support/test.hpp"

#include "tests/apps/custom_world.hpp"
#include "tests/support/eventually.hpp"

using namespace troupe;
using json = nlohmann::json;

namespace {

const std::string path = "/api/v1/weather/Berlin";

struct world : test::custom_world {
  world() { more = "method = \"POST\"\n"; }

  // With a head of the test's own.
  [[nodiscard]] test::raw_response send(const std::string& head, const std::string& body = {}) const {
    test::raw_client client{troupe->port()};
    client.send(head + "\r\nHost: t\r\nConnection: close\r\n\r\n" + body);
    return client.read_response();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(custom_body_tests, world)

TEST(a route is asked with a JSON body and its answers are cached and merged like any other) {
  start();
  const auto first = post(path, R"({"lang":"de"})");
  CHECK_EQ(first.status, 200);
  const auto body = json::parse(first.body);
  CHECK_EQ(body["provider"], "orchestrated:east+west");
  CHECK_EQ(body["data"]["humidity"], 60);
  CHECK_EQ(first.field("X-Cache"), "MISS");
  CHECK_EQ(first.field("X-RateLimit-Limit"), "50");
  const auto second = post(path, R"( { "lang" : "de" } )");
  CHECK_EQ(second.field("X-Cache"), "HIT-KV-HOT");
  CHECK(!second.field("ETag").empty());
  // Only GET is answered "not modified".
  CHECK_EQ(post(path, R"({"lang":"de"})", "If-None-Match: " + second.field("ETag") + "\r\n").status, 200);
  CHECK_EQ(post(path + "?force=true", R"({"lang":"de"})").field("X-Cache"), "MISS");
  REQUIRE_EQ(east.calls().size(), 2u);
  CHECK(east.calls()[0].starts_with("GET /now/Berlin?lang=de HTTP/1.1\r\n"));
  // What stands in the query is no parameter of it; without a body it has its defaults.
  CHECK_EQ(send("POST " + path + "?lang=de HTTP/1.1\r\nContent-Length: 0").field("X-Cache"), "MISS");
  CHECK(east.calls().back().starts_with("GET /now/Berlin?lang=en HTTP/1.1\r\n"));
}

TEST(askers of one question at the same time are one call upstream) {
  start();
  std::unique_lock held{east.lock}; // it does not answer
  std::vector<test::raw_client> clients;
  const std::string body = R"({"lang":"de"})";
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(troupe->port());
    clients.back().send("POST " + path + " HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: "
                        + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body);
  }
  CHECK(test::eventually([&] { return metric("troupe_cache_coalesced_total") == "9"; }));
  held.unlock();
  int coalesced = 0;
  for (auto& c : clients) {
    const auto r = c.read_response();
    CHECK_EQ(r.status, 200);
    coalesced += r.field("X-Cache") == "COALESCED" ? 1 : 0;
  }
  CHECK_EQ(coalesced, 9);
  CHECK_EQ(east.calls().size(), 1u);
}

TEST(another method or type of content or too much of it is refused) {
  start();
  for (const auto* method : {"GET", "HEAD", "PUT", "DELETE"}) {
    const auto r = send(method + (" " + path + " HTTP/1.1"));
    CHECK_EQ(r.status, 405);
    CHECK_EQ(r.field("Allow"), "POST, OPTIONS");
  }
  for (const std::string type :
    {"", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"}) {
    const auto r = send("POST " + path + " HTTP/1.1\r\n" + type + "Content-Length: 2", "{}");
    CHECK_EQ(r.status, 415);
    CHECK_EQ(r.field("Accept"), "application/json");
    CHECK_EQ(json::parse(r.body)["message"], "Content-Type: expected application/json");
  }
  CHECK_EQ(post(path, "{}" + std::string(63'998, ' ')).status, 200);
  const std::string json_lines = "POST " + path + " HTTP/1.1\r\nContent-Type: application/json\r\n";
  CHECK_EQ(send(json_lines + "Content-Length: 64001").status, 413);
  CHECK_EQ(
    send(json_lines + "Transfer-Encoding: chunked", "fa01\r\n" + std::string(64'001, ' ') + "\r\n0\r\n\r\n").status,
    413);
  CHECK_EQ(east.calls().size(), 1u);
}

TEST(what is wrong with a body is a 400 that names the field) {
  start();
  for (const auto& [body, message] : std::vector<std::pair<std::string, std::string>>{
         {R"({"lang":"fr"})", "lang: expected en or de, got \"fr\""},
         {R"({"lang":["de"]})", "lang: expected en or de, got a list"},
         {R"({"lang":"de","lang":"en"})", "lang: stands there twice"},
         {R"({"units":"si"})", "units: unknown; expected lang"},
         {R"({"city":"Bonn"})", "city: unknown; expected lang"},
         {"[]", "body: expected an object, got a list"},
       }) {
    const auto r = post(path, body);
    CHECK_EQ(r.status, 400);
    CHECK_EQ(json::parse(r.body).value("message", ""), message);
  }
  const auto problem = post(path, "{", "Accept: application/problem+json\r\n");
  CHECK_EQ(problem.status, 400);
  CHECK(json::parse(problem.body)["detail"].get<std::string>().starts_with("body: broken JSON: "));
  CHECK_EQ(east.calls().size(), 0u);
}

TEST(a page of another origin may ask after its preflight) {
  more += "cors = [\"https://app.example\"]\n";
  start();
  const auto preflight = send("OPTIONS " + path
                              + " HTTP/1.1\r\nOrigin: https://app.example\r\n"
                                "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type");
  CHECK_EQ(preflight.status, 204);
  CHECK_EQ(preflight.field("Access-Control-Allow-Origin"), "https://app.example");
  CHECK_EQ(preflight.field("Access-Control-Allow-Methods"), "POST, OPTIONS");
  CHECK(preflight.field("Access-Control-Allow-Headers").find("Content-Type") != std::string::npos);
  const auto r = post(path, "{}", "Origin: https://app.example\r\n");
  CHECK_EQ(r.status, 200);
  CHECK_EQ(r.field("Access-Control-Allow-Origin"), "https://app.example");
}

TEST(its keys and limits are asked before its body) {
  more += "auth = \"key\"\n";
  const auto keys = dir.write("keys.toml", "[[keys]]\nname = \"one\"\nsha256 = \"" + std::string(64, 'a') + "\"\n");
  start({"auth.keys_file=" + keys});
  CHECK_EQ(send("POST " + path + " HTTP/1.1\r\nContent-Length: 99999999").status, 401);
}

TEST(a client over the limit of such a route is told when to come back) {
  start();
  for (int i = 0; i < 50; ++i)
    CHECK_EQ(post(path, "{}").status, 200);
  const auto r = post(path, "{}");
  CHECK_EQ(r.status, 429);
  CHECK(!r.field("Retry-After").empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
