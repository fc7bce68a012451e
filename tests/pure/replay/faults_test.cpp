#define TEST_SUITE replay_faults
#include "tests/support/test.hpp"

#include "apps/replay/call_log.hpp"
#include "apps/replay/faults.hpp"

#include <nlohmann/json.hpp>

using namespace troupe::replay;
using nlohmann::json;

namespace {

fault parsed(std::string_view text) {
  auto result = parse_fault(text);
  if (!result)
    CAF_FAIL(result.error().message);
  return std::move(result.value());
}

std::string error_of(std::string_view text) {
  auto result = parse_fault(text);
  return result ? "no error" : result.error().message;
}

/// Which of the next `count` calls are broken, one character each.
std::string pattern(fault_table& table, int count, std::string_view provider = "google") {
  std::string out;
  for (int i = 0; i < count; ++i)
    out += table.judge(provider, "/books/v1/volumes").broken ? 'x' : '.';
  return out;
}

} // namespace

TEST(a fault is read with all its values and written again) {
  for (auto text : {
         R"({"provider":"google","fault":"status","status":503,"latency_ms":80,"ratio":1.0})",
         R"({"provider":"openlibrary","path":"/isbn","fault":"latency","latency_ms":[20,200],"ratio":0.25})",
         R"({"path":"/v1/messages","fault":"html","status":403,"latency_ms":{"p50":20,"p99":200},"ratio":0.000001})",
         R"({"provider":"lastfm","fault":"rate_limited","ratio":0.5,"retry_after_s":30})",
         R"({"provider":"anthropic","fault":"status","status":529,"ratio":1.0,"retry_after_s":0})",
       })
    CHECK_EQ(json::parse(to_json(parsed(text))), json::parse(text));
}

TEST(what a fault leaves out has a default) {
  CHECK_EQ(parsed(R"({"provider":"google","fault":"status"})").status, 503);
  CHECK_EQ(parsed(R"({"provider":"google","fault":"html"})").status, 200);
  CHECK_EQ(parsed(R"({"provider":"google","fault":"rate_limited"})").retry_after_s.value_or(-1), 1);
  CHECK_EQ(parsed(R"({"provider":"google","fault":"hang"})").ratio_ppm, 1'000'000u);
  CHECK(!parsed(R"({"provider":"google","fault":"status"})").retry_after_s);
}

TEST(a fault that is wrong says which field and what was expected) {
  const std::string kinds = "one of status, latency, hang, reset, truncate, malformed, html, rate_limited";
  const std::string names = "one of google, openlibrary, isbndb, spotify, lastfm, anthropic";
  CHECK_EQ(error_of("{"), "body: expected a JSON object, got broken JSON");
  CHECK_EQ(error_of("[]"), "body: expected a JSON object, got array");
  CHECK_EQ(error_of("{}"), "fault: expected " + kinds + ", got nothing");
  CHECK_EQ(error_of(R"({"fault":"hang"})"), "provider: expected " + names + ", or a path instead, got nothing");
  CHECK_EQ(error_of(R"({"provider":"goggle","fault":"hang"})"), "provider: expected " + names + R"(, got "goggle")");
  CHECK_EQ(error_of(R"({"provider":"google","fault":"explode"})"), "fault: expected " + kinds + R"(, got "explode")");
  CHECK_EQ(error_of(R"({"provider":"google","fault":"hang","retry":1})"),
    "retry: unknown, expected one of provider, path, fault, status, latency_ms, ratio, retry_after_s");
  CHECK_EQ(
    error_of(R"({"provider":"google","fault":"hang","ratio":2})"), "ratio: expected a number from 0 to 1, got 2");
  CHECK_EQ(error_of(R"({"provider":"google","fault":"hang","ratio":"1"})"),
    R"(ratio: expected a number from 0 to 1, got "1")");
  CHECK_EQ(error_of(R"({"provider":"google","fault":"status","status":204})"),
    "status: expected a status with a body, from 200 to 599, got 204");
  CHECK_EQ(error_of(R"({"provider":"google","fault":"status","status":5.5})"),
    "status: expected a status with a body, from 200 to 599, got 5.5");
  CHECK_EQ(error_of(R"({"provider":"google","fault":"latency"})"),
    "latency_ms: expected a delay, which the fault latency needs, got nothing");
  CHECK_EQ(error_of(R"({"provider":"google","fault":"latency","latency_ms":-1})"),
    "latency_ms: expected whole milliseconds from 0 to 60000, got -1");
  CHECK_EQ(error_of(R"({"provider":"google","fault":"latency","latency_ms":[9,5]})"),
    "latency_ms[1]: expected no less than latency_ms[0], got 5");
  CHECK_EQ(error_of(R"({"provider":"google","fault":"latency","latency_ms":{"p50":5}})"),
    R"(latency_ms: expected a number, [least, most], or {"p50":..,"p99":..}, got {"p50":5})");
  CHECK_EQ(
    error_of(R"({"path":"books","fault":"hang"})"), R"(path: expected the beginning of a path, from '/', got "books")");
  CHECK_EQ(error_of(R"({"provider":"google","fault":"hang","retry_after_s":true})"),
    "retry_after_s: expected whole seconds from 0 to 86400, got true");
}

