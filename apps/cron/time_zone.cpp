#include "apps/cron/time_zone.hpp"

#include <unicode/basictz.h>
#include <unicode/timezone.h>
#include <unicode/tztrans.h>
#include <unicode/unistr.h>
#include <utility>

namespace troupe::cron {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

UDate to_icu(sys_seconds t) noexcept {
  return static_cast<UDate>(t.time_since_epoch().count()) * 1000;
}

sys_seconds from_icu(UDate milliseconds) noexcept {
  return sys_seconds{seconds{static_cast<std::int64_t>(milliseconds / 1000)}};
}

seconds total_offset(const icu::TimeZoneRule* rule) noexcept {
  return seconds{(rule->getRawOffset() + rule->getDSTSavings()) / 1000};
}

clock_change change_of(const icu::TimeZoneTransition& t) noexcept {
  return {from_icu(t.getTime()), total_offset(t.getFrom()), total_offset(t.getTo())};
}

} // namespace

struct time_zone::zone {
  // Its lists of transitions are built on first use, behind a lock of ICU's: const members may be called by all
  // threads.
  std::unique_ptr<const icu::BasicTimeZone> icu;
};

result<time_zone> time_zone::named(std::string_view name) {
  time_zone out;
  if (name == "UTC")
    return out;
  const auto wrong = [&](const char* why) {
    return fail(ec::bad_request,
      "time zone: expected UTC or a name such as Europe/Berlin, got \"" + std::string{name} + "\"" + why);
  };
  // without an area it is an abbreviation or an offset, or a country's old name
  if (name.find('/') == std::string_view::npos || name.starts_with("Etc/"))
    return wrong("");
  const auto id = icu::UnicodeString::fromUTF8(icu::StringPiece{name.data(), static_cast<int32_t>(name.size())});
  std::unique_ptr<icu::TimeZone> made{icu::TimeZone::createTimeZone(id)};
  icu::UnicodeString made_id;
  // for what it does not know ICU gives a zone called unknown
  if (!made || *made == icu::TimeZone::getUnknown() || made->getID(made_id) != id)
    return wrong(", which the database does not have");
  auto* basic = dynamic_cast<icu::BasicTimeZone*>(made.get());
  if (basic == nullptr)
    return fail(ec::internal, "time zone: " + std::string{name} + " has no transitions");
  static_cast<void>(made.release());
  out.name_ = name;
  out.zone_ = std::make_shared<const zone>(zone{std::unique_ptr<const icu::BasicTimeZone>{basic}});
  return out;
}

seconds time_zone::offset_at(sys_seconds t) const {
  if (!zone_)
    return seconds{0};
  int32_t raw = 0;
  int32_t saving = 0;
  auto status = U_ZERO_ERROR;
  zone_->icu->getOffset(to_icu(t), false, raw, saving, status);
  return U_FAILURE(status) ? seconds{0} : seconds{(raw + saving) / 1000};
}

std::optional<clock_change> time_zone::change_after(sys_seconds t) const {
  icu::TimeZoneTransition next;
  if (!zone_ || !zone_->icu->getNextTransition(to_icu(t), false, next))
    return std::nullopt;
  return change_of(next);
}

std::optional<clock_change> time_zone::change_until(sys_seconds t) const {
  icu::TimeZoneTransition last;
  if (!zone_ || !zone_->icu->getPreviousTransition(to_icu(t), true, last))
    return std::nullopt;
  return change_of(last);
}

} // namespace troupe::cron
