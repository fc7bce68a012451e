#define TEST_SUITE config_schedules
#include "tests/support/test.hpp"

#include "apps/config/load.hpp"
#include "tests/support/temp_directory.hpp"

using namespace troupe;
using namespace troupe::config;
using namespace std::chrono_literals;

namespace {

loaded load_text(const std::string& toml) {
  const auto directory = test::temp_directory{};
  const auto path = directory.write("t.toml", toml);
  auto out = load({.file = path, .env = {}, .sets = {}, .flags = {}, .secrets_file = {}});
  for (auto& each : out.errors)
    if (each.starts_with(path))
      each = "t.toml" + each.substr(path.size());
  return out;
}

/// What is wrong with a schedule that has this line beside a name, an expression and a task.
std::string complaint(const std::string& line) {
  auto whole = std::string{"[[schedules]]\n"} + line + "\n";
  for (const auto& [key, text] : {std::pair{"name", "a"}, {"cron", "@daily"}, {"task", "warm"}})
    if (!line.starts_with(key))
      whole += std::string{key} + " = \"" + text + "\"\n";
  const auto got = load_text(whole);
  return got.errors.empty() ? "nothing" : got.errors.front();
}

} // namespace

TEST(without any the schedules are the built-in ones) {
  const auto got = load_text("");
  REQUIRE(got.ok());
  CHECK(got.values.schedules == default_schedules());
  const auto defaults = default_schedules();
  REQUIRE_EQ(defaults.size(), 3u);
  const auto& warm = defaults.front();
  CHECK_EQ(warm.cron, "*/15 * * * *"); // S2-29
  CHECK_EQ(warm.zone, "UTC");
  CHECK(warm.missed == missed_runs::run_once);
  CHECK_EQ(defaults[1].cron, "0 2 * * *"); // S2-30
  CHECK_EQ(defaults.back().task, "purge");
}

TEST(one schedule in the file takes the place of all built-in ones) {
  const auto got = load_text(R"(
[[schedules]]
name = "night"
cron = "30 3 * * mon-fri"
zone = "Europe/Berlin"
missed = "skip"
task = "verify"
deadline = "20m"
)");
  REQUIRE(got.ok());
  REQUIRE_EQ(got.values.schedules.size(), 1u);
  CHECK(got.values.schedules.front()
        == (schedule{"night", "30 3 * * mon-fri", "verify", "Europe/Berlin", missed_runs::skip, 20min}));
}

TEST(an empty list leaves no schedule) {
  const auto got = load_text("schedules = []\n");
  REQUIRE(got.ok());
  CHECK(got.values.schedules.empty());
}

TEST(a mistake in a schedule is told with its place and what was expected) {
  CHECK_EQ(complaint(R"(cron = "0 25 * * *")"),
    R"(t.toml:2:8: schedules.cron: hour (character 3): expected *, 0 to 23, got "25")");
  CHECK_EQ(complaint(R"(cron = "* * *")"),
    "t.toml:2:8: schedules.cron: expected five fields (minute, hour, day of month, month, day of week) or a name such "
    "as @daily, got 3 fields");
  CHECK_EQ(complaint("cron = 5"), "t.toml:2:8: schedules.cron: expected a text without control characters, got 5");
  CHECK_EQ(complaint(R"(zone = "Mars/Base")"),
    "t.toml:2:8: schedules.zone: time zone: expected UTC or a name such as Europe/Berlin, got \"Mars/Base\", which the "
    "database does not have");
  CHECK_EQ(
    complaint(R"(missed = "never")"), R"(t.toml:2:10: schedules.missed: expected run_once or skip, got "never")");
  CHECK_EQ(
    complaint(R"(task = "dance")"), R"(t.toml:2:8: schedules.task: expected warm, verify or purge, got "dance")");
  CHECK_EQ(complaint(R"(name = "A b")"),
    R"(t.toml:2:8: schedules.name: expected a name of small letters, digits and _, got "A b")");
  CHECK_EQ(complaint(R"(deadline = "0s")"),
    R"(t.toml:2:12: schedules.deadline: expected a duration from 1s to 24h, got "0s")");
  CHECK_EQ(complaint(R"(crom = "x")"), "t.toml:2:1: schedules.crom: no such setting; the nearest is schedules.cron");
  CHECK_EQ(load_text("schedules = 5\n").errors.front(),
    "t.toml:1:13: schedules: expected tables that begin with [[schedules]], in double brackets, got 5");
  const auto bare = load_text("[[schedules]]\n");
  REQUIRE_EQ(bare.errors.size(), 3u);
  CHECK_EQ(bare.errors.front(), "t.toml:1:1: schedules.name: missing");
  const auto twice = load_text("[[schedules]]\nname = \"a\"\ncron = \"@daily\"\ntask = \"warm\"\n"
                               "[[schedules]]\nname = \"a\"\ncron = \"@daily\"\ntask = \"warm\"\n");
  REQUIRE_EQ(twice.errors.size(), 1u);
  CHECK(twice.errors.front().starts_with("t.toml:5:1: schedules.name: there is a schedule a at /"));
  CHECK(twice.errors.front().ends_with("t.toml:1:1"));
}
