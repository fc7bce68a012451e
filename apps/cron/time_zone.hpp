// A time zone of the IANA database: how far its clocks are from UTC at a moment, and when they are set.
//
// From ICU, because g++ 12 has no std::chrono::tzdb, and the C library knows one zone a process (TZ), which another
// thread may be reading. ICU carries its own copy of the database, so a slim container without tzdata has all zones;
// it is as old as the library is, unless ICU_TIMEZONE_FILES_DIR names a newer one.
#pragma once

#include "messages/result.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::cron {

/// A moment at which the clocks are set.
struct clock_change {
  std::chrono::sys_seconds at;
  std::chrono::seconds before; ///< offset from UTC
  std::chrono::seconds after;
};

/// Immutable and cheap to copy; any thread may ask.
class time_zone {
public:
  /// UTC.
  time_zone() = default;

  /// "UTC", "Europe/Berlin". Fails with ec::bad_request for a name that the database does not have, and for offsets and
  /// abbreviations ("GMT+2", "CET"), which do not say when clocks are set.
  [[nodiscard]] static result<time_zone> named(std::string_view name);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  /// East of UTC is positive.
  [[nodiscard]] std::chrono::seconds offset_at(std::chrono::sys_seconds t) const;

  /// The first change after `t`; nothing when there is none any more.
  [[nodiscard]] std::optional<clock_change> change_after(std::chrono::sys_seconds t) const;

  /// The last change at or before `t`.
  [[nodiscard]] std::optional<clock_change> change_until(std::chrono::sys_seconds t) const;

private:
  struct zone; // ICU's
  std::string name_ = "UTC";
  std::shared_ptr<const zone> zone_; // null: UTC
};

} // namespace troupe::cron
