#define TEST_SUITE cron.expression
#include "tests/support/test.hpp"

#include "apps/cron/expression.hpp"
#include "tests/support/results.hpp"

#include <cstdio>

using namespace troupe;
using namespace troupe::cron;
using namespace std::chrono;

namespace {

using texts = std::vector<std::string>;

expression parsed(std::string_view text) {
  return test::value_of(expression::parse(text));
}

std::string error_of(std::string_view text) {
  return test::error_of(expression::parse(text)).message;
}

/// Noon by default: "2026-03-29 12:00".
sys_seconds at(int y, unsigned m, unsigned d, int hour = 12, int minute = 0, int second = 0) {
  return sys_days{year{y} / month{m} / day{d}} + hours{hour} + minutes{minute} + seconds{second};
}

/// "Sun 2026-03-29 01:00", in UTC.
std::string shown(std::optional<sys_seconds> t) {
  if (!t)
    return "never";
  constexpr std::array names{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  const auto day = floor<days>(*t);
  const year_month_day date{day};
  const hh_mm_ss time{*t - day};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s %04d-%02u-%02u %02d:%02d", names.at(weekday{day}.c_encoding()),
    static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
    static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()));
  return std::string{text.data()} + (time.seconds().count() == 0 ? "" : " and seconds");
}

/// The next so many times.
texts times(std::string_view text, sys_seconds after, int count) {
  const auto e = parsed(text);
  texts out;
  std::optional<sys_seconds> t = after;
  for (int i = 0; i < count && t; ++i)
    out.push_back(shown(t = e.next(*t)));
  return out;
}

} // namespace

TEST(stars and values and lists and ranges and steps) {
  const auto from = at(2026, 1, 1, 0, 0); // a Thursday
  CHECK_EQ(times("* * * * *", from, 2), (texts{"Thu 2026-01-01 00:01", "Thu 2026-01-01 00:02"}));
  CHECK_EQ(times("*/15 * * * *", from, 4),
    (texts{"Thu 2026-01-01 00:15", "Thu 2026-01-01 00:30", "Thu 2026-01-01 00:45", "Thu 2026-01-01 01:00"}));
  CHECK_EQ(times("0 2 * * *", from, 2), (texts{"Thu 2026-01-01 02:00", "Fri 2026-01-02 02:00"}));
  CHECK_EQ(times("5,10-12,50-58/4 7 * * *", from, 7),
    (texts{"Thu 2026-01-01 07:05", "Thu 2026-01-01 07:10", "Thu 2026-01-01 07:11", "Thu 2026-01-01 07:12",
      "Thu 2026-01-01 07:50", "Thu 2026-01-01 07:54", "Thu 2026-01-01 07:58"}));
  CHECK_EQ(times("0 22-23 31 */6 *", from, 3),
    (texts{"Sat 2026-01-31 22:00", "Sat 2026-01-31 23:00", "Fri 2026-07-31 22:00"}));
  CHECK_EQ(times(" 0\t0 1 1 * ", from, 1), texts{"Fri 2027-01-01 00:00"});
}

TEST(names stand for months and days in any case and within ranges) {
  const auto from = at(2026, 1, 1);
  CHECK_EQ(
    times("0 0 1 feb,APR-Jun *", from, 5), (texts{"Sun 2026-02-01 00:00", "Wed 2026-04-01 00:00",
                                             "Fri 2026-05-01 00:00", "Mon 2026-06-01 00:00", "Mon 2027-02-01 00:00"}));
  CHECK_EQ(times("0 0 * * mon-Wed", from, 4),
    (texts{"Mon 2026-01-05 00:00", "Tue 2026-01-06 00:00", "Wed 2026-01-07 00:00", "Mon 2026-01-12 00:00"}));
  for (auto weekend : {"0 0 * * sat-sun", "0 0 * * 6-7", "0 0 * * 0,6", "0 0 * * sun,sat", "0 0 * * 7,6"})
    CHECK_EQ(times(weekend, from, 3), (texts{"Sat 2026-01-03 00:00", "Sun 2026-01-04 00:00", "Sat 2026-01-10 00:00"}));
  CHECK_EQ(times("0 0 * * 0-7", from, 2), (texts{"Fri 2026-01-02 00:00", "Sat 2026-01-03 00:00"}));
}

