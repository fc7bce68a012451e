#include "apps/custom/parameter.hpp"

#include "apps/books/utf8.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::custom {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

bool read(std::string_view text, std::int64_t& out) {
  const auto* end = text.data() + text.size();
  const auto [stop, wrong] = std::from_chars(text.data(), end, out);
  return wrong == std::errc{} && stop == end;
}

bool read_range(std::string_view text, parameter& p) {
  const auto dots = text.find("..");
  return dots != std::string_view::npos && read(text.substr(0, dots), p.lowest)
         && read(text.substr(dots + 2), p.highest) && p.lowest <= p.highest;
}

bool read_choices(std::string_view text, parameter& p) {
  while (!text.empty()) {
    const auto end = std::min(text.find('|'), text.size());
    const auto choice = trimmed(text.substr(0, end));
    if (choice.empty() || std::find(p.choices.begin(), p.choices.end(), choice) != p.choices.end())
      return false;
    p.choices.emplace_back(choice);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return !p.choices.empty();
}

bool read_type(std::string_view text, parameter& p) {
  const auto space = std::min(text.find_first_of(blanks), text.size());
  const auto type = text.substr(0, space);
  const auto rest = trimmed(text.substr(space));
  if (type == "text") {
    p.type = parameter::kind::text;
    return read_range(rest, p) && p.lowest >= 0 && p.highest >= 1 && p.highest <= longest_text;
  }
  if (type == "int") {
    p.type = parameter::kind::integer;
    return read_range(rest, p);
  }
  p.type = parameter::kind::choice;
  return type == "enum" && read_choices(rest, p);
}

// The number of characters, or nothing when it is no UTF-8 or holds control characters.
std::optional<std::int64_t> length_of(std::string_view text) {
  std::int64_t n = 0;
  for (std::size_t at = 0; at < text.size(); ++n) {
    const auto c = books::utf8::next(text, at);
    if (c == books::utf8::ill_formed || c < 0x20 || (c >= 0x7F && c < 0xA0))
      return std::nullopt;
  }
  return n;
}

} // namespace

result<parameter> parse_parameter(std::string_view name, std::string_view specification) {
  const auto equals = specification.find('=');
  parameter p;
  p.name = name;
  if (!read_type(trimmed(specification.substr(0, equals)), p))
    return fail(ec::config_invalid, "expected text 1..100 (at most " + std::to_string(longest_text)
                                      + " characters), int 1..40 or enum a|b, each with = DEFAULT behind it or not");
  if (equals == std::string_view::npos)
    return p;
  auto value = parse_value(p, specification.substr(equals + 1));
  if (!value)
    return fail(ec::config_invalid, "expected " + expectation(p) + " behind =");
  p.fallback = std::move(value.value());
  return p;
}

result<std::string> parse_value(const parameter& p, std::string_view given) {
  const auto text = trimmed(given);
  const auto refuse = [&] {
    // What came is shown in part: a log line and an answer stay short.
    return fail(ec::bad_request, p.name + ": expected " + expectation(p) + ", got \"" + std::string{given.substr(0, 60)}
                                   + (given.size() > 60 ? "...\"" : "\""));
  };
  switch (p.type) {
  case parameter::kind::text: {
    const auto length = length_of(text);
    if (!length || *length < p.lowest || *length > p.highest)
      return refuse();
    return std::string{text};
  }
  case parameter::kind::integer: {
    std::int64_t n = 0;
    if (!read(text, n) || n < p.lowest || n > p.highest)
      return refuse();
    return std::to_string(n);
  }
  case parameter::kind::choice:
    break;
  }
  if (std::find(p.choices.begin(), p.choices.end(), text) == p.choices.end())
    return refuse();
  return std::string{text};
}

std::string expectation(const parameter& p) {
  const auto from = std::to_string(p.lowest);
  const auto to = std::to_string(p.highest);
  switch (p.type) {
  case parameter::kind::text:
    return "a text of " + from + " to " + to + " characters";
  case parameter::kind::integer:
    return "a whole number from " + from + " to " + to;
  case parameter::kind::choice:
    break;
  }
  std::string out;
  for (std::size_t i = 0; i < p.choices.size(); ++i)
    out += (i == 0 ? "" : i + 1 == p.choices.size() ? " or " : ", ") + p.choices[i];
  return out;
}

} // namespace troupe::custom
