#include "apps/cron/tzif.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace troupe::cron {
namespace {

using namespace std::chrono;

/// No zone has had a rule for longer.
constexpr year first_known_year{1900};

auto damaged(const char* what) {
  return fail(ec::bad_request, std::string{"time zone file: "} + what);
}

/// Numbers of a file, most significant byte first. Reading beyond the end gives zeros and is noted.
class byte_reader {
public:
  explicit byte_reader(std::string_view bytes) : rest_{bytes} {}

  std::int64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char c : take(size))
      value = (value << 8) | static_cast<unsigned char>(c);
    const auto unused = 64 - 8 * size; // the sign goes to the top
    return size == 0 ? 0 : static_cast<std::int64_t>(value << unused) >> unused;
  }

  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      short_ = true;
      rest_ = {};
      return {};
    }
    const auto part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }

  [[nodiscard]] bool is_short() const noexcept { return short_; }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

private:
  std::string_view rest_;
  bool short_ = false;
};

/// RFC 8536 3.1. A real file has fewer than 2,000 changes.
struct file_header {
  char version = 0;
  std::array<std::size_t, 6> counts{}; // isut, isstd, leap, time, type, char

  [[nodiscard]] std::size_t block_size(std::size_t time_size) const {
    return counts[3] * (time_size + 1) + counts[4] * 6 + counts[5] + counts[2] * (time_size + 4) + counts[1]
           + counts[0];
  }
};