TEST(shortcuts are what they stand for) {
  const auto from = at(2026, 1, 1, 0, 0);
  CHECK_EQ(times("@hourly", from, 1), texts{"Thu 2026-01-01 01:00"});
  CHECK_EQ(times("@daily", from, 1), texts{"Fri 2026-01-02 00:00"});
  CHECK_EQ(times("@midnight", from, 1), texts{"Fri 2026-01-02 00:00"});
  CHECK_EQ(times("@weekly", from, 1), texts{"Sun 2026-01-04 00:00"});
  CHECK_EQ(times("@Monthly", from, 1), texts{"Sun 2026-02-01 00:00"});
  CHECK_EQ(times("@yearly", from, 1), texts{"Fri 2027-01-01 00:00"});
  CHECK_EQ(times("@annually", from, 1), texts{"Fri 2027-01-01 00:00"});
  CHECK_EQ(parsed("@daily").text(), "@daily");
}

TEST(either day field will do when both are restricted) {
  const auto from = at(2026, 1, 1);
  CHECK_EQ(times("0 0 13 * 5", from, 4),
    (texts{"Fri 2026-01-02 00:00", "Fri 2026-01-09 00:00", "Tue 2026-01-13 00:00", "Fri 2026-01-16 00:00"}));
  // and both must when one begins with a star
  CHECK_EQ(
    times("0 0 */2 * 1", from, 3), (texts{"Mon 2026-01-05 00:00", "Mon 2026-01-19 00:00", "Mon 2026-02-09 00:00"}));
  CHECK_EQ(times("0 0 13 * */7", from, 1), texts{"Sun 2026-09-13 00:00"});
  // a day that no month has does not matter when the day of the week will do
  CHECK_EQ(times("0 0 31 2 1", from, 2), (texts{"Mon 2026-02-02 00:00", "Mon 2026-02-09 00:00"}));
}

TEST(the next time is after the given one whatever its seconds) {
  CHECK_EQ(shown(parsed("0 * * * *").next(at(2026, 1, 1, 5, 0, 0))), "Thu 2026-01-01 06:00");
  CHECK_EQ(shown(parsed("0 * * * *").next(at(2026, 1, 1, 4, 59, 59))), "Thu 2026-01-01 05:00");
  CHECK_EQ(shown(parsed("0 * * * *").next(at(2026, 1, 1, 5, 0, 1))), "Thu 2026-01-01 06:00");
  CHECK_EQ(shown(parsed("59 23 31 12 *").next(at(2026, 12, 31, 23, 59, 0))), "Fri 2027-12-31 23:59");
}

TEST(leap days are found however far they are) {
  CHECK_EQ(times("0 0 29 2 *", at(2026, 1, 1), 2), (texts{"Tue 2028-02-29 00:00", "Sun 2032-02-29 00:00"}));
  CHECK_EQ(times("0 0 29 2 *", at(2097, 1, 1), 1), texts{"Fri 2104-02-29 00:00"});   // 2100 is none
  CHECK_EQ(times("0 0 29 2 */7", at(2088, 3, 1), 1), texts{"Sun 2128-02-29 00:00"}); // a Sunday again after 40 years
  CHECK_EQ(times("0 0 31 * *", at(2026, 3, 31), 2), (texts{"Sun 2026-05-31 00:00", "Fri 2026-07-31 00:00"}));
}

TEST(a day that no month has is an error) {
  CHECK_EQ(
    error_of("0 0 30 2 *"), "cron: day of month (character 5): expected a day that one of the months has, got \"30\"");
  CHECK_EQ(error_of("0 0 30-31 feb *"),
    "cron: day of month (character 5): expected a day that one of the months has, got \"30-31\"");
  CHECK_EQ(error_of("0 0 31 2,4,6,9,11 */2"),
    "cron: day of month (character 5): expected a day that one of the months has, got \"31\"");
  CHECK(expression::parse("0 0 31 2,3 *").has_value());
}

