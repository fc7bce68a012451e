// Two user-defined providers and one route that merges them, from a configuration file alone.
#define TEST_SUITE custom_routes
#include "tests/support/test.hpp"

#include "apps/config/load.hpp"
#include "apps/node/node.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/temp_directory.hpp"
#include "tests/support/tiny_server.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

// An upstream that says what it is told, and keeps what it was asked.
struct upstream {
  std::mutex lock;
  int status = 200;
  std::string body;
  std::vector<std::string> asked;
  test::tiny_server server{[this](test::tiny_server::connection& c) {
    for (auto request = c.read_request(); !request.empty(); request = c.read_request()) {
      const std::lock_guard guard{lock};
      asked.push_back(request);
      c.write("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n"
              + body);
    }
  }};

  explicit upstream(std::string says) : body{std::move(says)} {}

  void say(int code, std::string text) {
    const std::lock_guard guard{lock};
    status = code;
    body = std::move(text);
  }
  std::vector<std::string> calls() {
    const std::lock_guard guard{lock};
    return asked;
  }
};

struct world {
  test::temp_directory dir;
  upstream east{R"({"name":"Berlin","temp":21,"hidden":true})"};
  upstream west{R"({"result":{"city":"Berlin, DE","humidity":60,"temperature":20}})"};
  std::ostringstream lines;
  std::unique_ptr<node> troupe;

  std::string merge = "merge = \"object\"";
  std::string map = "{city: .name, temperature: .temp}";
  std::string more;

