// config/troupe.toml and the defaults in the code say the same, key by key.
#define TEST_SUITE config_default_file
#include "tests/support/test.hpp"

#include "apps/config/load.hpp"
#include "apps/config/schema.hpp"

#include <fmt/format.h>
#include <fstream>
#include <sstream>

using namespace troupe;
using namespace troupe::config;

namespace {

const auto* const path = TROUPE_SOURCE_DIR "/config/troupe.toml";

/// A value as the file has to write it.
std::string toml_text(const place& at) {
  if (std::holds_alternative<bool*>(at) || std::holds_alternative<std::int64_t*>(at))
    return format(at);
  const auto text = format(at);
  const bool list = std::holds_alternative<ip_ranges*>(at) || std::holds_alternative<origin_list*>(at);
  return list ? fmt::format("[{}]", text) : fmt::format("\"{}\"", text);
}

} // namespace

TEST(the file loads and equals the defaults) {
  const auto got = load({.file = path, .env = {{"HOME", "/a"}}, .sets = {}, .flags = {}, .secrets_file = {}});
  for (const auto& each : got.errors)
    CAF_MESSAGE(each);
  CHECK(got.ok());
  CHECK(got.values == load({.file = {}, .env = {{"HOME", "/a"}}, .sets = {}, .flags = {}, .secrets_file = {}}).values);
}

TEST(the file holds every key once with its default and a comment above it) {
  auto file = std::ifstream{path};
  REQUIRE(file.good());
  auto written_values = std::map<std::string, std::string>{};
  auto section = std::string{};
  auto above = std::string{};
  for (auto line = std::string{}; std::getline(file, line); above = line) {
    if (line.starts_with("["))
      section = line.substr(1, line.size() - 2) + ".";
    if (section.starts_with("[")) // a list of tables ([[services]]), which the test above compares
      continue;
    if (line.empty() || line.starts_with("[") || line.starts_with("#"))
      continue;
    const auto equals = line.find(" = ");
    REQUIRE(equals != std::string::npos);
    CHECK(above.starts_with("# "));
    CHECK(written_values.emplace(section + line.substr(0, equals), line.substr(equals + 3)).second);
  }
  auto defaults = settings{};
  auto wanted = std::map<std::string, std::string>{};
  for (const auto& e : schema(defaults))
    wanted.emplace(e.key, toml_text(e.at));
  for (const auto& [key, text] : wanted) {
    const auto found = written_values.find(key);
    CHECK_EQ(key + " = " + (found != written_values.end() ? found->second : "(missing)"), key + " = " + text);
  }
  CHECK_EQ(written_values.size(), wanted.size());
}
