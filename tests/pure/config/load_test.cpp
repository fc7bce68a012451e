#define TEST_SUITE config_load
#include "tests/support/test.hpp"

#include "apps/config/load.hpp"
#include "apps/config/schema.hpp"
#include "tests/support/temp_directory.hpp"

#include <set>

using namespace troupe;
using namespace troupe::config;

namespace {

using texts = std::vector<std::string>;

loaded load_text(const std::string& toml, environment env = {}, texts sets = {}) {
  const auto directory = test::temp_directory{};
  const auto path = directory.write("t.toml", toml);
  auto out = load({.file = path, .env = std::move(env), .sets = std::move(sets), .flags = {}, .secrets_file = {}});
  // The directory's name differs from run to run.
  for (auto& each : out.errors)
    if (each.starts_with(path))
      each = "t.toml" + each.substr(path.size());
  return out;
}

loaded load_sets(texts sets) {
  return load({.file = {}, .env = {}, .sets = std::move(sets), .flags = {}, .secrets_file = {}});
}

loaded load_environment(environment env) {
  return load({.file = {}, .env = std::move(env), .sets = {}, .flags = {}, .secrets_file = {}});
}

void check_errors(const loaded& got, const texts& wanted) {
  CHECK_EQ(got.errors.size(), wanted.size());
  for (std::size_t i = 0; i < std::max(got.errors.size(), wanted.size()); ++i)
    CHECK_EQ(i < got.errors.size() ? got.errors[i] : "(nothing)", i < wanted.size() ? wanted[i] : "(nothing)");
}

} // namespace

TEST(without any source the settings are the fixed defaults) {
  const auto got = load_environment({{"HOME", "/home/a"}});
  check_errors(got, {});
  const auto& s = got.values;
  CHECK_EQ(format(s.http.address), "127.0.0.1:8787");
  CHECK_EQ(s.http.max_connections, 20000);
  CHECK_EQ(s.http.max_inflight_fetches, 2000);
  CHECK(s.request.deadline == std::chrono::seconds{10});
  REQUIRE_EQ(s.providers.size(), 3u);
  for (const auto& [name, p] : s.providers) {
    CHECK_EQ(p.concurrency, 10);
    CHECK(p.connect_timeout == std::chrono::seconds{1});
    CHECK(p.attempt_timeout == std::chrono::seconds{3});
    CHECK_EQ(p.circuit.failures, 5);
    CHECK(p.circuit.open == std::chrono::seconds{60});
  }
  CHECK(s.merge.patience == std::chrono::milliseconds{800});
  CHECK(s.limits.global.rate == 40 && s.limits.global.burst == 40);
  CHECK(s.limits.client.enabled);
  CHECK_EQ(format(s.limits.client.search), "100/60s");
  CHECK_EQ(format(s.limits.client.details), "200/60s");
  CHECK(s.cache.hot_ttl == std::chrono::hours{1} && s.cache.stale_max == std::chrono::hours{24});
  CHECK_EQ(s.cache.bytes.count, 256 << 20);
  CHECK(s.routes.search.default_limit == 40 && s.routes.search.max_limit == 40);
  CHECK_EQ(s.storage.dir, "/home/a/.local/share/troupe");
}

TEST(the data directory follows the XDG specification) {
  CHECK_EQ(load_environment({{"HOME", "/a"}, {"XDG_DATA_HOME", "/b"}}).values.storage.dir, "/b/troupe");
  CHECK_EQ(load_environment({{"HOME", "/a"}, {"XDG_DATA_HOME", "b"}}).values.storage.dir, "/a/.local/share/troupe");
  CHECK_EQ(load_environment({}).values.storage.dir, "/var/lib/troupe");
  CHECK_EQ(load_sets({"storage.dir=data"}).values.storage.dir, "data");
}

TEST(every setting is within its own range and takes its own text and has its own variable) {
  auto s = settings{};
  auto names = std::set<std::string>{};
  for (const auto& e : schema(s)) {
    CHECK(!assign(e, {written::kind::bare, format(e.at)}).has_value());
    CHECK(names.insert(environment_name(e.key)).second);
    CHECK(!e.help.empty());
  }
  CHECK(s == settings{});
  CHECK(names.contains("TROUPE_HTTP_ADDRESS"));
  CHECK(names.contains("TROUPE_PROVIDERS_GOOGLE_CIRCUIT_OPEN"));
  for (const auto& [smaller, larger] : ordered_pairs(s))
    CHECK(smaller != larger);
}

