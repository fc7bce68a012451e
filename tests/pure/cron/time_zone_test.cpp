#define TEST_SUITE cron.time_zone
#include "tests/support/test.hpp"

#include "apps/cron/time_zone.hpp"
#include "tests/support/results.hpp"

#include <filesystem>
#include <iostream>

using namespace troupe;
using namespace troupe::cron;
using namespace std::chrono;

namespace {

sys_seconds at(int y, unsigned m, unsigned d, int hour = 0, int minute = 0) {
  return sys_days{year{y} / month{m} / day{d}} + hours{hour} + minutes{minute};
}

/// The changes of a year that a rule makes.
std::vector<clock_change> changes_in(int y, std::string_view rule) {
  zone_table table;
  REQUIRE(continue_by_rule(table, rule).has_value());
  std::vector<clock_change> out;
  for (const auto& c : table.changes)
    if (c.at >= at(y, 1, 1) && c.at < at(y + 1, 1, 1))
      out.push_back(c);
  return out;
}

std::string number(std::int64_t value, int size) {
  std::string out;
  while (size-- > 0)
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * size)));
  return out;
}

/// A file of our own: one change, from an hour east to two, and a rule.
std::string file(const std::string& rule, char version = '2') {
  const auto header = [&](int times, int types) {
    return "TZif" + std::string(1, version) + std::string(15, '\0') + number(0, 4) + number(0, 4) + number(0, 4)
           + number(times, 4) + number(types, 4) + number(types > 0 ? 4 : 0, 4);
  };
  return header(0, 0) + header(1, 2) + number(1'000'000'000, 8) + number(1, 1) + number(3600, 4) + number(0, 2)
         + number(7200, 4) + number(0, 2) + std::string("ABC\0", 4) + "\n" + rule + "\n";
}

std::string error_of(std::string_view bytes) {
  return test::error_of(read_tzif(bytes)).message;
}

} // namespace

TEST(a rule sets the clocks on a day of the week of a month) {
  CHECK_EQ(changes_in(2026, "CET-1CEST,M3.5.0,M10.5.0/3").size(), 2u);
  CHECK(changes_in(2026, "CET-1CEST,M3.5.0,M10.5.0/3")
        == (std::vector{clock_change{at(2026, 3, 29, 1), hours{1}, hours{2}},
          clock_change{at(2026, 10, 25, 1), hours{2}, hours{1}}}));
  CHECK(changes_in(2026, "EST5EDT,M3.2.0,M11.1.0")
        == (std::vector{clock_change{at(2026, 3, 8, 7), -hours{5}, -hours{4}},
          clock_change{at(2026, 11, 1, 6), -hours{4}, -hours{5}}}));
  // half an hour, south of the equator
  CHECK(changes_in(2026, "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0")
        == (std::vector{clock_change{at(2026, 4, 4, 15), hours{11}, minutes{630}},
          clock_change{at(2026, 10, 3, 15, 30), minutes{630}, hours{11}}}));
  // a time before the day and one after it
  CHECK(changes_in(2026, "<-02>2<-01>,M3.5.0/-1,M10.5.4/24")
        == (std::vector{clock_change{at(2026, 3, 29, 1), -hours{2}, -hours{1}},
          clock_change{at(2026, 10, 30, 1), -hours{1}, -hours{2}}}));
}

TEST(a rule may name days of the year or save all year or never) {
  CHECK_EQ(changes_in(2028, "AAA0BBB,J60/0,J61/0").front().at, at(2028, 3, 1)); // without the leap day
  CHECK_EQ(changes_in(2028, "AAA0BBB,59/0,61/0").front().at, at(2028, 2, 29));  // with it
  CHECK(changes_in(2026, "IST-5:30").empty());
  CHECK(changes_in(2026, "XXX3EDT4,0/0,J365/23").empty());
}

