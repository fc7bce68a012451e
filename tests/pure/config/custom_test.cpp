#define TEST_SUITE config_custom
#include "tests/support/temp_directory.hpp"
#include "tests/support/test.hpp"

#include "apps/config/load.hpp"

#include <sys/stat.h>

using namespace troupe;
using namespace troupe::config;

namespace {

// Two providers and one route, as they should be; a test changes a part.
const std::string good = R"(
[providers.east]
url = "http://127.0.0.1:9001"
rate = 5

[providers.east.operations.now]
path = "/now/{city}?lang={lang}"
map = '''
{temperature: .temp,
 city: .name}
'''

[providers.west]
url = "http://127.0.0.1:9002/v2"

[providers.west.operations.current]
path = "/current?q={city}&key=${secret}"
headers = { "X-Api-Key" = "${secret}", "Accept" = "application/json" }
map_file = "west.jq"

[[route]]
name = "weather"
method = "GET"
path = "/api/v1/weather/{city}"
params.city = "text 1..100"
params.lang = "enum en|de = en"
strategy = "fallback"
providers = ["east.now", "west.current"]
merge = "object"
key = "{city}:{lang}"
ttl = "10m"
degraded_ttl = "5s"
stale_max = "1h"
deadline = "3s"
limit = "7/60s"
auth = "none"
)";

struct outcome_of_load {
  loaded got;
  std::vector<std::string> programs; // that were to be compiled
};

outcome_of_load load_custom(const std::string& text, std::vector<std::string> sets = {},
  const environment& env = {{"TROUPE_SECRET_WEST_KEY", "w3st"}}, const std::vector<std::string>& complaints = {}) {
  const auto directory = test::temp_directory{};
  const auto ignored = directory.write("west.jq", ".x");
  auto request = load_request{};
  request.file = directory.write("t.toml", text);
  request.sets = std::move(sets);
  request.env = env;
  outcome_of_load out;
  request.check_programs = [&](const std::vector<std::string>& programs) {
    out.programs = programs;
    auto said = complaints;
    said.resize(programs.size());
    return said;
  };
  out.got = load(request);
  const auto folder = request.file->substr(0, request.file->rfind('/') + 1);
  for (auto& line : out.got.errors)
    for (auto at = line.find(folder); at != std::string::npos; at = line.find(folder))
      line.erase(at, folder.size());
  return out;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

void check_errors(const loaded& got, const std::vector<std::string>& expected) {
  CHECK_EQ(got.errors.size(), expected.size());
  for (std::size_t i = 0; i < std::max(got.errors.size(), expected.size()); ++i)
    CHECK_EQ(i < got.errors.size() ? got.errors[i] : "", i < expected.size() ? expected[i] : "");
}

} // namespace

TEST(providers and routes are defined by the file alone) {
  const auto [got, programs] = load_custom(good);
  check_errors(got, {});
  const auto& east = got.values.providers.at("east");
  CHECK_EQ(east.rate, 5);
  REQUIRE_EQ(east.operations.size(), 1u);
  CHECK_EQ(east.operations[0].path.expand({{"city", "Bad Ems"}, {"lang", "de"}}, ""), "/now/Bad%20Ems?lang=de");
  CHECK_EQ(got.values.providers.at("west").operations[0].headers.size(), 2u);
  CHECK(programs == std::vector<std::string>{"{temperature: .temp,\n city: .name}\n", ".x"});
  REQUIRE_EQ(got.values.custom_routes.size(), 1u);
  const auto& r = got.values.custom_routes[0];
  CHECK_EQ(r.name, "weather");
  CHECK(r.strategy == strategy::fallback);
  CHECK(r.merge == custom::merge_kind::object);
  CHECK_EQ(r.params.size(), 2u);
  CHECK_EQ(r.targets.size(), 2u);
  CHECK_EQ(r.targets[1].operation, "current");
  CHECK(r.ttl == std::chrono::minutes{10});
  CHECK(r.deadline == std::chrono::seconds{3});
  CHECK_EQ(r.limit, 7);
  CHECK_EQ(got.secrets.provider_keys.at("west").reveal(), "w3st");
}

