#include "apps/cron/time_zone.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unicode/basictz.h>
#include <unicode/timezone.h>
#include <unicode/tztrans.h>
#include <unicode/unistr.h>
#include <utility>

namespace troupe::cron {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

/// Letters, digits and what else occurs in names, in parts: nothing that leads out of the folder.
bool is_zone_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'
           || c == '+' || c == '/';
  };
  // without an area it is an abbreviation or an offset, or a country's old name; below right/ are zones that count leap
  // seconds, which no clock of ours does, and below posix/ the same ones again
  constexpr std::array<std::string_view, 4> other_areas{"", "Etc", "posix", "right"};
  const auto area = name.substr(0, name.find('/'));
  return area.size() < name.size() && std::find(other_areas.begin(), other_areas.end(), area) == other_areas.end()
         && std::all_of(name.begin(), name.end(), allowed);
}

using change_place = std::vector<clock_change>::const_iterator;

/// The first change after `t`.
change_place place_after(const std::vector<clock_change>& changes, sys_seconds t) {
  return std::upper_bound(
    changes.begin(), changes.end(), t, [](sys_seconds a, const clock_change& c) { return a < c.at; });
}

/// Nothing when ICU does not have the zone.
std::optional<zone_table> from_icu(std::string_view name) {
  const auto id = icu::UnicodeString::fromUTF8(icu::StringPiece{name.data(), static_cast<int32_t>(name.size())});
  const std::unique_ptr<icu::TimeZone> made{icu::TimeZone::createTimeZone(id)};
  icu::UnicodeString made_id;
  // for what it does not know ICU gives a zone called unknown
  if (!made || *made == icu::TimeZone::getUnknown() || made->getID(made_id) != id)
    return std::nullopt;
  const auto* zone = dynamic_cast<const icu::BasicTimeZone*>(made.get());
  if (zone == nullptr)
    return std::nullopt;
  const auto total = [](const icu::TimeZoneRule* rule) {
    return seconds{(rule->getRawOffset() + rule->getDSTSavings()) / 1000};
  };
  zone_table table;
  int32_t raw = 0;
  int32_t saving = 0;
  auto status = U_ZERO_ERROR;
  constexpr UDate begin = -4e12; // 1843, before all zones
  zone->getOffset(begin, false, raw, saving, status);
  if (U_FAILURE(status))
    return std::nullopt;
  table.first = seconds{(raw + saving) / 1000};
  const sys_seconds end = std::chrono::sys_days{last_known_year / std::chrono::December / 31};
  icu::TimeZoneTransition change;
  for (UDate t = begin; zone->getNextTransition(t, false, change) != 0; t = change.getTime()) {
    const sys_seconds at{seconds{static_cast<std::int64_t>(change.getTime() / 1000)}};
    if (at > end)
      break;
    table.add(at, total(change.getTo()));
  }
  return table;
}

} // namespace

result<time_zone> time_zone::named(std::string_view name, const std::string& folder) {
  time_zone out;
  if (name == "UTC")
    return out;
  const auto wrong = [&](const char* why) {
    return fail(ec::bad_request,
      "time zone: expected UTC or a name such as Europe/Berlin, got \"" + std::string{name} + "\"" + why);
  };
  if (!is_zone_name(name))
    return wrong("");
  out.name_ = name;
  std::error_code none;
  if (!std::filesystem::is_directory(folder, none)) {
    auto table = from_icu(name);
    if (!table)
      return wrong(", which the database does not have");
    out.table_ = std::make_shared<const zone_table>(std::move(*table));
    return out;
  }
  const auto path = std::filesystem::path{folder} / name;
  if (!std::filesystem::is_regular_file(path, none))
    return wrong(", which the database does not have");
  std::ifstream in{path, std::ios::binary};
  const std::string bytes{std::istreambuf_iterator<char>{in}, {}};
  auto table = read_tzif(bytes);
  if (!table)
    return fail(table.error().code, path.string() + ": " + table.error().message);
  out.table_ = std::make_shared<const zone_table>(std::move(table.value()));
  return out;
}

seconds time_zone::offset_at(sys_seconds t) const {
  if (!table_)
    return seconds{0};
  const auto last = change_until(t);
  return last ? last->after : table_->first;
}

std::optional<clock_change> time_zone::change_after(sys_seconds t) const {
  if (!table_)
    return std::nullopt;
  const auto next = place_after(table_->changes, t);
  return next == table_->changes.end() ? std::nullopt : std::optional{*next};
}

std::optional<clock_change> time_zone::change_until(sys_seconds t) const {
  if (!table_)
    return std::nullopt;
  const auto next = place_after(table_->changes, t);
  return next == table_->changes.begin() ? std::nullopt : std::optional{*std::prev(next)};
}

} // namespace troupe::cron