TEST(the environment beats the file and a set beats the environment and a flag beats all) {
  const auto toml = std::string{"[cache]\nbytes = \"2MiB\"\nhot_ttl = \"2m\"\nstale_max = \"2m\"\nshards = 2\n"};
  auto request = load_request{};
  const auto directory = test::temp_directory{};
  request.file = directory.write("t.toml", toml);
  request.env = {{"TROUPE_CACHE_HOT_TTL", "3m"}, {"TROUPE_CACHE_STALE_MAX", "3m"}, {"TROUPE_CACHE_SHARDS", "3"}};
  request.sets = {"cache.stale_max=1m", "cache.stale_max=4m", "cache.shards=4"};
  request.flags = {{"--shards", "cache.shards", "5"}};
  const auto got = load(request);
  check_errors(got, {});
  CHECK_EQ(format(got.values.cache.bytes), "2MiB");
  CHECK_EQ(format(got.values.cache.hot_ttl), "3m");
  CHECK_EQ(format(got.values.cache.stale_max), "4m");
  CHECK_EQ(got.values.cache.shards, 5);
}

TEST(a file of each type loads) {
  const auto got = load_text("[http]\naddress = \"[::]:80\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n"
                             "[limits.client]\nenabled = false\nsearch = \"7/1m\"\n"
                             "[providers.google]\nurl = \"http://127.0.0.1:9000/g/\"\ncircuit.failures = 9\n"
                             "[routes]\nsearch.strategy = \"fallback\"\n[log]\nlevel = \"debug\"\nformat = \"json\"\n");
  check_errors(got, {});
  CHECK(got.values.http.address == (address{"::", 80}));
  CHECK(got.values.http.trusted_proxies.list == (texts{"10.0.0.0/8", "::1"}));
  CHECK(!got.values.limits.client.enabled);
  CHECK_EQ(got.values.limits.client.search.count, 7);
  CHECK_EQ(got.values.providers.at("google").url.text, "http://127.0.0.1:9000/g");
  CHECK_EQ(got.values.providers.at("google").circuit.failures, 9);
  CHECK_EQ(got.values.providers.at("openlibrary").circuit.failures, 5);
  CHECK(got.values.routes.search.strategy == strategy::fallback);
  CHECK(got.values.log.level == log_level::debug && got.values.log.format == log_format::json);
}

TEST(an error in the file names line and column and key and what was expected and what was found) {
  check_errors(load_text("[cache]\n  bytes = \"lots\"\n"),
    {"t.toml:2:11: cache.bytes: expected a size such as 256MiB, got \"lots\""});
}

TEST(every error of the file is reported in its order) {
  check_errors(load_text("[http]\n"
                         "address = \"8787\"\n"
                         "threads = \"4\"\n"
                         "max_connections = 0\n"
                         "trusted_proxies = [\"10.0.0.0/8\", \"me\"]\n"
                         "[request]\n"
                         "deadline = 10\n"
                         "[limits.client]\n"
                         "enabled = 1\n"
                         "search = \"100\"\n"
                         "[cache]\n"
                         "hot_ttl = \"1000d\"\n"
                         "bytes = \"1kB\"\n"
                         "shards = 1.5\n"
                         "[routes.search]\n"
                         "strategy = \"best\"\n"
                         "[log]\n"
                         "level = \"loud\"\n"
                         "format = \"xml\"\n"
                         "[providers.google]\n"
                         "url = \"https://me:pw@example.com\"\n"
                         "rate = [1]\n"
                         "[storage]\n"
                         "dir = \"a\\nb\"\n"),
    {
      "t.toml:2:11: http.address: expected ADDR:PORT such as 127.0.0.1:8787 or [::1]:8787, got \"8787\"",
      "t.toml:3:11: http.threads: expected a whole number from 0 to 1024, got \"4\"",
      "t.toml:4:19: http.max_connections: expected a whole number from 1 to 1000000, got 0",
      "t.toml:5:19: http.trusted_proxies: expected a list of IP addresses and ranges such as 10.0.0.0/8, got "
      "\"10.0.0.0/8,me\"",
      "t.toml:7:12: request.deadline: expected a duration such as 10s, got 10",
      "t.toml:9:11: limits.client.enabled: expected true or false, got 1",
      "t.toml:10:10: limits.client.search: expected a quota such as 100/60s, its time in whole seconds, got \"100\"",
      "t.toml:12:11: cache.hot_ttl: expected a duration from 0s to 365d, got \"1000d\"",
      "t.toml:13:9: cache.bytes: expected a size from 1MiB to 1TiB, got \"1kB\"",
      "t.toml:14:10: cache.shards: expected a whole number from 0 to 1024, got a number with a fraction",
      "t.toml:16:12: routes.search.strategy: expected merge or fallback, got \"best\"",
      "t.toml:18:9: log.level: expected trace, debug, info, warn or error, got \"loud\"",
      "t.toml:19:10: log.format: expected pretty or json, got \"xml\"",
      "t.toml:21:7: providers.google.url: expected an http or https URL without query and credentials such as "
      "https://api.example.com, got \"https://***@example.com\"",
      "t.toml:22:8: providers.google.rate: expected a whole number from 1 to 1000000, got a list with more than texts "
      "in it",
      "t.toml:24:7: storage.dir: expected a text without control characters, got \"a\\x0ab\"",
    });
}

