// A cron expression: five fields (POSIX crontab) with ranges, steps, names and lists, or a name for a common one. Pure:
// the clock is an argument.
//
//   minute 0-59   hour 0-23   day of month 1-31   month 1-12 or jan-dec   day of week 0-7 or sun-sat (0 and 7: Sunday)
//   each: * or a list of 5, 1-5, */15, 1-30/2
//   @hourly @daily @midnight @weekly @monthly @yearly @annually
//
// Days: when both day fields are restricted, either may match (POSIX); when one begins with `*`, both must
// (vixie-cron).
//
// Where clocks are set by less than three hours, the rule is vixie-cron's (cron(8)):
//  - An expression whose minute and hour are both fixed (neither begins with `*`) means a time of day. If that is
//    skipped, it runs once, at the moment at which the clocks are set; if it comes twice, it runs the first time only.
//  - Any other means an interval and goes by the clock on the wall: it does not run at times that are skipped, and runs
//    at both of those that come twice, so that */15 runs every 15 minutes throughout.
// A larger change (a country that crosses the date line) is no daylight saving time: what it skips is not run, and what
// it repeats is run again.
#pragma once

#include "apps/cron/time_zone.hpp"
#include "messages/result.hpp"

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::cron {

class expression {
public:
  /// Reads an expression. Fails with ec::bad_request and names the field, the character (from 1, in the whole text) and
  /// what was expected; also when no day of any year matches (30 February).
  [[nodiscard]] static result<expression> parse(std::string_view text);

  /// As it was written.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  /// The first moment after `after` at which it is due; nothing when there is none within 50 years, which the calendar
  /// never needs (29 February on one day of the week comes again within 40), so that it only happens to intervals that
  /// all fall into skipped hours.
  [[nodiscard]] std::optional<std::chrono::sys_seconds> next(
    std::chrono::sys_seconds after, const time_zone& zone = {}) const;

private:
  [[nodiscard]] bool is_time_of_day() const noexcept { return !any_minute_ && !any_hour_; }
  [[nodiscard]] bool matches_day(std::chrono::local_days day) const;
  [[nodiscard]] std::optional<std::chrono::local_seconds> first_from(
    std::chrono::local_seconds from, std::chrono::local_seconds before) const;

  std::string text_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  // the field begins with `*`
  bool any_minute_ = false;
  bool any_hour_ = false;
  bool any_day_ = false;
  bool any_weekday_ = false;
};

} // namespace troupe::cron
