// The parts of the bridge's edge, each alone: API keys, CORS, the access log.
#define TEST_SUITE edge
#include "tests/support/test.hpp"

#include "apps/bridge/access_log.hpp"
#include "apps/bridge/api_keys.hpp"
#include "apps/bridge/cors.hpp"
#include "tests/support/temp_directory.hpp"

#include <nlohmann/json.hpp>

#include <sstream>
#include <thread>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

http::request with(std::vector<http::field> fields) {
  http::request r;
  r.fields = std::move(fields);
  return r;
}

std::string content(const std::string& path) {
  std::stringstream out;
  out << std::ifstream{path}.rdbuf();
  return out.str();
}

access_entry some_entry() {
  access_entry e;
  e.time = std::chrono::system_clock::time_point{1'769'860'800'042ms}; // 2026-01-31 12:00:00.042 UTC
  e.client = "1.2.3.4";
  e.method = "GET";
  e.path = "/api/v2/books/search";
  e.status = 200;
  e.bytes = 512;
  e.took = 84us;
  e.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  e.x_cache = "MISS";
  return e;
}

} // namespace

TEST(the digest is SHA-256) {
  // FIPS 180-4's example "abc"
  CHECK_EQ(to_hex(digest_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(new keys are long and differ) {
  const auto a = make_key();
  const auto b = make_key();
  REQUIRE(a.has_value());
  REQUIRE(b.has_value());
  CHECK_EQ(a.value().size(), 71u);
  CHECK(a.value().starts_with("troupe_"));
  CHECK(a.value() != b.value());
}

TEST(a key is presented as bearer token or in a field of its own) {
  CHECK_EQ(std::string{presented_key(with({{"authorization", "bearer  k1"}}))}, "k1");
  CHECK_EQ(std::string{presented_key(with({{"X-API-Key", "k2"}}))}, "k2");
  CHECK_EQ(std::string{presented_key(with({{"Authorization", "Bearer k1"}, {"X-API-Key", "k2"}}))}, "k1");
  CHECK_EQ(std::string{presented_key(with({{"Authorization", "Basic azE6"}, {"X-API-Key", "k2"}}))}, "k2");
  for (const auto* none : {"Bearer", "Bearer ", "Basic azE6", ""})
    CHECK(presented_key(with({{"Authorization", none}})).empty());
}

TEST(a key is found by its text and only asks its routes) {
  const api_keys keys{
    {{"one", digest_of("k1"), {"search"}, std::nullopt}, {"two", digest_of("k2"), {}, std::nullopt}}, nullptr};
  const auto one = keys.find("k1");
  REQUIRE(one != nullptr);
  CHECK_EQ(one->name(), "one");
  CHECK(one->may_ask("search"));
  CHECK(!one->may_ask("details"));
  CHECK(keys.find("k2")->may_ask("details"));
  for (const auto& unknown :
    {std::string{}, std::string{"k"}, std::string{"K1"}, to_hex(digest_of("k1")), std::string(10'000, 'k')})
    CHECK(keys.find(unknown) == nullptr);
  CHECK(api_keys{}.find("k1") == nullptr);
}

TEST(a limit of a key is exact between threads and survives a reload) {
  const std::vector<key_entry> entries{{"one", digest_of("k1"), {}, gcra_limit{1'000, 60s}}};
  const api_keys keys{entries, nullptr};
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      const auto key = keys.find("k1");
      for (int i = 0; i < 500; ++i)
        passed += key->charge(1h).allowed ? 1 : 0;
    });
  for (auto& t : threads)
    t.join();
  CHECK_EQ(passed.load(), 1'000);
  const api_keys reloaded{entries, &keys};
  CHECK(!reloaded.find("k1")->charge(1h).allowed);
  CHECK(reloaded.find("k1")->charge(1h + 60ms).allowed);
  CHECK(!reloaded.find("k1")->charge(1h + 60ms).allowed);
}

TEST(an origin on the list is named and others only vary) {
  const cors_policy p{{"https://app.example", "http://localhost:5173"}};
  const auto answer = [&](std::string_view origin) {
    std::string head;
    p.append(head, origin);
    return head;
  };
  CHECK(answer("https://app.example")
          .starts_with("Vary: Origin\r\nAccess-Control-Allow-Origin: https://app.example\r\n"
                       "Access-Control-Expose-Headers: "));
  for (const auto* other : {"", "null", "https://app.example.evil", "http://app.example", "https://APP.example"})
    CHECK_EQ(answer(other), "Vary: Origin\r\n");
  std::string preflight;
  p.append_preflight(preflight, "http://localhost:5173", "GET, HEAD");
  for (const auto* line :
    {"Access-Control-Allow-Origin: http://localhost:5173\r\n", "Access-Control-Allow-Methods: GET, HEAD\r\n",
      "Access-Control-Allow-Headers: Authorization, X-API-Key", "Access-Control-Max-Age: 600\r\n", "Vary: Origin\r\n"})
    CHECK(preflight.find(line) != std::string::npos);
}

TEST(a star allows every origin and an empty list says nothing) {
  std::string head;
  cors_policy{{"*"}}.append(head, "https://any.example");
  CHECK(head.starts_with("Access-Control-Allow-Origin: *\r\n"));
  CHECK(head.find("Vary") == std::string::npos);
  std::string none;
  cors_policy{}.append(none, "https://any.example");
  cors_policy{}.append_preflight(none, "https://any.example", "GET");
  CHECK(none.empty());
}

TEST(a line of the access log holds the request in both formats) {
  auto e = some_entry();
  std::string out;
  append_json(out, e);
  const auto line = json::parse(out);
  CHECK_EQ(line["time"], "2026-01-31T12:00:00.042Z");
  CHECK_EQ(line["client"], "1.2.3.4");
  CHECK_EQ(line["path"], "/api/v2/books/search");
  CHECK_EQ(line["status"], 200);
  CHECK_EQ(line["bytes"], 512);
  CHECK_EQ(line["us"], 84);
  CHECK_EQ(line["trace"], "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK_EQ(line["cache"], "MISS");
  CHECK(line["key"].is_null());
  e.key = "mobile";
  std::string common;
  append_common(common, e);
  CHECK_EQ(common, "1.2.3.4 - mobile [31/Jan/2026:12:00:00 +0000] \"GET /api/v2/books/search HTTP/1.1\" 200 512 84 "
                   "4bf92f3577b34da6a3ce929d0e0e4736 MISS\n");
}

TEST(no request can forge a line of the access log) {
  auto e = some_entry();
  e.path = "/a\"\\\n{\"status\":500}\r\x01\xff";
  std::string text;
  append_json(text, e);
  CHECK_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  CHECK_EQ(json::parse(text)["status"], 200);
  std::string common;
  append_common(common, e);
  CHECK_EQ(std::count(common.begin(), common.end(), '\n'), 1);
  CHECK(common.find("/a\\x22\\x5c\\x0a{\\x22status\\x22:500}\\x0d\\x01\\xff HTTP/1.1") != std::string::npos);
}

TEST(the access log loses no line when it is opened anew or ended) {
  const test::temp_directory dir;
  const auto path = dir.file("access.log");
  {
    auto opened = access_log::open(path, access_log::format::json);
    REQUIRE(opened.has_value());
    auto& log = *opened.value();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i)
          log.write(some_entry());
      });
    for (auto& t : threads)
      t.join();
    std::filesystem::rename(path, dir.file("old.log"));
    CHECK(log.reopen().has_value());
    log.write(some_entry());
    CHECK_EQ(log.dropped(), 0u);
  }
  const auto old = content(dir.file("old.log"));
  const auto fresh = content(path);
  CHECK_EQ(std::count(old.begin(), old.end(), '\n'), 2'000);
  CHECK_EQ(std::count(fresh.begin(), fresh.end(), '\n'), 1);
  CHECK(json::accept(fresh));
}

TEST(what the access log cannot write is counted) {
  {
    auto full = access_log::open("/dev/full", access_log::format::json);
    REQUIRE(full.has_value());
    full.value()->write(some_entry());
    CHECK(full.value()->reopen().has_value()); // writes what waits
    CHECK_EQ(full.value()->dropped(), 1u);
  }
  const auto none = access_log::open("/nowhere/access.log", access_log::format::json);
  REQUIRE(!none.has_value());
  CHECK(none.error().message.starts_with("/nowhere/access.log: cannot be opened for the access log: "));
}