TEST(a route is asked with GET unless it says POST) {
  CHECK(load_custom(good).got.values.custom_routes.at(0).method == custom::request_method::get);
  const auto [got, ignored] = load_custom(replaced(good, "method = \"GET\"", "method = \"POST\""));
  check_errors(got, {});
  CHECK(got.values.custom_routes.at(0).method == custom::request_method::post);
}

TEST(settings of such a provider can be overridden like any other) {
  const auto [got, ignored] = load_custom(good, {"providers.west.rate=9", "providers.east.circuit.open=1s"},
    {{"TROUPE_SECRET_WEST_KEY", "k"}, {"TROUPE_PROVIDERS_EAST_URL", "http://127.0.0.1:1"}});
  check_errors(got, {});
  CHECK_EQ(got.values.providers.at("west").rate, 9);
  CHECK(got.values.providers.at("east").circuit.open == std::chrono::seconds{1});
  CHECK_EQ(got.values.providers.at("east").url.text, "http://127.0.0.1:1");
  check_errors(load_custom(good, {"providers.east.rte=9"}).got,
    {"--set providers.east.rte=9: no such setting; the nearest is providers.east.rate"});
}

TEST(a provider has lanes beneath its limits and an operation names the one that it takes) {
  const std::string lanes = "[providers.east.lanes.slow]\nrate = 2\nconcurrency = 1\n\n[providers.east.lanes.plain]\n";
  const auto text =
    replaced(good, "[providers.east.operations.now]\n", lanes + "[providers.east.operations.now]\nlane = \"slow\"\n");
  const auto [got, ignored] = load_custom(text, {"providers.east.lanes.slow.concurrency=3"},
    {{"TROUPE_SECRET_WEST_KEY", "k"}, {"TROUPE_PROVIDERS_EAST_LANES_PLAIN_BURST", "1"}});
  check_errors(got, {});
  const auto& east = got.values.providers.at("east");
  CHECK_EQ(east.operations[0].lane, "slow");
  REQUIRE_EQ(east.lanes.size(), 2u);
  CHECK((east.lanes.at("slow") == lane_settings{2, 0, 3}));
  CHECK((east.lanes.at("plain") == lane_settings{0, 1, 0}));
  CHECK_EQ(got.values.providers.at("west").operations[0].lane, "");
}

TEST(what is wrong with a lane is said with its place) {
  const std::string plain = "rate = 5\n\n[providers.east.operations.now]\n";
  const std::string before = "rate = 5\n\n[providers.east.lanes.slow]\n";
  const std::string behind = "\n[providers.east.operations.now]\n";
  const std::string slow = "providers.east.lanes.slow";
  const auto with = [&](const std::string& text) { return load_custom(replaced(good, plain, text)).got; };
  check_errors(with(before + "rate = 6" + behind),
    {"t.toml:7:8: " + slow + ".rate: expected at most providers.east.rate (5), got 6"});
  check_errors(with(before + "burst = 2" + behind),
    {"t.toml:7:9: " + slow + ".burst: expected at most providers.east.burst (1), got 2"});
  check_errors(with(before + "concurrency = 11" + behind),
    {"t.toml:7:15: " + slow + ".concurrency: expected at most providers.east.concurrency (10), got 11"});
  check_errors(with(before + "rate = 0" + behind),
    {"t.toml:7:8: " + slow + ".rate: expected a whole number from 1 to 1000000, got 0"});
  check_errors(with(before + "rate = \"2\"" + behind),
    {"t.toml:7:8: " + slow + ".rate: expected a whole number from 1 to 1000000, got \"2\""});
  check_errors(with(before + "rte = 2" + behind),
    {"t.toml:7:1: " + slow + ".rte: no such setting; the nearest is " + slow + ".rate"});
  check_errors(with(before + behind + "lane = \"slwo\"\n"),
    {"t.toml:9:8: providers.east.operations.now.lane: \"slwo\": no such lane; the nearest is slow"});
  check_errors(with(plain + "lane = \"slow\"\n"),
    {"t.toml:7:8: providers.east.operations.now.lane: expected [providers.east.lanes.NAME] beside it, got \"slow\""});
  check_errors(with(plain + "lane = 1\n"), {"t.toml:7:8: providers.east.operations.now.lane: expected a text, got 1"});
  check_errors(with("rate = 5\n\n[providers.east.lanes.Slow]\nrate = 1\n" + behind),
    {"t.toml:6:23: providers.east.lanes.Slow: expected a name of small letters, digits and _"});
  check_errors(
    with("rate = 5\nlanes = 3\n" + behind), {"t.toml:5:9: providers.east.lanes: expected a table of lanes, got 3"});
  check_errors(
    with("rate = 5\nlanes.slow = 3\n" + behind), {"t.toml:5:14: providers.east.lanes.slow: expected a table, got 3"});
  check_errors(load_custom(good, {"providers.east.rate=1"}).got, {});
  check_errors(load_custom(replaced(good, plain, before + "rate = 5" + behind), {"providers.east.rate=1"}).got,
    {"--set providers.east.rate=1: expected at least " + slow + ".rate (5), got 1"});
  check_errors(load_custom(good + "[providers.google.lanes.slow]\nrate = 1\n").got,
    {"t.toml:37:19: providers.google.lanes: only providers that the configuration defines have lanes"});
}

