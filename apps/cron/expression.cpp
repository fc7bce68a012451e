#include "apps/cron/expression.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>
#include <vector>

namespace troupe::cron {
namespace {

using namespace std::chrono;

/// vixie-cron's own bound: a larger change is no daylight saving time.
constexpr hours largest_saving{3};

constexpr years horizon{50};

struct shortcut {
  std::string_view name;
  std::string_view meaning;
};
constexpr std::array shortcuts{shortcut{"@hourly", "0 * * * *"}, shortcut{"@daily", "0 0 * * *"},
  shortcut{"@midnight", "0 0 * * *"}, shortcut{"@weekly", "0 0 * * 0"}, shortcut{"@monthly", "0 0 1 * *"},
  shortcut{"@yearly", "0 0 1 1 *"}, shortcut{"@annually", "0 0 1 1 *"}};

constexpr std::array<std::string_view, 12> month_names{
  "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/// What a field may hold.
struct field_rule {
  std::string_view name;
  int low;
  int high;
  std::span<const std::string_view> names; // of the values from `low`
};
constexpr std::array field_rules{field_rule{"minute", 0, 59, {}}, field_rule{"hour", 0, 23, {}},
  field_rule{"day of month", 1, 31, {}}, field_rule{"month", 1, 12, month_names},
  field_rule{"day of week", 0, 7, weekday_names}};

/// A part of the text, and where it is.
struct token {
  std::string_view text;
  std::size_t place = 1; // the first character, from 1
};

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool same_name(std::string_view text, std::string_view name) noexcept {
  return std::equal(text.begin(), text.end(), name.begin(), name.end(),
    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b; });
}

std::vector<token> tokens_of(std::string_view text) {
  std::vector<token> list;
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    auto end = at;
    while (end < text.size() && !is_blank(text[end]))
      ++end;
    list.push_back({text.substr(at, end - at), at + 1});
    at = end;
  }
  return list;
}

auto wrong(const field_rule& rule, std::size_t place, const std::string& expected, std::string_view got) {
  return fail(ec::bad_request, "cron: " + std::string{rule.name} + " (character " + std::to_string(place)
                                 + "): expected " + expected + ", got "
                                 + (got.empty() ? std::string{"nothing"} : '"' + std::string{got} + '"'));
}

/// "0 to 23", "1 to 12 or jan to dec"
std::string values_of(const field_rule& rule) {
  auto text = std::to_string(rule.low) + " to " + std::to_string(rule.high);
  if (!rule.names.empty())
    text += " or " + std::string{rule.names.front()} + " to " + std::string{rule.names.back()};
  return text;
}

/// Reads one field from left to right into the values that it stands for.
class field_parser {
public:
  field_parser(const field_rule& rule, token field) : rule_{rule}, field_{field}, rest_{field} {}

  result<std::bitset<64>> parse() {
    do {
      if (auto item = parse_item(); !item)
        return item.error();
    } while (take(','));
    if (!rest_.text.empty())
      return wrong(rule_, rest_.place, "a comma, or the next field", rest_.text);
    return values_;
  }

private:
  bool take(char c) {
    if (!rest_.text.starts_with(c))
      return false;
    skip(1);
    return true;
  }

  void skip(std::size_t count) {
    rest_.text.remove_prefix(count);
    rest_.place += count;
  }

  /// `*`, a value or a range, and perhaps a step.
  result<void> parse_item() {
    const auto place = rest_.place;
    int from = rule_.low;
    int to = rule_.high;
    bool range = true;
    if (!take('*')) {
      auto first = parse_value("*, " + values_of(rule_));
      if (!first)
        return first.error();
      from = to = first.value();
      range = take('-');
      if (range) {
        const auto end_place = rest_.place;
        auto last = parse_value(values_of(rule_));
        if (!last)
          return last.error();
        to = last.value();
        if (to == 0 && from > 0 && rule_.high == 7) // fri-sun
          to = 7;
        if (to < from)
          return wrong(rule_, end_place, "a range that ascends", item_from(place));
      }
    }
    int step = 1;
    if (rest_.text.starts_with('/')) {
      if (!range)
        return wrong(rule_, rest_.place,
          "a range before a step, such as " + std::to_string(from) + "-" + std::to_string(rule_.high) + "/2",
          item_from(place) + std::string{rest_.text});
      skip(1);
      auto parsed = parse_number(1, rule_.high, "a step from 1 to " + std::to_string(rule_.high));
      if (!parsed)
        return parsed.error();
      step = parsed.value();
    }
    for (int value = from; value <= to; value += step)
      values_.set(static_cast<std::size_t>(value));
    return ok();
  }

  /// What was read since a place.
  [[nodiscard]] std::string item_from(std::size_t place) const {
    return std::string{field_.text.substr(place - field_.place, rest_.place - place)};
  }

  result<int> parse_value(const std::string& expected) {
    const auto& text = rest_.text;
    const auto end = static_cast<std::size_t>(
      std::find_if(text.begin(), text.end(), [](char c) { return c == ',' || c == '-' || c == '/'; }) - text.begin());
    for (std::size_t i = 0; i < rule_.names.size(); ++i)
      if (same_name(text.substr(0, end), rule_.names[i])) {
        skip(end);
        return rule_.low + static_cast<int>(i);
      }
    return parse_number(rule_.low, rule_.high, expected);
  }

  result<int> parse_number(int low, int high, const std::string& expected) {
    const auto& text = rest_.text;
    const auto end = std::min(text.find_first_of(",-/"), text.size());
    const auto word = text.substr(0, end);
    int value = 0;
    const auto [stop, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || !is_digit(word.front()) || code != std::errc{} || stop != word.data() + word.size()
        || value < low || value > high)
      return wrong(rule_, rest_.place, expected, word);
    skip(end);
    return value;
  }