  void start(std::vector<std::string> sets = {}) {
    const auto file = dir.write("t.toml",
      "[providers.east]\nurl = \"" + east.server.url("")
        + "\"\nrate = 1000\nburst = 1000\n"
          "[providers.east.operations.now]\npath = \"/now/{city}?lang={lang}\"\nmap = '''"
        + map
        + "'''\n"
          "[providers.west]\nurl = \""
        + west.server.url("/v2")
        + "\"\nrate = 1000\nburst = 1000\n"
          "[providers.west.operations.current]\npath = \"/current?q={city}\"\nheaders = { \"X-Key\" = \"${secret}\" }\n"
          "map = '.result'\n"
          "[[route]]\nname = \"weather\"\npath = \"/api/v1/weather/{city}\"\nparams.city = \"text 1..50\"\n"
          "params.lang = \"enum en|de = en\"\nproviders = [\"east.now\", \"west.current\"]\nlimit = \"50/60s\"\n"
        + merge + "\n" + more);
    config::load_request request;
    request.file = file;
    request.sets = std::move(sets);
    request.sets.push_back("http.address=127.0.0.1:0");
    request.sets.push_back("storage.dir=" + dir.file("data"));
    request.sets.push_back("jq.workers=2");
    request.env = {{"TROUPE_SECRET_WEST_KEY", "w3st-s3cret"}};
    auto loaded = config::load(request);
    for (const auto& line : loaded.errors)
      CAF_FAIL(line);
    auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines));
    auto started = node::start({std::move(loaded.values), std::move(loaded.secrets), "test", log});
    if (!started)
      CAF_FAIL(started.error().message);
    troupe = std::move(started.value());
  }

  [[nodiscard]] test::raw_response get(const std::string& target, const std::string& fields = {}) const {
    test::raw_client client{troupe->port()};
    client.send("GET " + target + " HTTP/1.1\r\nHost: t\r\n" + fields + "Connection: close\r\n\r\n");
    return client.read_response();
  }

  [[nodiscard]] std::string metric(const std::string& line) const {
    std::istringstream text{get("/metrics").body};
    for (std::string each; std::getline(text, each);)
      if (each.starts_with(line + " "))
        return each.substr(line.size() + 1);
    return "none";
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(custom_route_tests, world)

TEST(two providers from configuration alone are merged and tagged and cached) {
  start();
  const auto first = get("/api/v1/weather/Berlin?lang=de");
  CHECK_EQ(first.status, 200);
  auto body = json::parse(first.body);
  CHECK_EQ(body["data"], json::parse(R"({"city":"Berlin","temperature":21,"humidity":60,
                    "provenance":{"city":"east","temperature":"east","humidity":"west"}})"));
  CHECK_EQ(body["provider"], "orchestrated:east+west");
  CHECK_EQ(body["cached"], false);
  CHECK_EQ(body["meta"]["providers"][1]["status"], "ok");
  CHECK_EQ(first.field("X-Provider"), "orchestrated:east+west");
  CHECK_EQ(first.field("X-Cache"), "MISS");
  CHECK_EQ(first.field("X-RateLimit-Limit"), "50");
  const auto second = get("/api/v1/weather/%20Berlin?lang=de");
  CHECK_EQ(second.field("X-Cache"), "HIT-KV-HOT");
  CHECK_EQ(json::parse(second.body)["provider"], "cache:kv");
  CHECK_EQ(get("/api/v1/weather/Berlin?lang=de", "If-None-Match: " + first.field("ETag") + "\r\n").status, 304);
  REQUIRE_EQ(east.calls().size(), 1u);
  REQUIRE_EQ(west.calls().size(), 1u);
  CHECK(east.calls()[0].starts_with("GET /now/Berlin?lang=de HTTP/1.1\r\n"));
  CHECK(west.calls()[0].starts_with("GET /v2/current?q=Berlin HTTP/1.1\r\n"));
  CHECK(west.calls()[0].find("\r\nX-Key: w3st-s3cret\r\n") != std::string::npos);
  CHECK(east.calls()[0].find("w3st") == std::string::npos);
  // Another value of a parameter is another question.
  CHECK_EQ(get("/api/v1/weather/Berlin").field("X-Cache"), "MISS");
  CHECK_EQ(metric("troupe_jq_bodies_total{outcome=\"mapped\"}"), "4");
  CHECK_EQ(metric("troupe_provider_calls_total{provider=\"east\"}"), "2");
}

TEST(with one provider failing the answer is tagged with the other and the circuit opens) {
  start();
  west.say(503, "down for w3st-s3cret");
  const auto r = get("/api/v1/weather/Berlin");
  CHECK_EQ(r.status, 200);
  auto body = json::parse(r.body);
  CHECK_EQ(body["provider"], "east");
  CHECK_EQ(body["meta"]["providers"][1]["status"], "provider_failed");
  CHECK_EQ(body["data"]["provenance"], json({{"city", "east"}, {"temperature", "east"}}));
  const auto ttl = std::stoi(std::string{r.field("X-Cache-TTL")}); // the degraded one
  CHECK(ttl >= 53 && ttl <= 66);
  for (int i = 0; i < 4; ++i)
    CHECK_EQ(get("/api/v1/weather/town" + std::to_string(i)).status, 200);
  const auto calls = west.calls().size();
  CHECK_EQ(calls, 5u);
  body = json::parse(get("/api/v1/weather/elsewhere").body);
  CHECK_EQ(body["meta"]["providers"][1]["status"], "circuit_open");
  CHECK_EQ(west.calls().size(), calls);
  CHECK_EQ(json::parse(get("/health").body)["providers"]["west"], "open");
  CHECK_EQ(metric("troupe_circuit_state{provider=\"west\",state=\"open\"}"), "1");
  CHECK(lines.str().find("s3cret") == std::string::npos);
}

TEST(a program that does not end or crashes fails its provider and no other) {
  map =
    "if .temp == 1 then def f: f; f elif .temp == 2 then reduce range(40) as $i (\"x\"; . + .) else {city: .name} end";
  start({"jq.timeout=300ms", "jq.memory=64MiB"});
  east.say(200, R"({"name":"x","temp":1})");
  auto body = json::parse(get("/api/v1/weather/one").body);
  CHECK_EQ(body["provider"], "west");
  CHECK_EQ(body["meta"]["providers"][0]["status"], "provider_malformed");
  east.say(200, R"({"name":"x","temp":2})");
  CHECK_EQ(json::parse(get("/api/v1/weather/two").body)["provider"], "west");
  east.say(200, R"({"name":"x","temp":3})");
  CHECK_EQ(json::parse(get("/api/v1/weather/three").body)["provider"], "orchestrated:east+west");
  CHECK(metric("troupe_jq_bodies_total{outcome=\"killed\"}") != "0");
}

TEST(both failing is one error with both and what is kept is stale by the times of the route) {
  more = "ttl = \"0s\"\ndegraded_ttl = \"0s\"\n";
  start();
  CHECK_EQ(get("/api/v1/weather/Berlin").status, 200);
  east.say(500, "");
  west.say(200, "<html>");
  const auto stale = get("/api/v1/weather/Berlin");
  CHECK_EQ(stale.field("X-Cache"), "STALE");
  CHECK_EQ(json::parse(stale.body)["stale"], true);
  const auto r = get("/api/v1/weather/Paris");
  CHECK_EQ(r.status, 502);
  const auto body = json::parse(r.body);
  CHECK_EQ(body["error"], "Request failed");
  CHECK_EQ(body["providers"][0]["error"], "east: status 500");
  CHECK(body["providers"][1]["error"].get<std::string>().starts_with("west: the body is no JSON: "));
  CHECK_EQ(body["key"], "weather:city=Paris&lang=en|merge|c1");
}

TEST(a list is joined and what nobody knows is an empty answer) {
  merge = "merge = \"concat\"\nby = \"id\"";
  map = ".items";
  east.say(200, R"({"items":[{"id":1,"from":"east"},{"id":2,"from":"east"}]})");
  west.say(200, R"({"result":[{"id":2,"from":"west"},{"id":3,"from":"west"}]})");
  start();
  auto body = json::parse(get("/api/v1/weather/x").body);
  CHECK_EQ(body["data"], json::parse(R"([{"id":1,"from":"east"},{"id":2,"from":"east"},{"id":3,"from":"west"}])"));
  east.say(404, "");
  west.say(200, R"({"result":[]})");
  body = json::parse(get("/api/v1/weather/y").body);
  CHECK_EQ(body["data"], json::array());
  CHECK_EQ(body["provider"], "none");
}

TEST(a fallback asks the second provider only when the first knows nothing) {
  merge = "merge = \"first\"\nstrategy = \"fallback\"";
  start();
  CHECK_EQ(json::parse(get("/api/v1/weather/Berlin").body)["provider"], "east");
  CHECK_EQ(west.calls().size(), 0u);
  east.say(404, "");
  CHECK_EQ(json::parse(get("/api/v1/weather/Paris").body)["data"]["humidity"], 60);
}

TEST(a request that is wrong is refused by parameter) {
  start();
  const auto message = [&](const char* target) {
    const auto r = get(target);
    CHECK_EQ(r.status, 400);
    return json::parse(r.body).value("message", "");
  };
  CHECK_EQ(message("/api/v1/weather/x?lang=fr"), "lang: expected en or de, got \"fr\"");
  CHECK_EQ(message("/api/v1/weather/%20"), "city: expected a text of 1 to 50 characters, got \" \"");
  CHECK_EQ(message("/api/v1/weather/.."), "city: expected more than dots");
  CHECK_EQ(get("/api/v1/weather/").status, 404);
  CHECK_EQ(get("/api/v1/weather/a/b").status, 404);
  CHECK_EQ(east.calls().size(), 0u);
  CHECK_EQ(get("/api/v1/weather/a%2Fb").status, 200);
  CHECK(east.calls()[0].starts_with("GET /now/a%2Fb?lang=en "));
}

TEST(a client over the limit of the route is told when to come back) {
  more = "";
  merge = "merge = \"object\"";
  start();
  for (int i = 0; i < 50; ++i)
    CHECK_EQ(get("/api/v1/weather/Berlin").status, 200);
  const auto r = get("/api/v1/weather/Berlin");
  CHECK_EQ(r.status, 429);
  CHECK(!r.field("Retry-After").empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
