// What becomes of cron expressions where clocks are set. All times shown are on the wall, with the offset from UTC.
#define TEST_SUITE cron.clock_change
#include "tests/support/test.hpp"

#include "apps/cron/expression.hpp"
#include "tests/support/results.hpp"

#include <cstdio>
#include <random>
#include <set>

using namespace troupe;
using namespace troupe::cron;
using namespace std::chrono;

namespace {

using texts = std::vector<std::string>;

time_zone zone(std::string_view name) {
  return test::value_of(time_zone::named(name));
}

expression parsed(std::string_view text) {
  return test::value_of(expression::parse(text));
}

/// Midnight UTC.
sys_seconds midnight(int y, unsigned m, unsigned d) {
  return sys_days{year{y} / month{m} / day{d}};
}

/// "29 02:30 +60": day, time and minutes from UTC.
std::string on_wall(sys_seconds t, const time_zone& z) {
  const auto offset = z.offset_at(t);
  const auto local = t + offset;
  const auto date = floor<days>(local);
  const hh_mm_ss time{local - date};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%02u %02d:%02d %+d", static_cast<unsigned>(year_month_day{date}.day()),
    static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
    static_cast<int>(offset / minutes{1}));
  return text.data();
}

/// All times from one midnight UTC until before another.
texts times(std::string_view text, const time_zone& z, sys_seconds from, sys_seconds until) {
  const auto e = parsed(text);
  texts out;
  for (auto t = e.next(from - seconds{1}, z); t && *t < until; t = e.next(*t, z))
    out.push_back(on_wall(*t, z));
  return out;
}

/// Sunday 29 March 2026: at 02:00 the clocks in Berlin are set to 03:00. Sunday 25 October: at 03:00 to 02:00.
texts spring(std::string_view text) {
  return times(text, zone("Europe/Berlin"), midnight(2026, 3, 28), midnight(2026, 3, 31));
}
texts autumn(std::string_view text) {
  return times(text, zone("Europe/Berlin"), midnight(2026, 10, 24), midnight(2026, 10, 27));
}

} // namespace

TEST(a time of day that is skipped runs once when the clocks are set) {
  CHECK_EQ(spring("30 2 * * *"), (texts{"28 02:30 +60", "29 03:00 +120", "30 02:30 +120"}));
  CHECK_EQ(spring("0 2 * * *"), (texts{"28 02:00 +60", "29 03:00 +120", "30 02:00 +120"}));
  CHECK_EQ(spring("0,20,40 2 29 * *"), texts{"29 03:00 +120"}); // three times are one run
  CHECK_EQ(spring("0 2,3 29 * *"), texts{"29 03:00 +120"});     // and so is the one that is due then
  CHECK_EQ(spring("59 1 29 * *"), texts{"29 01:59 +60"});
  CHECK_EQ(spring("0 3 29 * *"), texts{"29 03:00 +120"});
  CHECK_EQ(spring("30 2 28 * *"), texts{"28 02:30 +60"}); // not due on the day
}

TEST(a time of day that comes twice runs the first time) {
  CHECK_EQ(autumn("30 2 * * *"), (texts{"24 02:30 +120", "25 02:30 +120", "26 02:30 +60"}));
  CHECK_EQ(autumn("0 2,3 25 * *"), (texts{"25 02:00 +120", "25 03:00 +60"}));
  CHECK_EQ(autumn("59 2 25 * *"), texts{"25 02:59 +120"});
}

TEST(a time of day that comes twice runs no more when it is asked for within the second) {
  const auto berlin = zone("Europe/Berlin");
  const auto second_230 = midnight(2026, 10, 25) + hours{1} + minutes{30}; // 02:30 +60
  CHECK_EQ(on_wall(second_230, berlin), "25 02:30 +60");
  CHECK_EQ(on_wall(*parsed("45 2 * * *").next(second_230, berlin), berlin), "26 02:45 +60");
  CHECK_EQ(on_wall(*parsed("*/15 2 * * *").next(second_230, berlin), berlin), "25 02:45 +60");
}

TEST(an interval skips what is skipped and repeats what comes twice) {
  CHECK_EQ(spring("*/30 1-3 29 * *"), (texts{"29 01:00 +60", "29 01:30 +60", "29 03:00 +120", "29 03:30 +120"}));
  CHECK_EQ(autumn("*/30 2 25 * *"), (texts{"25 02:00 +120", "25 02:30 +120", "25 02:00 +60", "25 02:30 +60"}));
  CHECK_EQ(spring("@hourly").size(), 72u);
  CHECK_EQ(autumn("*/15 * * * *").size(), 72u * 4);
  CHECK_EQ(spring("30 */2 29 * *").front(), "29 00:30 +60");
  CHECK_EQ(spring("30 */2 29 * *").at(1), "29 04:30 +120"); // 02:30 is no time on that day
}

TEST(an interval that is only ever skipped is never due) {
  // Sundays from the 25th to the 31st of March, from 02:00 to 02:59: the hour that Berlin skips
  CHECK(!parsed("*/5 2 25-31 3 */7").next(midnight(2026, 1, 1), zone("Europe/Berlin")).has_value());
  CHECK(parsed("*/5 2 25-31 3 */7").next(midnight(2026, 1, 1)).has_value());
}

