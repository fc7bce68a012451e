// A time zone of the IANA database: how far its clocks are from UTC at a moment, and when they are set.
//
// g++ 12 has no std::chrono::tzdb, and the C library knows one zone a process (TZ), which another thread may be
// reading. So the system's own files are read (package tzdata), which are kept up to date: governments change their
// rules every year, and ICU's copy of the database is as old as the library (Debian 12's still sets the clocks of
// Mexico City, which stopped in 2022). Where there are no such files, as in slim containers, ICU's copy is better than
// nothing.
//
// Howard Hinnant's date library (3.0.1 in Debian 12) reads those files, too, but not the rule at their end: after 2037
// it sets no clock any more, and with files that list no change which the rule makes (`zic -b slim`, the default since
// 2020) none at all: Berlin then has had summer time since 1996.
#pragma once

#include "apps/cron/tzif.hpp"
#include "messages/result.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::cron {

/// Immutable and cheap to copy; any thread may ask.
class time_zone {
public:
  static constexpr const char* system_files = "/usr/share/zoneinfo";

  /// UTC.
  time_zone() = default;

  /// "UTC", "Europe/Berlin", from the files in a folder, or from ICU where there is no such folder. Fails with
  /// ec::bad_request for a name that the database does not have, and for offsets and abbreviations ("GMT+2", "CET"),
  /// which do not say when clocks are set.
  [[nodiscard]] static result<time_zone> named(std::string_view name, const std::string& folder = system_files);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// East of UTC is positive.
  [[nodiscard]] std::chrono::seconds offset_at(std::chrono::sys_seconds t) const;

  /// The first change after `t`; nothing when there is none any more.
  [[nodiscard]] std::optional<clock_change> change_after(std::chrono::sys_seconds t) const;

  /// The last change at or before `t`.
  [[nodiscard]] std::optional<clock_change> change_until(std::chrono::sys_seconds t) const;

private:
  std::string name_ = "UTC";
  std::shared_ptr<const zone_table> table_; // null: UTC
};

} // namespace troupe::cron
