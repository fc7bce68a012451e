// Which service may reach which: [[services]] of a file, and lesson 11.
#define TEST_SUITE config_services
#include "tests/support/results.hpp"
#include "tests/support/test.hpp"

#include "apps/config/load.hpp"
#include "tests/support/temp_directory.hpp"

#include <algorithm>

using namespace troupe;
using namespace troupe::config;
using namespace std::chrono_literals;
using test::error_of;

namespace {

loaded load_text(const std::string& toml) {
  const test::temp_directory directory;
  return load({.file = directory.write("t.toml", toml), .env = {}, .sets = {}, .flags = {}, .secrets_file = {}});
}

// The only error, without the file's name.
std::string only_error(const std::string& toml) {
  const auto got = load_text(toml);
  if (got.errors.size() != 1)
    return std::to_string(got.errors.size()) + " errors";
  const auto at = got.errors[0].find("t.toml");
  return at == std::string::npos ? got.errors[0] : got.errors[0].substr(at);
}

std::string binding(
  const std::string& from, const std::string& name, const std::string& to, const std::string& more = {}) {
  return "[[services]]\nfrom = \"" + from + "\"\nbinding = \"" + name + "\"\nservice = \"" + to + "\"\n" + more;
}

service_binding link(const std::string& from, const std::string& to) {
  return {from, "TO_" + to, to, {}, {}};
}

std::string path_of(const std::vector<service_binding>& all) {
  const auto e = error_of(check_bindings(all));
  CHECK(e.code == ec::config_invalid);
  return e.message;
}

} // namespace

TEST(S2-05 without a word of it the services are bound as the inventory states) {
  const auto got = load_text("");
  CHECK(got.ok());
  CHECK(got.values.services == default_bindings());
  REQUIRE_EQ(default_bindings().size(), 3u);
  for (const auto& b : default_bindings()) {
    CHECK(b.from != "isbndb"); // S2-68: a leaf
    CHECK_EQ(b.failures, 3);
    CHECK(b.open == 60s);
  }
  CHECK(check_bindings(default_bindings()).has_value());
}

TEST(S2-09 a file with one binding replaces all of the defaults) {
  const auto got = load_text(binding("books-proxy", "BIO", "isbndb",
    "entrypoint = \"\"\ntimeout = \"2s\"\nfailures = 5\nopen = \"30s\"\nconcurrency = 7\nrate = 9\n"));
  CHECK(got.ok());
  REQUIRE_EQ(got.values.services.size(), 1u);
  const auto& b = got.values.services[0];
  CHECK_EQ(b.from, "books-proxy");
  CHECK_EQ(b.binding, "BIO");
  CHECK_EQ(b.service, "isbndb");
  CHECK_EQ(b.entrypoint, "");
  CHECK(b.timeout == 2s);
  CHECK_EQ(b.failures, 5);
  CHECK(b.open == 30s);
  CHECK_EQ(b.concurrency, 7);
  CHECK_EQ(b.rate, 9);
}

TEST(an empty list of services leaves none of the defaults) {
  const auto got = load_text("services = []\n");
  CHECK(got.ok());
  CHECK(got.values.services.empty());
}

TEST(a binding of the warmer has a minute unless it says another time) {
  const auto got =
    load_text(binding("cache-warmer", "A", "isbndb") + binding("cache-warmer", "B", "isbndb", "timeout = \"3s\"\n")
              + binding("books-proxy", "C", "isbndb"));
  REQUIRE_EQ(got.values.services.size(), 3u);
  CHECK(got.values.services[0].timeout == 60s);
  CHECK(got.values.services[1].timeout == 3s);
  CHECK(got.values.services[2].timeout == 10s);
}

TEST(an entrypoint that no service has is refused at start) {
  CHECK_EQ(only_error(binding("books-proxy", "A", "isbndb", "entrypoint = \"Admin\"\n")),
    "t.toml:1:1: services.entrypoint: expected none, because isbndb has its default one alone, got \"Admin\"");
}

TEST(lesson 11 services that bind each other in a circle fail at start with the path named) {
  CHECK_EQ(only_error(binding("books-proxy", "A", "isbndb") + binding("isbndb", "B", "books-proxy")),
    "t.toml:1:1: services bind each other in a circle: books-proxy -> isbndb -> books-proxy");
  CHECK_EQ(only_error(binding("isbndb", "ME", "isbndb")),
    "t.toml:1:1: services bind each other in a circle: isbndb -> isbndb");
  CHECK_EQ(path_of({link("a", "b"), link("b", "c"), link("c", "d"), link("d", "b")}),
    "services bind each other in a circle: a -> b -> c -> d -> b");
}