TEST(an unknown key is an error with the nearest known name) {
  check_errors(
    load_text("loglevel = true\n[cache]\nhot_tll = \"1h\"\n[provider.google]\nrate = 1\n[providers.gogle]\nrate = 1\n"
              "[http]\naddress.port = 1\n[limits]\nglobal = 5\n"),
    {
      "t.toml:1:1: loglevel: no such setting; the nearest is log.level",
      "t.toml:3:1: cache.hot_tll: no such setting; the nearest is cache.hot_ttl",
      "t.toml:4:2: provider: no such table; the nearest is providers",
      "t.toml:6:12: providers.gogle: no such table; the nearest is providers.google",
      "t.toml:9:1: http.address: expected ADDR:PORT such as 127.0.0.1:8787 or [::1]:8787, got a table",
      "t.toml:11:10: limits.global: expected a table, got 5",
    });
}

TEST(a file that is not TOML or cannot be read is one error beside those of the other sources) {
  auto got = load_text("[http]\naddress = \n", {{"TROUPE_CACHE_BYTES", "lots"}}, {"cache.shards=many"});
  REQUIRE_EQ(got.errors.size(), 3u);
  CHECK(got.errors[0].starts_with("t.toml:2:"));
  CHECK(got.errors[0].find(": is not valid TOML: ") != std::string::npos);
  CHECK_EQ(got.errors[1], "TROUPE_CACHE_BYTES: expected a size such as 256MiB, got \"lots\"");
  CHECK_EQ(got.errors[2], "--set cache.shards=many: expected a whole number from 0 to 1024, got \"many\"");
  const auto directory = test::temp_directory{};
  auto request = load_request{};
  request.file = directory.file("missing.toml");
  check_errors(load(request), {*request.file + ": cannot be read: No such file or directory"});
  request.file = directory.file("");
  check_errors(load(request), {*request.file + ": cannot be read: it is a directory"});
  request.file = "/dev/null";
  check_errors(load(request), {"/dev/null: cannot be read: it is not a regular file"});
  request.file = directory.write("huge.toml", std::string((1 << 20) + 1, '#'));
  check_errors(load(request), {*request.file + ": cannot be read: it is larger than 1 MiB"});
}

TEST(a set that is wrong is repeated with the reason) {
  check_errors(
    load_sets({"cache.bytes=lots", "cache.byte=1MiB", "cache", "http.address", "request.deadline=10", "=", ""}),
    {
      "--set cache.bytes=lots: expected a size such as 256MiB, got \"lots\"",
      "--set cache.byte=1MiB: no such setting; the nearest is cache.bytes",
      "--set cache: expected a setting, got a table",
      "--set http.address: expected KEY=VALUE",
      "--set request.deadline=10: expected a duration such as 10s, got \"10\"",
      "--set =: no such setting; the nearest is jq.memory",
      "--set : no such setting; the nearest is jq.memory",
    });
}

TEST(a flag that is wrong is repeated as it was given) {
  auto request = load_request{};
  request.flags = {{"--http", "http.address", "8787"}};
  check_errors(load(request), {"--http 8787: expected ADDR:PORT such as 127.0.0.1:8787 or [::1]:8787, got \"8787\""});
}

TEST(a variable with a slip in its name is an error and a strange one is a warning) {
  const auto got = load_environment({{"TROUPE_HTTP_ADRESS", "127.0.0.1:1"}, {"TROUPE_SERVICE_HOST", "10.0.0.1"},
    {"TROUPE_PORT_8787_TCP", "tcp://10.0.0.1:8787"}, {"PATH", "/bin"}});
  check_errors(got, {"TROUPE_HTTP_ADRESS: no such setting; the nearest is TROUPE_HTTP_ADDRESS"});
  CHECK_EQ(got.warnings.size(), 2u);
}