TEST(an error names the field and its place and what was expected) {
  CHECK_EQ(error_of("60 * * * *"), "cron: minute (character 1): expected *, 0 to 59, got \"60\"");
  CHECK_EQ(error_of("* 25 * * *"), "cron: hour (character 3): expected *, 0 to 23, got \"25\"");
  CHECK_EQ(error_of("*  * 0 * *"), "cron: day of month (character 6): expected *, 1 to 31, got \"0\"");
  CHECK_EQ(error_of("* * * 1-13 *"), "cron: month (character 9): expected 1 to 12 or jan to dec, got \"13\"");
  CHECK_EQ(error_of("* * * janu *"), "cron: month (character 7): expected *, 1 to 12 or jan to dec, got \"janu\"");
  CHECK_EQ(error_of("* * * * 8"), "cron: day of week (character 9): expected *, 0 to 7 or sun to sat, got \"8\"");
  CHECK_EQ(error_of("1,,2 * * * *"), "cron: minute (character 3): expected *, 0 to 59, got nothing");
  CHECK_EQ(error_of("1, * * * *"), "cron: minute (character 3): expected *, 0 to 59, got nothing");
  CHECK_EQ(error_of("10-5 * * * *"), "cron: minute (character 4): expected a range that ascends, got \"10-5\"");
  CHECK_EQ(
    error_of("* * * * sat-mon"), "cron: day of week (character 13): expected a range that ascends, got \"sat-mon\"");
  CHECK_EQ(error_of("*/0 * * * *"), "cron: minute (character 3): expected a step from 1 to 59, got \"0\"");
  CHECK_EQ(error_of("* */24 * * *"), "cron: hour (character 5): expected a step from 1 to 23, got \"24\"");
  CHECK_EQ(error_of("*/ * * * *"), "cron: minute (character 3): expected a step from 1 to 59, got nothing");
  CHECK_EQ(error_of("5/15 * * * *"),
    "cron: minute (character 2): expected a range before a step, such as 5-59/2, got \"5/15\"");
  CHECK_EQ(error_of("*5 * * * *"), "cron: minute (character 2): expected a comma, or the next field, got \"5\"");
  CHECK_EQ(error_of("* * L * *"), "cron: day of month (character 5): expected *, 1 to 31, got \"L\"");
  CHECK_EQ(error_of("* * ? * *"), "cron: day of month (character 5): expected *, 1 to 31, got \"?\"");
  CHECK_EQ(error_of("+1 * * * *"), "cron: minute (character 1): expected *, 0 to 59, got \"+1\"");
  CHECK_EQ(error_of("-1 * * * *"), "cron: minute (character 1): expected *, 0 to 59, got nothing");
  CHECK_EQ(error_of("99999999999 * * * *"), "cron: minute (character 1): expected *, 0 to 59, got \"99999999999\"");
  const std::string fields =
    "cron: expected five fields (minute, hour, day of month, month, day of week) or a name such as @daily, got ";
  CHECK_EQ(error_of(""), fields + "0 fields");
  CHECK_EQ(error_of("* * * *"), fields + "4 fields");
  CHECK_EQ(error_of("0 * * * * *"), fields + "6 fields");
  CHECK_EQ(error_of("@dayly"), "cron: character 1: expected one of @hourly, @daily, @midnight, @weekly, @monthly, "
                               "@yearly and @annually, got \"@dayly\"");
  CHECK(test::error_of(expression::parse("@reboot")).code == ec::bad_request);
}

TEST(zones are known by the names of places) {
  CHECK_EQ(test::value_of(time_zone::named("Europe/Berlin")).name(), "Europe/Berlin");
  CHECK_EQ(test::value_of(time_zone::named("UTC")).name(), "UTC");
  CHECK_EQ(test::value_of(time_zone::named("Asia/Calcutta")).offset_at(at(2026, 1, 1)), hours{5} + minutes{30});
  for (auto name : {"", "CET", "GMT+2", "Etc/GMT+2", "europe", "Berlin", "../etc/passwd", "/etc/passwd",
         "right/Europe/Berlin", "posix/Europe/Berlin"})
    CHECK_EQ(test::error_of(time_zone::named(name)).message,
      "time zone: expected UTC or a name such as Europe/Berlin, got \"" + std::string{name} + "\"");
  for (auto name : {"Europe/Berlim", "europe/berlin", "Europe/", "Europe/Berlin/x"})
    CHECK_EQ(
      test::error_of(time_zone::named(name)).message, "time zone: expected UTC or a name such as Europe/Berlin, got \""
                                                        + std::string{name} + "\", which the database does not have");
}