TEST(lesson 11 bindings deeper than three fail with the path named and three are fine) {
  const std::vector<service_binding> three{link("a", "b"), link("b", "c"), link("c", "d")};
  CHECK(check_bindings(three).has_value());
  auto four = three;
  four.push_back(link("d", "e"));
  CHECK_EQ(path_of(four), "services are bound deeper than 3: a -> b -> c -> d -> e");
  std::reverse(four.begin(), four.end()); // in whatever order they stand
  CHECK_EQ(path_of(four), "services are bound deeper than 3: a -> b -> c -> d -> e");
}

TEST(a service that is reached in two ways is no circle) {
  CHECK(check_bindings({link("a", "b"), link("a", "c"), link("b", "d"), link("c", "d")}).has_value());
  CHECK(check_bindings({}).has_value());
}

TEST(S2-14 an environment has bindings of its own in the place of those for everywhere) {
  const auto got = load_text("environment.name = \"staging\"\n" + binding("books-proxy", "X", "isbndb", "rate = 1\n")
                             + binding("books-proxy", "X", "isbndb", "rate = 2\nenv = \"staging\"\n")
                             + binding("books-proxy", "Y", "isbndb", "env = \"production\"\n"));
  CHECK(got.ok());
  CHECK_EQ(got.values.environment, "staging");
  const auto staging = bindings_in(got.values.services, "staging");
  REQUIRE_EQ(staging.size(), 1u);
  CHECK_EQ(staging[0].rate, 2);
  const auto production = bindings_in(got.values.services, "production");
  REQUIRE_EQ(production.size(), 2u);
  const auto elsewhere = bindings_in(got.values.services, "");
  REQUIRE_EQ(elsewhere.size(), 1u);
  CHECK_EQ(elsewhere[0].rate, 1);
}

TEST(a circle in an environment that this node is not in is found too) {
  CHECK(only_error(binding("books-proxy", "A", "isbndb") + binding("isbndb", "B", "books-proxy", "env = \"staging\"\n"))
          .find("in a circle: ")
        != std::string::npos);
  // Of two environments that never meet there is none.
  CHECK(load_text(
    binding("books-proxy", "A", "isbndb", "env = \"one\"\n") + binding("isbndb", "B", "books-proxy", "env = \"two\"\n"))
          .ok());
}

TEST(a name that no service has is refused) {
  CHECK_EQ(only_error(binding("proxy", "A", "isbndb")),
    "t.toml:1:1: services.from: expected cache-warmer, books-proxy or isbndb, got \"proxy\"");
  CHECK_EQ(only_error(binding("books-proxy", "A", "isbn")),
    "t.toml:1:1: services.service: expected cache-warmer, books-proxy or isbndb, got \"isbn\"");
  CHECK_EQ(only_error(binding("books-proxy", "", "isbndb")),
    "t.toml:1:1: services.binding: expected a name such as ISBNDB_WORKER");
}

TEST(a name that is taken is refused in the same environment alone) {
  const auto twice = only_error(binding("books-proxy", "A", "isbndb") + binding("books-proxy", "A", "isbndb"));
  CHECK(twice.starts_with("t.toml:5:1: services.binding: books-proxy has a binding A at "));
  CHECK(load_text(binding("books-proxy", "A", "isbndb") + binding("cache-warmer", "A", "isbndb")).ok());
}

TEST(a setting that there is none of and one out of its range are refused) {
  CHECK_EQ(only_error(binding("books-proxy", "A", "isbndb", "timeuot = \"1s\"\n")),
    "t.toml:5:1: services.timeuot: no such setting; the nearest is services.timeout");
  for (const auto* bad : {"timeout = \"0s\"\n", "failures = 0\n", "open = \"25h\"\n", "concurrency = 0\n",
         "rate = -1\n", "rate = \"fast\"\n"})
    CHECK(only_error(binding("books-proxy", "A", "isbndb", bad)).starts_with("t.toml:5:"));
}

TEST(what is no list of tables is refused) {
  CHECK(!load_text("services = 1\n").ok());
  CHECK(!load_text("[services]\nfrom = \"isbndb\"\n").ok());
}