TEST(a broken program is reported with its line in the file) {
  check_errors(load_custom(good, {}, {{"TROUPE_SECRET_WEST_KEY", "k"}},
                 {"line 2: syntax error, unexpected '}'", "line 1: foo/0 is not defined"})
                 .got,
    {"t.toml:10: providers.east.operations.now.map: expected a jq program; line 2 of it: syntax error, unexpected '}'",
      "west.jq:1: providers.west.operations.current.map_file: expected a jq program; line 1 of it: foo/0 is not "
      "defined"});
}

TEST(a secret that is missing is named and one that stands in the file is not repeated) {
  check_errors(load_custom(good, {}, {}).got,
    {"t.toml:16:28: providers.west.operations.current: ${secret} needs the secret TROUPE_SECRET_WEST_KEY, in the "
     "environment or in the secrets file"});
  const auto got = load_custom(replaced(good, "\"X-Api-Key\" = \"${secret}\"", "\"X-Api-Key\" = \"hunter2\"")).got;
  check_errors(
    got, {"t.toml:18:13: providers.west.operations.current.headers.X-Api-Key: not here: a secret belongs into "
          "TROUPE_SECRET_WEST_KEY; write ${secret} in its place"});
  CHECK(got.errors[0].find("hunter2") == std::string::npos);
  check_errors(load_custom(good, {}, {{"TROUPE_SECRET_WEST_KEY", "k"}, {"TROUPE_SECRET_WESTT_KEY", "k"}}).got,
    {"TROUPE_SECRET_WESTT_KEY: no such secret; the nearest is TROUPE_SECRET_WEST_KEY"});
}