TEST(the same seed breaks the same calls and another seed others) {
  const auto third = parsed(R"({"provider":"google","fault":"reset","ratio":0.3})");
  fault_table one{7};
  fault_table same{7};
  fault_table other{8};
  for (auto* table : {&one, &same, &other})
    table->set(third);
  const auto drawn = pattern(one, 2'000);
  CHECK_EQ(drawn, pattern(same, 2'000));
  CHECK(drawn != pattern(other, 2'000));
  const auto broken = std::count(drawn.begin(), drawn.end(), 'x');
  CHECK(broken > 500 && broken < 700); // 600 expected; five standard deviations are 102
  one.set(third);                      // set again, it starts again
  CHECK_EQ(pattern(one, 100), drawn.substr(0, 100));
}

TEST(a fault draws the same whatever other faults there are) {
  const auto third = parsed(R"({"provider":"google","fault":"reset","ratio":0.3})");
  fault_table alone{7};
  alone.set(third);
  fault_table among{7};
  among.set(third);
  among.set(parsed(R"({"provider":"google","fault":"latency","latency_ms":5,"ratio":0.5})"));
  among.set(parsed(R"({"provider":"openlibrary","fault":"hang"})"));
  CHECK_EQ(pattern(alone, 200), pattern(among, 200));
  CHECK_EQ(pattern(among, 5, "openlibrary"), "xxxxx");
}

TEST(ratios of 0 and 1 are never and always) {
  fault_table table{1};
  table.set(parsed(R"({"provider":"google","fault":"hang","ratio":0})"));
  CHECK_EQ(pattern(table, 50), std::string(50, '.'));
  table.set(parsed(R"({"provider":"google","fault":"hang","ratio":1})"));
  CHECK_EQ(pattern(table, 50), std::string(50, 'x'));
}

TEST(a fault applies to its provider and below its path only) {
  fault_table table{1};
  table.set(parsed(R"({"provider":"google","path":"/books/v1/volumes/","fault":"hang"})"));
  CHECK(table.judge("google", "/books/v1/volumes/abc").broken.has_value());
  CHECK(!table.judge("google", "/books/v1/volumes").broken);
  CHECK(!table.judge("openlibrary", "/books/v1/volumes/abc").broken);
}

TEST(faults add up and the first that breaks decides) {
  fault_table table{1};
  table.set(parsed(R"({"provider":"google","fault":"latency","latency_ms":5})"));
  table.set(parsed(R"({"provider":"google","fault":"status","status":500,"latency_ms":7})"));
  table.set(parsed(R"({"provider":"google","fault":"hang","latency_ms":100})"));
  auto v = table.judge("google", "/");
  CHECK_EQ(v.delay_ms, 12);
  CHECK(v.delayed);
  REQUIRE(v.broken.has_value());
  CHECK_EQ(v.broken->status, 500);
  table.set(parsed(R"({"provider":"google","fault":"status","status":502})")); // replaces the one of its kind
  CHECK_EQ(table.judge("google", "/").broken->status, 502);
  CHECK_EQ(json::parse(table.to_json())["faults"].size(), 3u);
  table.clear();
  CHECK(!table.judge("google", "/").broken);
  CHECK_EQ(table.to_json(), R"({"faults":[]})");
}

TEST(delays follow the distribution asked for) {
  fault_table table{1};
  table.set(parsed(R"({"provider":"google","fault":"latency","latency_ms":[20,29]})"));
  table.set(parsed(R"({"provider":"spotify","fault":"latency","latency_ms":{"p50":100,"p99":400}})"));
  std::vector<int> seen(10);
  std::vector<std::int64_t> late;
  for (int i = 0; i < 5'000; ++i) {
    const auto ms = table.judge("google", "/").delay_ms;
    REQUIRE(ms >= 20 && ms <= 29);
    ++seen[static_cast<std::size_t>(ms - 20)];
    late.push_back(table.judge("spotify", "/").delay_ms);
  }
  for (auto count : seen)
    CHECK(count > 400 && count < 600); // 500 expected, standard deviation 21
  std::sort(late.begin(), late.end());
  CHECK(late[2'500] > 93 && late[2'500] < 107);
  CHECK(late[4'950] > 330 && late[4'950] < 480);
}

TEST(calls are counted by provider and the last thousand are kept) {
  call_log log;
  for (int i = 0; i < 1'003; ++i) {
    std::string target{"/"};
    target += std::to_string(i);
    log.add(i * 1'000 + 7, 5, "google", "GET", target, i == 1'002 ? "hang" : "");
  }
  log.add(2'000'000, 6, "nobody", "POST", std::string(600, 'a') + "\xFF", "latency+reset");
  const auto stats = json::parse(log.to_json());
  CHECK_EQ(stats["calls"]["google"], 1'003);
  CHECK_EQ(stats["calls"]["openlibrary"], 0);
  CHECK_EQ(stats["calls"]["other"], 1);
  REQUIRE_EQ(stats["log"].size(), 1'000u);
  CHECK_EQ(stats["log"][0], (json{{"t_ms", 4.007}, {"epoch_ms", 5}, {"provider", "google"}, {"method", "GET"},
                              {"target", "/4"}, {"fault", nullptr}}));
  CHECK_EQ(stats["log"][998]["fault"], "hang");
  CHECK_EQ(stats["log"][999]["provider"], "other");
  CHECK_EQ(stats["log"][999]["target"], std::string(512, 'a'));
  log.clear();
  const auto none = json::parse(log.to_json());
  CHECK_EQ(none["calls"]["google"], 0);
  CHECK(none["log"].empty());
}

TEST(a target that is not UTF - 8 leaves the log readable) {
  call_log log;
  log.add(0, 0, "google", "GET", "/\xFF\"\x01", "");
  CHECK_EQ(json::parse(log.to_json())["log"][0]["target"], "/\uFFFD\"\x01");
}