std::optional<file_header> read_header(byte_reader& file) {
  if (file.take(4) != "TZif")
    return std::nullopt;
  file_header h;
  const auto version = file.take(1);
  h.version = version.empty() ? '\0' : version.front();
  file.take(15);
  for (auto& count : h.counts) {
    count = static_cast<std::size_t>(file.number(4) & 0xFFFFFFFF);
    if (count > 100'000)
      return std::nullopt;
  }
  if (file.is_short())
    return std::nullopt;
  return h;
}

/// A day of each year and a time of it: Mm.w.d, Jn or n.
struct rule_date {
  char kind = 'M';
  unsigned month = 1; // M
  unsigned week = 1;  // M: 1 to 5, 5 is the last
  unsigned day = 0;   // M: the day of the week; otherwise of the year
  seconds time = hours{2};
};

sys_seconds when(const rule_date& date, year y) {
  if (date.kind == 'M') {
    const month_weekday nth = month{date.month} / weekday{date.day}[date.week == 5 ? 4 : date.week];
    sys_days day = sys_days{y / nth.month() / nth.weekday_indexed()};
    if (const auto next = day + weeks{1}; date.week == 5 && year_month_day{next}.month() == nth.month())
      day = next;
    return day + date.time;
  }
  const auto first = sys_days{y / January / 1};
  if (date.kind == 'J') // from 1; 29 February is never counted
    return first + days{date.day - 1 + (y.is_leap() && date.day >= 60 ? 1 : 0)} + date.time;
  return first + days{date.day} + date.time;
}

/// Reads a rule from left to right.
class rule_parser {
public:
  explicit rule_parser(std::string_view text) : rest_{text} {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

  bool take(char c) {
    if (!rest_.starts_with(c))
      return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// "CEST" or "<+03>".
  bool name() {
    if (take('<')) {
      const auto end = rest_.find('>');
      if (end == std::string_view::npos)
        return false;
      rest_.remove_prefix(end + 1);
      return true;
    }
    const auto size = static_cast<std::size_t>(std::find_if(rest_.begin(), rest_.end(), [](char c) {
      return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z');
    }) - rest_.begin());
    rest_.remove_prefix(size);
    return size >= 3;
  }

  std::optional<unsigned> number(unsigned low, unsigned high) {
    unsigned value = 0;
    std::size_t size = 0;
    for (; size < rest_.size() && size < 3 && rest_[size] >= '0' && rest_[size] <= '9'; ++size)
      value = 10 * value + static_cast<unsigned>(rest_[size] - '0');
    if (size == 0 || value < low || value > high)
      return std::nullopt;
    rest_.remove_prefix(size);
    return value;
  }

  /// "-5:30", up to a week.
  std::optional<seconds> time() {
    const bool negative = take('-');
    if (!negative)
      take('+');
    const auto h = number(0, 167);
    auto m = h && take(':') ? number(0, 59) : std::optional{0U};
    auto s = h && m && take(':') ? number(0, 59) : std::optional{0U};
    if (!h || !m || !s)
      return std::nullopt;
    const seconds value = hours{*h} + minutes{*m} + seconds{*s};
    return negative ? -value : value;
  }

  std::optional<rule_date> date() {
    rule_date out;
    if (!take(','))
      return std::nullopt;
    std::optional<unsigned> value;
    if (take('M')) {
      const auto month = number(1, 12);
      const auto week = month && take('.') ? number(1, 5) : std::nullopt;
      value = week && take('.') ? number(0, 6) : std::nullopt;
      if (value) {
        out.month = *month;
        out.week = *week;
      }
    } else {
      out.kind = take('J') ? 'J' : 'n';
      value = out.kind == 'J' ? number(1, 365) : number(0, 365);
    }
    if (!value)
      return std::nullopt;
    out.day = *value;
    if (take('/')) {
      const auto t = time();
      if (!t)
        return std::nullopt;
      out.time = *t;
    }
    return out;
  }

private:
  std::string_view rest_;
};

} // namespace

void zone_table::add(sys_seconds at, seconds offset) {
  const auto now = changes.empty() ? first : changes.back().after;
  if (offset != now)
    changes.push_back({at, now, offset});
}

result<void> continue_by_rule(zone_table& table, std::string_view text) {
  const auto wrong = [&] {
    return fail(ec::bad_request,
      "time zone rule: expected one such as CET-1CEST,M3.5.0,M10.5.0/3, got \"" + std::string{text} + '"');
  };
  rule_parser rule{text};
  const auto standard_west = rule.name() ? rule.time() : std::nullopt; // POSIX counts to the west
  if (!standard_west)
    return wrong();
  const auto standard = -*standard_west;
  const auto known_until = table.changes.empty() ? sys_seconds{} : table.changes.back().at;
  if (rule.at_end()) {
    if (table.changes.empty())
      table.first = standard;
    else
      table.add(known_until + seconds{1}, standard); // as a rule it is what the last change says, too
    return ok();
  }
  if (!rule.name())
    return wrong();
  seconds saving = standard + hours{1};
  rule_parser after_name = rule;
  if (const auto west = after_name.time()) {
    saving = -*west;
    rule = after_name;
  }
  const auto start = rule.date();
  const auto end = start ? rule.date() : std::nullopt;
  if (!end || !rule.at_end())
    return wrong();
  if (table.changes.empty())
    table.first = standard;
  std::vector<std::pair<sys_seconds, seconds>> changes;
  // some files begin with a change before all time, which is in no year
  const auto begin = std::max(known_until, sys_seconds{sys_days{first_known_year / January / 1}});
  for (auto y = year_month_day{floor<days>(begin)}.year(); y <= last_known_year; ++y) {
    changes.emplace_back(when(*start, y) - standard, saving);
    changes.emplace_back(when(*end, y) - saving, standard);
  }
  std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto it = changes.begin(); it != changes.end(); ++it) {
    const bool undone = it + 1 != changes.end() && (it + 1)->first == it->first; // saving all year round
    if (it->first > known_until && !undone)
      table.add(it->first, it->second);
  }
  return ok();
}

result<zone_table> read_tzif(std::string_view bytes) {
  byte_reader file{bytes};
  const auto old = read_header(file);
  if (!old)
    return damaged("expected one that begins with TZif");
  if (old->version < '2')
    return damaged("expected version 2 or later");
  file.take(old->block_size(4));
  const auto header = read_header(file);
  if (!header)
    return damaged("expected a second header");
  const auto [isut, isstd, leaps, times, types, characters] = header->counts;
  std::vector<sys_seconds> at;
  for (std::size_t i = 0; i < times && !file.is_short(); ++i)
    at.emplace_back(seconds{file.number(8)});
  const auto kinds = file.take(times);
  std::vector<seconds> offsets;
  for (std::size_t i = 0; i < types && !file.is_short(); ++i) {
    offsets.emplace_back(file.number(4));
    file.take(2); // whether it is a saving, and its name
  }
  file.take(characters + leaps * 12 + isstd + isut);
  if (file.is_short() || offsets.empty())
    return damaged("it ends too early");
  zone_table table;
  table.first = offsets.front();
  for (std::size_t i = 0; i < at.size(); ++i) {
    const auto kind = static_cast<unsigned char>(kinds[i]);
    if (kind >= offsets.size() || (i > 0 && at[i] <= at[i - 1]))
      return damaged("its changes are out of order");
    table.add(at[i], offsets[kind]);
  }
  auto footer = file.rest();
  if (!footer.starts_with('\n') || footer.find('\n', 1) == std::string_view::npos)
    return damaged("it ends too early");
  footer = footer.substr(1, footer.find('\n', 1) - 1);
  if (footer.empty()) // no rule: nobody knows
    return table;
  if (auto continued = continue_by_rule(table, footer); !continued)
    return continued.error();
  return table;
}

} // namespace troupe::cron