TEST(everything that is wrong with a provider is said with its place) {
  struct wrong {
    std::string what, by;
    std::vector<std::string> errors;
  };
  const std::string east = "providers.east.operations.now";
  for (const auto& [what, by, errors] :
    std::vector<wrong>{
      {"path = \"/now/{city}?lang={lang}\"", "path = \"now\"",
        {"t.toml:7:8: " + east + ".path: expected / at column 1 of \"now\""}},
      {"path = \"/now/{city}?lang={lang}\"", "path = \"/now/{city\"",
        {"t.toml:7:8: " + east + ".path: expected } behind this { at column 6 of \"/now/{city\""}},
      {"path = \"/now/{city}?lang={lang}\"", "path = 7", {"t.toml:7:8: " + east + ".path: expected a text, got 7"}},
      {"path = \"/now/{city}?lang={lang}\"", "pth = \"/x\"",
        {"t.toml:7:1: " + east + ".pth: no such setting; the nearest is path",
          "t.toml:6:28: " + east + ": expected a path, such as path = \"/v1/things/{id}\""}},
      {"path = \"/now/{city}?lang={lang}\"", "path = \"/x\"\nmap_file = \"west.jq\"",
        {"t.toml:9:1: " + east + ".map: expected map or map_file, got both"}},
      {"map_file = \"west.jq\"", "map_file = \"north.jq\"",
        {"t.toml:19:12: providers.west.operations.current.map_file: north.jq: cannot be read: No such file or "
         "directory"}},
      {"path = \"/now/{city}?lang={lang}\"", "path = \"/x\"\nheaders = { \"Host\" = \"x\", \"a b\" = \"c\" }",
        {"t.toml:8:13: " + east + ".headers.Host: this field is written by the HTTP client",
          "t.toml:8:27: " + east + ".headers.a b: expected the name of a header field"}},
      {"[providers.east]", "[providers.cache]",
        {"t.toml:2:12: providers.cache: expected a name of small letters, digits and _ other than cache, "
         "orchestrated, none and operations",
          "t.toml:6:12: providers.east: no such table; the nearest is providers.west"}},
      {"rate = 5", "rte = 5", {"t.toml:4:1: providers.east.rte: no such setting; the nearest is providers.east.rate"}},
      {"rate = 5", "rate = 0", {"t.toml:4:8: providers.east.rate: expected a whole number from 1 to 1000000, got 0"}},
    }) {
    auto got = load_custom(replaced(good, what, by)).got;
    // Routes that then lack their provider say so too; this is about the providers.
    std::erase_if(got.errors, [](const auto& line) { return line.find(": route") != std::string::npos; });
    check_errors(got, errors);
  }
  check_errors(load_custom("[providers.gogle]\nurl = \"http://x\"\n", {}, {}).got,
    {"t.toml:1:12: providers.gogle: expected [providers.gogle.operations.NAME] with a path (the built-in provider with "
     "the nearest name is google)"});
  check_errors(load_custom("[providers.a]\nurl = \"http://x\"\noperations = 5\n", {}, {}).got,
    {"t.toml:3:14: providers.a.operations: expected a table of operations, got 5",
      "t.toml:1:12: providers.a: expected [providers.a.operations.NAME] with a path (the built-in provider with the "
      "nearest name is google)"});
}