  const field_rule& rule_;
  token field_;
  token rest_;
  std::bitset<64> values_;
};

template <std::size_t N>
void take_values(std::bitset<N>& to, const std::bitset<64>& values) {
  for (std::size_t i = 0; i < N; ++i)
    to[i] = values[i];
}

/// Days that a month has at most.
int longest(unsigned month) {
  return static_cast<int>(static_cast<unsigned>((year{2024} / std::chrono::month{month} / last).day()));
}

} // namespace

result<expression> expression::parse(std::string_view text) {
  expression out;
  out.text_ = text;
  auto fields = tokens_of(text);
  if (fields.size() == 1 && fields.front().text.starts_with('@')) {
    const auto& name = fields.front();
    const auto* known =
      std::find_if(shortcuts.begin(), shortcuts.end(), [&](const shortcut& s) { return same_name(name.text, s.name); });
    if (known == shortcuts.end())
      return fail(ec::bad_request, "cron: character " + std::to_string(name.place)
                                     + ": expected one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly and "
                                       "@annually, got \""
                                     + std::string{name.text} + '"');
    fields = tokens_of(known->meaning);
  }
  if (fields.size() != field_rules.size())
    return fail(
      ec::bad_request, "cron: expected five fields (minute, hour, day of month, month, day of week) or a name "
                       "such as @daily, got "
                         + std::to_string(fields.size()) + " fields");
  std::array<std::bitset<64>, field_rules.size()> values;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    auto parsed = field_parser{field_rules[i], fields[i]}.parse();
    if (!parsed)
      return parsed.error();
    values[i] = parsed.value();
  }
  if (values[4][7]) // both are Sunday
    values[4].set(0);
  take_values(out.minutes_, values[0]);
  take_values(out.hours_, values[1]);
  take_values(out.days_, values[2]);
  take_values(out.months_, values[3]);
  take_values(out.weekdays_, values[4]);
  out.any_minute_ = fields[0].text.starts_with('*');
  out.any_hour_ = fields[1].text.starts_with('*');
  out.any_day_ = fields[2].text.starts_with('*');
  out.any_weekday_ = fields[4].text.starts_with('*');
  // When the day of week alone may do, it does; otherwise one of the months must have one of the days. A day of some
  // month is each day of the week in some year, 29 February too.
  bool possible = !out.any_day_ && !out.any_weekday_;
  for (unsigned month = 1; month <= 12 && !possible; ++month)
    for (int day = 1; day <= longest(month) && !possible; ++day)
      possible = out.months_[month] && out.days_[static_cast<std::size_t>(day)];
  if (!possible)
    return wrong(field_rules[2], fields[2].place, "a day that one of the months has", fields[2].text);
  return out;
}

bool expression::matches_day(local_days day) const {
  const year_month_day date{day};
  if (!months_[static_cast<unsigned>(date.month())])
    return false;
  const bool by_date = days_[static_cast<unsigned>(date.day())];
  const bool by_week = weekdays_[weekday{day}.c_encoding()];
  return any_day_ || any_weekday_ ? by_date && by_week : by_date || by_week;
}

/// The first time on the wall from `from` on and before `before`.
std::optional<local_seconds> expression::first_from(local_seconds from, local_seconds before) const {
  const local_seconds first = ceil<minutes>(from);
  for (auto day = floor<days>(first); day < before;) {
    const year_month_day date{day};
    if (!months_[static_cast<unsigned>(date.month())]) {
      day = local_days{(date.year() / date.month() / 1) + months{1}};
      continue;
    }
    if (matches_day(day)) {
      const auto begin = std::max<local_seconds>(day, first) - day; // since midnight
      for (auto hour = floor<hours>(begin).count(); hour < 24; ++hour) {
        if (!hours_[static_cast<std::size_t>(hour)])
          continue;
        for (int minute = 0; minute < 60; ++minute) {
          const auto time = day + hours{hour} + minutes{minute};
          if (minutes_[static_cast<std::size_t>(minute)] && time >= first)
            return time < before ? std::optional{local_seconds{time}} : std::nullopt;
        }
      }
    }
    day += days{1};
  }
  return std::nullopt;
}

std::optional<sys_seconds> expression::next(sys_seconds after, const time_zone& zone) const {
  const auto on_wall = [](sys_seconds t, seconds offset) { return local_seconds{(t + offset).time_since_epoch()}; };
  const auto limit = after + horizon;
  // from one change of the clocks to the next: between them the wall's time and UTC go alike
  for (auto t = after + seconds{1}; t < limit;) {
    const auto offset = zone.offset_at(t);
    auto from = on_wall(t, offset);
    if (const auto last = zone.change_until(t); last && is_time_of_day()) {
      const auto forward = last->after - last->before;
      if (last->at == t && forward > seconds{0} && forward < largest_saving
          && first_from(on_wall(t, last->before), on_wall(t, last->after)))
        return t; // what was skipped is due now
      if (forward < seconds{0} && -forward < largest_saving)
        from = std::max(from, on_wall(last->at, last->before)); // what comes again was due before
    }
    const auto change = zone.change_after(t);
    const auto end = change ? std::min(change->at, limit) : limit;
    if (const auto found = first_from(from, on_wall(end, offset)))
      return sys_seconds{found->time_since_epoch() - offset};
    t = end;
  }
  return std::nullopt;
}

} // namespace troupe::cron
