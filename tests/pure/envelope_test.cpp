#define TEST_SUITE envelope
#include "tests/support/test.hpp"

#include "actors/cache/envelope.hpp"
#include "actors/cache/gzip.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;
using json = nlohmann::json;

namespace {

outcome two_providers() {
  outcome o;
  o.data = blob{R"([{"title":"Dune"}])"};
  o.tag = "orchestrated:google+openlibrary";
  o.found = true;
  o.fetched_ms = 1'700'000'000'123;
  o.providers = {{"google", ec::none, {}, 12'345, 1, 1}, {"openlibrary", ec::provider_timeout, "slow", 800'000, 1, 0}};
  return o;
}

} // namespace

TEST(S0-12 an answer says its data and provider and whether it was cached and when it was fetched) {
  const auto body = json::parse(render_body(two_providers(), tier::providers));
  CHECK_EQ(body["data"][0]["title"], "Dune");
  CHECK_EQ(body["provider"], "orchestrated:google+openlibrary");
  CHECK_EQ(body["cached"], false);
  CHECK_EQ(body["timestamp"], 1'700'000'000'123);
  CHECK(!body.contains("stale"));
  const auto& asked = body["meta"]["providers"];
  CHECK_EQ(asked[0], (json{{"name", "google"}, {"status", "ok"}, {"ms", 12}, {"attempts", 1}}));
  CHECK_EQ(asked[1]["status"], "provider_timeout");
}

TEST(S0-15 S0-16 a tier puts its own tag in and keeps where it came from) {
  const auto hot = json::parse(render_body(two_providers(), tier::hot));
  CHECK_EQ(hot["provider"], "cache:kv");
  CHECK_EQ(hot["cached"], true);
  CHECK_EQ(hot["meta"]["origin"], "orchestrated:google+openlibrary");
  CHECK_EQ(json::parse(render_body(two_providers(), tier::database))["provider"], "cache:d1");
  CHECK_EQ(json::parse(render_body(two_providers(), tier::cold))["provider"], "cache:r2");
}

TEST(C-02 what is stale says so and is otherwise the same) {
  auto fresh = json::parse(render_body(two_providers(), tier::hot));
  const auto stale = json::parse(mark_stale(render_body(two_providers(), tier::hot)));
  CHECK_EQ(stale["stale"], true);
  fresh["stale"] = true;
  CHECK_EQ(stale, fresh);
}

TEST(the validator is weak and speaks of the data alone) {
  const auto etag = weak_etag("[1]");
  CHECK_EQ(etag, weak_etag("[1]"));
  CHECK(etag != weak_etag("[2]"));
  CHECK(etag.starts_with("W/\""));
  CHECK_EQ(etag.size(), 20u);
}

TEST(S0-47 the fixed header lines carry type and freshness and provider) {
  const auto head = fixed_head("google", std::chrono::seconds{3600});
  CHECK_EQ(head, "Content-Type: application/json\r\nCache-Control: public, max-age=3600\r\nX-Provider: google\r\n"
                 "Vary: Accept-Encoding\r\n");
  CHECK(fixed_head("google", {}).find("Cache-Control: no-cache\r\n") != std::string::npos);
  CHECK_EQ(with_etag("Vary: Accept-Encoding\r\n", "W/\"0\""), "Vary: Accept-Encoding\r\nETag: W/\"0\"\r\n");
}

TEST(a body for something unknown is valid JSON whatever was asked for) {
  outcome o;
  o.tag = "none";
  o.providers = {{"google", ec::none, {}, 1'000, 1, 0}};
  const auto body = json::parse(render_not_found(o, {"details", "\"}\n<x>", 1, {}}));
  CHECK_EQ(body["error"], "Not found");
  CHECK_EQ(body["provider"], "none");
  CHECK_EQ(body["meta"]["providers"][0]["name"], "google");
}