TEST(everything that is wrong with a route is said with its place) {
  struct wrong {
    std::string what, by, error;
  };
  for (const auto& [what, by, error] :
    std::vector<wrong>{
      {"name = \"weather\"", "name = \"Weather\"",
        "22:8: route.name: expected a name of small letters, digits and _, got \"Weather\""},
      {"name = \"weather\"", "name = \"search\"", "22:8: route.name: \"search\" is taken by a built-in route"},
      {"method = \"GET\"", "method = \"PUT\"", "23:10: route.method: expected GET or POST, got \"PUT\""},
      {"/api/v1/weather/{city}", "/api/v1/weather/{town}",
        "24:8: route.path: {town} is no parameter: expected params.town = \"text 1..100\" or another type"},
      {"/api/v1/weather/{city}", "/api/v1/weather/x{city}",
        "24:8: route.path: expected a path such as /api/v1/weather/{city}: literal segments of letters, digits and "
        "-._~, and at most four placeholders that fill a segment each"},
      {"/api/v1/weather/{city}", "/api/v2/books/{city}",
        "24:8: route.path: this path is taken by the built-in /api/v2/books/{isbn}"},
      {"/api/v1/weather/{city}", "/metrics", "24:8: route.path: this path is taken by the built-in /metrics"},
      {"text 1..100", "txt",
        "25:15: route.params.city: expected text 1..100 (at most 512 characters), int 1..40 or enum a|b, each with = "
        "DEFAULT behind it or not, got \"txt\""},
      {"text 1..100", "text 1..100 = Berlin",
        "25:15: route.params.city: expected no default: it stands in the path, which always has it"},
      {"strategy = \"fallback\"", "strategy = \"best\"",
        "27:12: route.strategy: expected merge or fallback, got "
        "\"best\""},
      {"\"east.now\", \"west.current\"", "\"east.now\", \"west.curent\"",
        "28:13: route.providers: \"west.curent\": no such operation; the nearest is west.current"},
      {"\"east.now\", \"west.current\"", "\"east.now\", \"google.search\"",
        "28:13: route.providers: \"google.search\": this provider has no operations; only those do that the "
        "configuration defines; the nearest is east.now"},
      {"\"east.now\", \"west.current\"", "\"east.now\", \"east.now\"",
        "28:13: route.providers: \"east.now\": expected each provider once"},
      {"[\"east.now\", \"west.current\"]", "\"east.now\"",
        "28:13: route.providers: expected a list of PROVIDER.OPERATION, got \"east.now\""},
      {"[\"east.now\", \"west.current\"]", "[]",
        "28:13: route.providers: expected a list of PROVIDER.OPERATION, got an empty one"},
      {"merge = \"object\"", "merge = \"best\"", "29:9: route.merge: expected first, object or concat, got \"best\""},
      {"merge = \"object\"", "merge = \"concat\"",
        "29:9: route.merge: concat needs by = \"FIELD\": the field that tells records apart"},
      {"merge = \"object\"", "by = \"id\"", "29:6: route.by: only merge = \"concat\" takes it"},
      {"{city}:{lang}", "{city}", "30:7: route.key: expected {lang} in it: a provider is asked with it"},
      {"{city}:{lang}", "{city}{lang}",
        "30:7: route.key: expected a template such as {city}:{lang}, with one of : / & = , ; + between two "
        "placeholders"},
      {"{city}:{lang}", "{city}:{lang}:{x}", "30:7: route.key: {x} is no parameter of this route"},
      {"ttl = \"10m\"", "tll = \"10m\"", "31:1: route.tll: no such setting; the nearest is route.ttl"},
      {"degraded_ttl = \"5s\"", "degraded_ttl = \"1h\"",
        "32:16: route.degraded_ttl: expected at most route.ttl (10m), "
        "got 1h"},
      {"deadline = \"3s\"", "deadline = \"3\"", "34:12: route.deadline: expected a duration such as 10s, got \"3\""},
      {"limit = \"7/60s\"", "limit = 7",
        "35:9: route.limit: expected a quota such as 100/60s, its time in whole seconds, got 7"},
      {"auth = \"none\"", "auth = \"key\"",
        "36:8: route.auth: expected auth.keys_file beside it: without keys nobody could ask"},
      {"auth = \"none\"", "cors = [\"app.example\"]",
        "36:8: route.cors: expected a list of web origins such as https://app.example, or \"*\", got \"app.example\""},
      {"auth = \"none\"", "max_response = \"1B\"",
        "36:16: route.max_response: expected a size from 1kB to 1GiB, got \"1B\""},
      {"auth = \"none\"", "auth = \"all\"", "36:8: route.auth: expected none or key, got \"all\""},
    })
    check_errors(load_custom(replaced(good, what, by)).got, {"t.toml:" + error});
  check_errors(load_custom(replaced(good, "params.lang = \"enum en|de = en\"", "")).got,
    {
      "t.toml:28:13: route.providers: \"east.now\": its path has {lang}, which is no parameter of this route",
      "t.toml:30:7: route.key: {lang} is no parameter of this route",
    });
}

TEST(two routes share neither a name nor a path) {
  const auto second =
    std::string{"[[route]]\nname = \"weather\"\npath = \"/api/v1/weather/{c}\"\nparams.c = \"text 1..9\"\n"
                "params.lang = \"enum a|b\"\nparams.city = \"int 1..2\"\nproviders = [\"east.now\"]\n"};
  check_errors(
    load_custom(good + second).got, {
                                      "t.toml:37:1: route weather: this name is taken by the route at t.toml:21:1",
                                      "t.toml:37:1: route weather: this path is taken by the route at t.toml:21:1",
                                    });
}

TEST(a route that is spelled as something else is told how to begin) {
  check_errors(load_custom("[[routes]]\nname = \"x\"\n", {}, {}).got,
    {"t.toml:1:3: routes: a route of your own begins with [[route]], without the s"});
  check_errors(load_custom("[route]\nname = \"x\"\n", {}, {}).got,
    {"t.toml:1:1: route: expected tables that begin with [[route]], in double brackets, got a table"});
  check_errors(load_custom("route = 1\n", {}, {}).got,
    {"t.toml:1:9: route: expected tables that begin with [[route]], in double brackets, got 1"});
  check_errors(load_custom("[[route]]\n", {}, {}).got,
    {
      "t.toml:1:1: route: expected a name of small letters, digits and _ (name = \"...\")",
      "t.toml:1:1: route: expected a path, such as path = \"/api/v1/weather/{city}\"",
      "t.toml:1:1: route: expected providers = [\"PROVIDER.OPERATION\", ...]",
    });
}
