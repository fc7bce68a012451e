#include "apps/books/library/cells.hpp"

#include "apps/books/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace troupe::books::library {
namespace {

/// Not find_first_of, here and below, which calls a function for each character.
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

/// What separates people in some file or other.
bool separates_people(char c) noexcept {
  return c == ',' || c == ';' || c == '|' || c == '&';
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool all_digits(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
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
  const auto e = text.find_first_of("eE");
  if (e == std::string_view::npos)
    return {};
  auto mantissa = text.substr(0, e);
  auto exponent = text.substr(e + 1);
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

bool is_suffix(std::string_view part) {
  constexpr std::array<std::string_view, 14> suffixes{
    "jr", "sr", "ii", "iii", "iv", "phd", "dphil", "md", "mfa", "dds", "esq", "msc", "edd", "rn"};
  std::string letters;
  for (const char c : part)
    if (c != '.' && c != ' ')
      letters.push_back(lower(c));
  return std::find(suffixes.begin(), suffixes.end(), letters) != suffixes.end();
}

bool is_one_word(std::string_view text) noexcept {
  return text.find(' ') == std::string_view::npos;
}

/// "Ursula K.", "J.R.R."
bool ends_with_initial(std::string_view text) noexcept {
  return text.ends_with('.') && (text.size() < 3 || text[text.size() - 3] == ' ' || text[text.size() - 3] == '.');
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

result<isbn> repaired_isbn(std::string_view cell) {
  auto text = without_label(bare(cell));
  if (text.ends_with(".0"))
    text.remove_suffix(2);
  std::string number{text};
  if (const auto read = read_scientific(text); !read.digits.empty()) {
    const auto missing =
      static_cast<std::ptrdiff_t>(read.exponent) + 1 - static_cast<std::ptrdiff_t>(read.digits.size());
    if (missing != 0)
      return fail(ec::bad_request,
        missing > 0 ? "isbn: expected all digits, a spreadsheet has dropped " + std::to_string(missing) + " of them"
                    : std::string{"isbn: expected a whole number"});
    number = read.digits;
  }
  // Publishers' numbers begin with up to three zeros; fewer digits than that leaves are some other number, of which
  // every eleventh would pass
  if (number.size() >= 7 && number.size() < 10 && all_digits(std::string_view{number}.substr(0, number.size() - 1)))
    number.insert(0, 10 - number.size(), '0');
  return isbn::parse(number);
}

std::string turned_round(std::string_view name) {
  const auto comma = name.find(',');
  if (comma == std::string_view::npos)
    return tidy(name);
  const auto last = trimmed(name.substr(0, comma));
  auto rest = trimmed(name.substr(comma + 1));
  std::string_view suffix;
  if (const auto second = rest.rfind(','); second != std::string_view::npos && is_suffix(rest.substr(second + 1))) {
    suffix = trimmed(rest.substr(second + 1));
    rest = trimmed(rest.substr(0, second));
  }
  std::string out;
  if (is_suffix(rest))
    std::swap(suffix, rest); // "King, Jr."
  for (const auto part : {rest, last, suffix})
    if (!part.empty())
      out.append(out.empty() ? "" : " ").append(part);
  return tidy(out);
}

std::vector<std::string> split_names(std::string_view list, char separator) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const auto end = std::min(list.find(separator), list.size());
    if (auto name = tidy(list.substr(0, end)); !name.empty())
      names.push_back(std::move(name));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return names;
}

std::vector<std::string> names_with_commas(std::string_view list) {
  std::vector<std::string> names;
  if (list.find(',') == std::string_view::npos) {
    if (auto name = tidy(list); !name.empty())
      names.push_back(std::move(name));
    return names;
  }
  for (auto& part : split_names(list, ','))
    if (!names.empty() && is_suffix(part))
      names.back() += ", " + part;
    else
      names.push_back(std::move(part));
  return names;
}

std::vector<std::string> names_of_anything(std::string_view cell, bool one) {
  if (std::none_of(cell.begin(), cell.end(), separates_people))
    return cell.empty() ? std::vector<std::string>{} : std::vector{tidy(cell)};
  std::string list{cell};
  for (auto at = list.find(" & "); at != std::string::npos; at = list.find(" & ", at))
    list.replace(at, 3, ";");
  std::replace(list.begin(), list.end(), '|', ';');
  if (list.find(';') != std::string::npos) {
    auto names = split_names(list, ';');
    for (auto& name : names)
      name = turned_round(name);
    return names;
  }
  auto names = names_with_commas(list);
  const bool single =
    one && names.size() == 2 && (is_one_word(names[0]) || is_one_word(names[1]) || ends_with_initial(names[1]));
  return single ? std::vector{turned_round(list)} : names;
}

std::vector<std::string> names_of_calibre(std::string_view list, std::string_view sort) {
  std::string people{list};
  if (list.find(" & ") != std::string_view::npos) {
    for (auto at = people.find(" & "); at != std::string::npos; at = people.find(" & ", at))
      people.replace(at, 3, ";");
    return split_names(people, ';');
  }
  if (sort.empty())
    return names_with_commas(list);
  std::size_t count = 1;
  for (auto at = sort.find(" & "); at != std::string_view::npos; at = sort.find(" & ", at + 3))
    ++count;
  auto names = split_names(list, ',');
  if (names.size() == count)
    return names;
  return count == 1 ? std::vector{tidy(list)} : names_with_commas(list);
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
