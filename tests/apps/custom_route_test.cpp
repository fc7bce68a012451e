// Two user-defined providers and one route that merges them, from a configuration file alone.
#define TEST_SUITE custom_routes
#include "tests/support/test.hpp"

#include "tests/apps/custom_world.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;
using world = test::custom_world;

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

TEST(an operation with a lane takes its permits there) {
  more = "[providers.west.operations.report]\npath = \"/report\"\nlane = \"slow\"\n"
         "[providers.west.lanes.slow]\nrate = 7\nconcurrency = 1\n";
  start();
  CHECK_EQ(metric("troupe_lane_configured_rate{lane=\"west/slow\"}"), "7");
  CHECK_EQ(get("/api/v1/weather/Berlin").status, 200);
  CHECK_EQ(metric("troupe_permits_granted_total{lane=\"west/slow\",priority=\"batch\"}"), "0");
  CHECK_EQ(
    post("/api/v1/batches?wait=20s", R"({"operations":[{"provider":"west","operation":"report"}]})").status, 200);
  CHECK_EQ(metric("troupe_permits_granted_total{lane=\"west/slow\",priority=\"batch\"}"), "1");
  CHECK_EQ(metric("troupe_permits_granted_total{lane=\"west\",priority=\"interactive\"}"), "1");
  CHECK_EQ(metric("troupe_permits_held{lane=\"west/slow\"}"), "0");
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
