// Time zone files (TZif, RFC 8536) and their rule for the time after the last change that they list, read into one list
// of changes. Pure.
#pragma once

#include "messages/result.hpp"

#include <chrono>
#include <string_view>
#include <vector>

namespace troupe::cron {

/// A moment at which the clocks are set.
struct clock_change {
  std::chrono::sys_seconds at;
  std::chrono::seconds before; ///< offset from UTC, east is positive
  std::chrono::seconds after;

  friend bool operator==(const clock_change&, const clock_change&) = default;
};

/// All changes of a zone, in order; `first` is the offset before any.
struct zone_table {
  std::chrono::seconds first{0};
  std::vector<clock_change> changes;

  /// Adds a change of what the clocks show now; one that changes nothing is left out.
  void add(std::chrono::sys_seconds at, std::chrono::seconds offset);
};

/// Until when changes by a rule are listed: nobody knows the rules of then, and a list is a few kilobytes.
inline constexpr std::chrono::year last_known_year{2200};

/// The changes of a TZif file of version 2 or later. Fails with ec::bad_request when it is damaged or older.
[[nodiscard]] result<zone_table> read_tzif(std::string_view bytes);

/// Continues a table behind its last change (without one: from 1970) to last_known_year by a rule such as
/// "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX TZ, with the extensions of RFC 8536 3.3.1). Fails with ec::bad_request.
[[nodiscard]] result<void> continue_by_rule(zone_table& table, std::string_view rule);

} // namespace troupe::cron