TEST(a provider is configured from the environment) {
  const auto got = load_environment(
    {{"TROUPE_PROVIDERS_GOOGLE_URL", "http://127.0.0.1:9000/"}, {"TROUPE_PROVIDERS_OPENLIBRARY_CIRCUIT_OPEN", "1s"}});
  check_errors(got, {});
  CHECK_EQ(got.values.providers.at("google").url.text, "http://127.0.0.1:9000");
  CHECK(got.values.providers.at("openlibrary").circuit.open == std::chrono::seconds{1});
}

TEST(settings that contradict each other are reported at the one that was said later) {
  check_errors(load_sets({"request.deadline=1s"}),
    {
      "--set request.deadline=1s: expected at least providers.google.attempt_timeout (3s), got 1s",
      "--set request.deadline=1s: expected at least providers.isbndb.attempt_timeout (3s), got 1s",
      "--set request.deadline=1s: expected at least providers.openlibrary.attempt_timeout (3s), got 1s",
    });
  check_errors(load_text("[providers.google]\nattempt_timeout = \"30s\"\n[routes.search]\nmax_limit = 10\n"),
    {
      "t.toml:4:13: routes.search.max_limit: expected at least routes.search.default_limit (40), got 10",
      "t.toml:2:19: providers.google.attempt_timeout: expected at most request.deadline (10s), got 30s",
    });
  check_errors(load_environment({{"TROUPE_PROVIDERS_GOOGLE_CONNECT_TIMEOUT", "4s"}}),
    {"TROUPE_PROVIDERS_GOOGLE_CONNECT_TIMEOUT: expected at most providers.google.attempt_timeout (3s), got 4s"});
  check_errors(
    load_sets({"request.deadline=1s", "providers.google.attempt_timeout=1s", "providers.isbndb.attempt_timeout=1s",
      "providers.openlibrary.attempt_timeout=500ms", "providers.openlibrary.connect_timeout=500ms"}),
    {});
}

TEST(a setting that needs another is reported where it was given) {
  check_errors(load_text("[http.tls]\ncertificate = \"a.crt\"\n"),
    {"t.toml:2:15: http.tls.certificate: expected http.tls.key beside it"});
  check_errors(
    load_sets({"http.tls.key=a.key"}), {"--set http.tls.key=a.key: expected http.tls.certificate beside it"});
  check_errors(load_sets({"routes.search.auth=key"}),
    {"--set routes.search.auth=key: expected auth.keys_file beside it: without keys nobody could ask"});
  check_errors(load_sets({"routes.details.auth=key", "auth.keys_file=keys.toml"}), {});
}

TEST(origins are as browsers send them) {
  const auto got = load_sets({"routes.search.cors=https://app.example,http://localhost:5173"});
  check_errors(got, {});
  CHECK(got.values.routes.search.edge.cors.list == texts{"https://app.example", "http://localhost:5173"});
  CHECK(load_sets({"routes.search.cors=*"}).ok());
  for (const auto* bad : {"app.example", "https://app.example/", "https://App.example", "https://app.example:443",
         "http://app.example:80", "null", "https://*.example", "https://app.example,"})
    CHECK(!load_sets({std::string{"routes.search.cors="} + bad}).ok());
}

TEST(no error repeats the credentials of a URL) {
  const auto expected =
    std::string{": expected an http or https URL without query and credentials such as https://api.example.com, got "};
  check_errors(load_sets({"providers.google.url=https://me:p@ss@h"}),
    {"--set providers.google.url=https://***@h" + expected + "\"https://***@h\""});
}

TEST(a value that is not one is not compared as well) {
  check_errors(load_sets({"request.deadline=soon"}),
    {"--set request.deadline=soon: expected a duration such as 10s, got \"soon\""});
}

TEST(a long or unprintable value is shown in part) {
  const auto long_value = std::string(100, 'x');
  check_errors(load_environment({{"TROUPE_CACHE_BYTES", long_value}, {"TROUPE_LOG_LEVEL", "a\x1b[31m"}}),
    {
      "TROUPE_CACHE_BYTES: expected a size such as 256MiB, got \"" + std::string(60, 'x') + "...\"",
      "TROUPE_LOG_LEVEL: expected trace, debug, info, warn or error, got \"a\\x1b[31m\"",
    });
}
