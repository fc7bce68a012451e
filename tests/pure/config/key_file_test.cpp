#define TEST_SUITE config_key_file
#include "tests/support/test.hpp"

#include "apps/config/key_file.hpp"

using namespace troupe::config;

namespace {

const std::vector<std::string> routes{"search", "details"};
const std::string digest(64, 'a');

struct parsed {
  std::vector<listed_key> keys;
  std::vector<std::string> errors;
};

parsed parse_text(const std::string& text) {
  parsed out;
  out.keys = parse_key_file(text, "keys.toml", routes, out.errors);
  return out;
}

std::string only_error(const std::string& text) {
  const auto p = parse_text(text);
  CHECK(p.keys.empty());
  return p.errors.size() == 1 ? p.errors.front() : "not one error but " + std::to_string(p.errors.size());
}

} // namespace

TEST(what is formatted is parsed to the same) {
  quota limit;
  REQUIRE(parse("1000/60s", limit));
  const auto p = parse_text(
    format_key("mobile", digest, {"search"}, limit) + format_key("partner.1", std::string(64, 'b'), {}, std::nullopt));
  CHECK(p.errors.empty());
  REQUIRE_EQ(p.keys.size(), 2u);
  CHECK_EQ(p.keys[0].name, "mobile");
  CHECK_EQ(static_cast<int>(p.keys[0].digest[31]), 0xaa);
  CHECK(p.keys[0].routes == std::vector<std::string>{"search"});
  CHECK(p.keys[0].limit == limit);
  CHECK(p.keys[1].routes.empty());
  CHECK(!p.keys[1].limit);
  CHECK(parse_text("").keys.empty());
}

TEST(a mistake is told with its place and without its value) {
  const auto key = [](const std::string& rest) { return "[[keys]]\n" + rest; };
  const auto good = "name = \"a\"\nsha256 = \"" + digest + "\"\n";
  CHECK_EQ(only_error(key("name = \"a\"\nsha256 = \"troupe_secret\"\n")),
    "keys.toml:3:10: keys.sha256: expected 64 lower-case hex digits that no other key has");
  CHECK_EQ(only_error(key("name = \"a b\"\nsha256 = \"" + digest + "\"\n")),
    "keys.toml:2:8: keys.name: expected a name of its own: 1 to 32 letters, digits, '-', '_' and '.'");
  CHECK_EQ(only_error(key(good + "route = [\"search\"]\n")),
    "keys.toml:4:1: keys.route: no such member; the nearest is routes");
  CHECK_EQ(only_error(key(good + "routes = [\"serach\"]\n")),
    "keys.toml:4:11: keys.routes: expected a list of search, details");
  CHECK_EQ(only_error(key(good + "routes = []\n")), "keys.toml:4:10: keys.routes: expected a list of search, details");
  CHECK_EQ(
    only_error(key(good + "limit = \"many\"\n")), "keys.toml:4:9: keys.limit: expected a quota such as 1000/60s");
  CHECK_EQ(only_error(key("name = \"a\"\n")), "keys.toml:1:1: keys.sha256: is missing");
  CHECK_EQ(only_error("[keys]\nname = \"a\"\n"), "keys.toml:1:1: keys: expected [[keys]] tables");
  CHECK_EQ(only_error("key = 1\n"), "keys.toml:1:1: key: no such setting here; expected [[keys]] tables");
  const auto broken = only_error("[[keys]]\nsha256 = troupe_secret\n");
  CHECK(broken.ends_with(": is not valid TOML"));
}

TEST(names and hashes are unique) {
  const auto one = [](const std::string& name, char c) {
    return format_key(name, std::string(64, c), {}, std::nullopt);
  };
  CHECK_EQ(parse_text(one("a", '1') + one("a", '2')).errors.size(), 1u);
  CHECK_EQ(parse_text(one("a", '1') + one("b", '1')).errors.size(), 1u);
}