TEST(a rule that cannot be read is an error) {
  for (std::string_view rule : {"", "C", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
         "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J5", "CET-1CEST,M3.5.0,M10.5.0x",
         "<CET-1", "CET-1CEST,M3.5.0/,M10.5.0"}) {
    zone_table table;
    CHECK_EQ(test::error_of(continue_by_rule(table, rule)).message,
      "time zone rule: expected one such as CET-1CEST,M3.5.0,M10.5.0/3, got \"" + std::string{rule} + "\"");
  }
}

TEST(a file gives its changes and goes on by its rule) {
  const auto table = test::value_of(read_tzif(file("EET-2EEST,M3.5.0/3,M10.5.0/4")));
  CHECK_EQ(table.first, hours{1});
  REQUIRE(table.changes.size() > 2);
  CHECK((table.changes[0] == clock_change{sys_seconds{seconds{1'000'000'000}}, hours{1}, hours{2}}));
  CHECK((table.changes[1] == clock_change{at(2002, 3, 31, 1), hours{2}, hours{3}})); // not before the last listed
  CHECK(table.changes.back().at > at(2200, 1, 1));
  CHECK_EQ(test::value_of(read_tzif(file(""))).changes.size(), 1u);
}

TEST(a change before all time does not keep the rule from going on) {
  zone_table table;
  table.add(sys_seconds{seconds{-(std::int64_t{1} << 59)}}, hours{1});
  REQUIRE(continue_by_rule(table, "CET-1CEST,M3.5.0,M10.5.0/3").has_value());
  CHECK((table.changes.at(1) == clock_change{at(1900, 3, 25, 1), hours{1}, hours{2}}));
}

TEST(a file that is cut off or damaged is an error) {
  const auto whole = file("EET-2EEST,M3.5.0/3,M10.5.0/4");
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(!read_tzif(std::string_view{whole}.substr(0, size)).has_value());
  CHECK_EQ(error_of("text"), "time zone file: expected one that begins with TZif");
  CHECK_EQ(error_of(file("", '\0')), "time zone file: expected version 2 or later");
  CHECK(error_of(file("nonsense")).starts_with("time zone rule: expected one such as"));
  auto wild = whole;
  wild[44 + 44 + 8] = 7; // a kind that is not listed
  CHECK_EQ(error_of(wild), "time zone file: its changes are out of order");
}

TEST(the files of the system and the copy of ICU agree where rules are old) {
  if (!std::filesystem::is_directory(time_zone::system_files)) {
    std::cerr << "*** LEFT OUT: no time zone files in " << time_zone::system_files << " ***\n";
    return;
  }
  for (auto name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Europe/Dublin",
         "America/Sao_Paulo", "Pacific/Apia"}) {
    const auto mine = test::value_of(time_zone::named(name));
    const auto icu = test::value_of(time_zone::named(name, "/nonexistent"));
    auto t = at(1980, 1, 1);
    for (auto mine_next = mine.change_after(t); mine_next && t < at(2100, 1, 1); mine_next = mine.change_after(t)) {
      const auto icu_next = icu.change_after(t);
      REQUIRE(icu_next.has_value());
      if (*mine_next != *icu_next)
        CHECK_EQ(std::string{name} + " " + std::to_string(mine_next->at.time_since_epoch().count()),
          std::string{name} + " " + std::to_string(icu_next->at.time_since_epoch().count()));
      t = mine_next->at;
    }
    CHECK_EQ(mine.offset_at(at(2026, 7, 1)), icu.offset_at(at(2026, 7, 1)));
    CHECK_EQ(mine.offset_at(at(1900, 1, 1)), mine.change_after(at(1900, 1, 1))->before);
  }
  CHECK_EQ(test::error_of(time_zone::named("Europe/Berlim", "/nonexistent")).message,
    "time zone: expected UTC or a name such as Europe/Berlin, got \"Europe/Berlim\", which the database does not have");
}

TEST(clocks that a government has stopped setting are not set) {
  if (!std::filesystem::is_directory(time_zone::system_files)) {
    std::cerr << "*** LEFT OUT: no time zone files in " << time_zone::system_files << " ***\n";
    return;
  }
  CHECK_EQ(test::value_of(time_zone::named("America/Mexico_City")).offset_at(at(2026, 7, 1)), -hours{6});
}
