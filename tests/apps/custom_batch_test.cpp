// Batches of operations that the configuration defines.
#define TEST_SUITE custom_batches
#include "tests/support/test.hpp"

#include "tests/apps/custom_world.hpp"

using namespace troupe;
using json = nlohmann::json;
using world = test::custom_world;

namespace {

const std::string path = "/api/v1/batches";

std::string berlin(const std::string& more = {}) {
  return R"({"provider":"east","operation":"now","params":{"city":"Bad Ems","lang":"de"}})" + more;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(custom_batch_tests, world)

TEST(operations of configured providers run in a batch and their results are what the program makes of them) {
  more = "[providers.west.operations.plain]\npath = \"/plain\"\n"; // asked by no route, and without a program
  start();
  const auto r = post(path + "?wait=20s",
    R"({"operations":[)" + berlin(R"(,{"provider":"west","operation":"current","params":{"city":10115}},)")
      + R"({"provider":"west","operation":"plain"}]})");
  CHECK_EQ(r.status, 200);
  const auto results = json::parse(r.body)["results"];
  CHECK_EQ(results[0]["data"], json::parse(R"({"city":"Berlin","temperature":21})"));
  CHECK_EQ(results[1]["data"], json::parse(R"({"city":"Berlin, DE","humidity":60,"temperature":20})"));
  CHECK_EQ(results[2]["data"]["result"]["humidity"], 60);
  REQUIRE_EQ(east.calls().size(), 1u);
  CHECK(east.calls()[0].starts_with("GET /now/Bad%20Ems?lang=de HTTP/1.1\r\n"));
  REQUIRE_EQ(west.calls().size(), 2u);
  for (const auto& call : west.calls())
    CHECK(call.starts_with("GET /v2/plain HTTP/1.1\r\n")
          || (call.starts_with("GET /v2/current?q=10115 HTTP/1.1\r\n")
              && call.find("\r\nX-Key: w3st-s3cret\r\n") != std::string::npos));
  CHECK_EQ(metric("troupe_provider_calls_total{provider=\"west\"}"), "2");
}

TEST(a failed operation stands beside the others and its retries and circuit are those of its provider) {
  start();
  east.say(503, "");
  const auto r = post(path + "?wait=20s",
    R"({"operations":[)" + berlin(R"(,{"provider":"west","operation":"current","params":{"city":"x"}}]})"));
  const auto results = json::parse(r.body)["results"];
  CHECK_EQ(results[0]["error"]["code"], "provider_failed");
  CHECK_EQ(results[0]["error"]["message"], "east: status 503");
  CHECK_EQ(results[1]["ok"], true);
  CHECK_EQ(east.calls().size(), 3u); // the first, and two retries
  east.say(404, "");
  const auto none = json::parse(post(path + "?wait=20s", R"({"operations":[)" + berlin("]}")).body)["results"];
  CHECK_EQ(none[0], json({{"ok", true}, {"data", nullptr}}));
}

TEST(what is wrong with such an operation is said with its place and starts nothing) {
  start();
  const auto complaint = [&](const std::string& operation) {
    const auto r = post(path, R"({"operations":[)" + berlin("," + operation + "]}"));
    CHECK_EQ(r.status, 400);
    return json::parse(r.body).value("detail", "");
  };
  const std::string now = R"({"provider":"east","operation":"now","params":)";
  CHECK_EQ(complaint(R"({"provider":"east","operation":"current","params":{}})"),
    "operations[1].operation: unknown operation \"current\"; expected now");
  CHECK_EQ(complaint(now + R"({"lang":"de"}})"), "operations[1].params.city: missing");
  CHECK_EQ(complaint(now + R"({"city":"","lang":"de"}})"),
    "operations[1].params.city: expected a text of 1 to 512 characters, got \"\"");
  CHECK_EQ(complaint(now + R"({"city":"..","lang":"de"}})"), "operations[1].params.city: expected more than dots");
  CHECK_EQ(complaint(now + R"({"city":"x","lang":"de","units":"si"}})"),
    "operations[1].params.units: unknown; expected city or lang");
  CHECK_EQ(east.calls().size(), 0u);
}

TEST(a batch asks for a key as soon as a configured route does) {
  more = "auth = \"key\"\n";
  const auto keys = dir.write("keys.toml", "[[keys]]\nname = \"one\"\nsha256 = \"" + std::string(64, 'a') + "\"\n");
  start({"auth.keys_file=" + keys});
  CHECK_EQ(post(path, R"({"operations":[)" + berlin("]}")).status, 401);
  CHECK_EQ(east.calls().size(), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
