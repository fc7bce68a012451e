#include "apps/books/library/cells.hpp"

#include "apps/books/text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace troupe::books::library {
namespace {

/// Bytes of a cell in a message.
constexpr std::size_t most_shown = 60;

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n';
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back()))
    text.remove_suffix(1);
  return text;
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool all_digits(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c); });
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// Without "ISBN", "ISBN-13:" and the like before it.
std::string_view without_label(std::string_view text) noexcept {
  constexpr std::string_view label = "isbn";
  if (text.size() < label.size()
      || !std::equal(label.begin(), label.end(), text.begin(), [](char a, char b) { return a == lower(b); }))
    return text;
  text = trimmed(text.substr(label.size()));
  for (std::string_view length : {"-13", "-10", "13:", "10:"})
    if (text.starts_with(length)) {
      text.remove_prefix(2);
      text.remove_prefix(length.front() == '-' ? 1 : 0);
      break;
    }
  return text.substr(std::min(text.find_first_not_of(": \t"), text.size()));
}

/// The digits before the exponent of "9.780439023481e+12", and the exponent; nothing when it is no such number.
struct scientific {
  std::string digits;
  int exponent = 0;
};
scientific read_scientific(std::string_view text) {
  const auto* const e = std::find_if(text.begin(), text.end(), [](char c) { return c == 'e' || c == 'E'; });
  if (e == text.end())
    return {};
  auto mantissa = text.substr(0, static_cast<std::size_t>(e - text.begin()));
  auto exponent = text.substr(mantissa.size() + 1);
  if (exponent.starts_with('+'))
    exponent.remove_prefix(1);
  scientific out;
  const auto [end, code] = std::from_chars(exponent.data(), exponent.data() + exponent.size(), out.exponent);
  if (code != std::errc{} || end != exponent.data() + exponent.size())
    return {};
  // a decimal comma, where the spreadsheet's language has it
  if (mantissa.size() > 1 && (mantissa[1] == '.' || mantissa[1] == ',')) {
    out.digits = mantissa.front();
    mantissa.remove_prefix(2);
  }
  out.digits += mantissa;
  return all_digits(out.digits) ? out : scientific{};
}

} // namespace

std::string_view bare(std::string_view cell) noexcept {
  cell = trimmed(cell);
  if (cell.starts_with("=\""))
    cell.remove_prefix(1);
  for (const auto& [open, close] : {std::pair{'"', '"'}, std::pair{'[', ']'}})
    if (cell.size() >= 2 && cell.front() == open && cell.back() == close)
      cell = trimmed(cell.substr(1, cell.size() - 2));
  if (cell.starts_with('\''))
    cell.remove_prefix(1);
  return trimmed(cell);
}

std::string shown(std::string_view cell) {
  auto text = tidy(cell);
  if (text.size() > most_shown) {
    auto end = most_shown;
    while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) // not within a character
      --end;
    text.resize(end);
    text += "...";
  }
  return text;
}

result<isbn> repaired_isbn(std::string_view cell) {
  auto text = without_label(bare(cell));
  if (text.ends_with(".0"))
    text.remove_suffix(2);
  std::string repaired;
  if (auto read = read_scientific(text); !read.digits.empty()) {
    const auto missing =
      static_cast<std::ptrdiff_t>(read.exponent) + 1 - static_cast<std::ptrdiff_t>(read.digits.size());
    if (missing != 0)
      return fail(ec::bad_request,
        missing > 0 ? "isbn: expected all digits, a spreadsheet has dropped " + std::to_string(missing) + " of them"
                    : std::string{"isbn: expected a whole number"});
    repaired = std::move(read.digits);
    text = repaired;
  }
  // Publishers' numbers begin with up to three zeros; fewer digits than that leaves are some other number, of which
  // every eleventh would pass
  if (text.size() >= 7 && text.size() < 10 && all_digits(text.substr(0, text.size() - 1)))
    return isbn::parse(std::string(10 - text.size(), '0').append(text));
  return isbn::parse(text);
}

std::string_view without_series(std::string_view title) noexcept {
  if (!title.ends_with(')'))
    return title;
  // the bracket that opens what the last one closes
  std::size_t depth = 0;
  for (auto at = title.size(); at-- > 0;) {
    if (title[at] == ')')
      ++depth;
    else if (title[at] == '(' && --depth == 0) {
      const auto inside = title.substr(at);
      const auto sign = inside.find('#');
      const auto before = trimmed(title.substr(0, at));
      const bool series = sign != std::string_view::npos && sign + 1 < inside.size() && is_digit(inside[sign + 1]);
      return series && !before.empty() ? before : title;
    }
  }
  return title;
}

} // namespace troupe::books::library