TEST(midnight may be what is skipped) {
  // at midnight of Sunday 4 November 2018 the clocks in Sao Paulo were set to 01:00
  const auto z = zone("America/Sao_Paulo");
  CHECK_EQ(times("@daily", z, midnight(2018, 11, 3), midnight(2018, 11, 6)),
    (texts{"03 00:00 -180", "04 01:00 -120", "05 00:00 -120"}));
}

TEST(clocks may be set by half an hour) {
  const auto z = zone("Australia/Lord_Howe");
  CHECK_EQ(times("15 2 * * *", z, midnight(2026, 10, 2), midnight(2026, 10, 5)),
    (texts{"03 02:15 +630", "04 02:30 +660", "05 02:15 +660"}));
  CHECK_EQ(times("45 1 * * *", z, midnight(2026, 4, 3), midnight(2026, 4, 6)),
    (texts{"04 01:45 +660", "05 01:45 +660", "06 01:45 +630"}));
}

TEST(a day that a country skips is not made up for) {
  // Samoa went from Thursday 29 to Saturday 31 December 2011
  CHECK_EQ(times("0 12 * * *", zone("Pacific/Apia"), midnight(2011, 12, 29), midnight(2011, 12, 31)),
    (texts{"29 12:00 -600", "31 12:00 +840"}));
}

TEST(a zone without changes is its offset) {
  CHECK_EQ(times("0 0 * * *", zone("Asia/Kolkata"), midnight(2026, 3, 1), midnight(2026, 3, 3)),
    (texts{"02 00:00 +330", "03 00:00 +330"}));
  CHECK_EQ(times("30 2 * * *", time_zone{}, midnight(2026, 3, 29), midnight(2026, 3, 30)), texts{"29 02:30 +0"});
}

TEST(far in the future clocks are set as now) {
  CHECK_EQ(times("30 2 * * *", zone("America/New_York"), midnight(2060, 3, 14), midnight(2060, 3, 16)),
    (texts{"14 03:00 -240", "15 02:30 -240"}));
}

TEST(every expression is due when a walk through all minutes says so) {
  std::mt19937 random{5};
  const auto some = [&](int low, int high, int most) {
    std::set<int> values;
    for (auto count = 1 + static_cast<int>(random()) % most; count > 0 || values.empty(); --count)
      values.insert(low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1)));
    return values;
  };
  const auto list = [](const std::set<int>& values) {
    std::string text;
    for (const int value : values)
      text += (text.empty() ? "" : ",") + std::to_string(value);
    return text;
  };
  struct span {
    const char* zone;
    sys_seconds from;
  };
  for (const auto& [name, from] : {span{"Europe/Berlin", midnight(2026, 3, 28)},
         span{"Europe/Berlin", midnight(2026, 10, 24)}, span{"America/New_York", midnight(2026, 3, 7)},
         span{"America/New_York", midnight(2026, 10, 31)}, span{"Australia/Lord_Howe", midnight(2026, 10, 2)},
         span{"Australia/Lord_Howe", midnight(2026, 4, 3)}, span{"America/Sao_Paulo", midnight(2018, 11, 3)}}) {
    const auto z = zone(name);
    const auto until = from + days{3};
    // every minute with its time on the wall
    std::vector<std::pair<sys_seconds, sys_seconds>> walk;
    for (auto t = from; t < until; t += minutes{1})
      walk.emplace_back(t, t + z.offset_at(t));
    for (int i = 0; i < 60; ++i) {
      const bool interval = i % 3 == 0;
      const auto hour_set = some(0, 4, 5);
      const auto minute_set = some(0, 59, 4);
      const auto due_on_wall = [&](sys_seconds wall) {
        const hh_mm_ss time{wall - floor<days>(wall)};
        const auto minute = static_cast<int>(time.minutes().count());
        return hour_set.contains(static_cast<int>(time.hours().count()))
               && (interval ? minute % 7 == 0 : minute_set.contains(minute));
      };
      std::set<sys_seconds> expected;
      if (interval) {
        for (const auto& [t, wall] : walk)
          if (due_on_wall(wall))
            expected.insert(t);
      } else { // each time of day at the first minute at which the wall shows it or more
        for (auto wall = walk.front().second; wall < walk.back().second; wall += minutes{1})
          if (due_on_wall(wall))
            expected.insert(
              std::find_if(walk.begin(), walk.end(), [&](const auto& w) { return w.second >= wall; })->first);
      }
      const auto text = (interval ? "*/7" : list(minute_set)) + " " + list(hour_set) + " * * *";
      const auto e = parsed(text);
      std::set<sys_seconds> found;
      for (auto t = e.next(from - seconds{1}, z); t && *t < until; t = e.next(*t, z))
        found.insert(*t);
      // the last minutes of the walk are left out: what is due there may be shown after it
      std::erase_if(expected, [&](sys_seconds t) { return t >= until - hours{2}; });
      std::erase_if(found, [&](sys_seconds t) { return t >= until - hours{2}; });
      if (found != expected)
        CHECK_EQ(std::string{name} + " " + text + ": " + std::to_string(found.size()),
          std::string{name} + " " + text + ": as walked, " + std::to_string(expected.size()));
    }
  }
}
