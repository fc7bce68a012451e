#include "apps/books/names.hpp"

#include "apps/books/text.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace troupe::books {
namespace {

constexpr std::string_view and_sign = " & ";

/// Whether the letters of a text are one of these words, which have five at most.
bool spells_one_of(std::string_view text, std::span<const std::string_view> words) noexcept {
  std::array<char, 5> letters{};
  std::size_t count = 0;
  for (const char c : text)
    if (c != '.' && c != ' ') {
      if (count == letters.size())
        return false;
      letters[count++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
  return std::find(words.begin(), words.end(), std::string_view{letters.data(), count}) != words.end();
}

/// "Ursula K.", "J.R.R."
bool ends_with_initial(std::string_view text) noexcept {
  return text.ends_with('.') && (text.size() < 3 || text[text.size() - 3] == ' ' || text[text.size() - 3] == '.');
}

std::string replaced(std::string_view text, std::string_view what, char with) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0;;) {
    const auto found = std::min(text.find(what, at), text.size());
    out.append(text, at, found - at);
    if (found == text.size())
      return out;
    out.push_back(with);
    at = found + what.size();
  }
}

/// Calls take(name) for the names between separators, tidied, without empty ones.
template <class Take>
void each_name(std::string_view list, std::string_view separator, Take take) {
  for (std::size_t at = 0; at < list.size();) {
    const auto end = std::min(list.find(separator, at), list.size());
    if (auto name = tidy(list.substr(at, end - at)); !name.empty())
      take(std::move(name));
    at = end + separator.size();
  }
}

std::vector<std::string> only_name(std::string_view text) {
  std::vector<std::string> names;
  if (auto name = tidy(text); !name.empty())
    names.push_back(std::move(name));
  return names;
}

} // namespace

bool is_generation(std::string_view text) noexcept {
  constexpr std::array<std::string_view, 5> words{"jr", "sr", "ii", "iii", "iv"};
  return spells_one_of(text, words);
}

bool is_degree(std::string_view text) noexcept {
  constexpr std::array<std::string_view, 11> words{
    "phd", "dphil", "md", "ma", "mfa", "msc", "edd", "rn", "dds", "esq", "prof"};
  return spells_one_of(text, words);
}

std::string turned_round(std::string_view name) {
  const auto comma = name.find(',');
  if (comma == std::string_view::npos)
    return tidy(name);
  const auto last = name.substr(0, comma);
  auto rest = name.substr(comma + 1);
  std::string_view suffix;
  if (const auto second = rest.rfind(','); second != std::string_view::npos && is_name_suffix(rest.substr(second + 1)))
    suffix = std::exchange(rest, rest.substr(0, second)).substr(second + 1);
  if (is_name_suffix(rest))
    std::swap(suffix, rest); // "King, Jr."
  std::string out;
  for (const auto part : {rest, last, suffix})
    out.append(part).push_back(' ');
  return tidy(out);
}

std::vector<std::string> split_names(std::string_view list, std::string_view separator) {
  std::vector<std::string> names;
  each_name(list, separator, [&](std::string&& name) { names.push_back(std::move(name)); });
  return names;
}

std::vector<std::string> names_with_commas(std::string_view list) {
  std::vector<std::string> names;
  each_name(list, ",", [&](std::string&& name) {
    if (!names.empty() && is_name_suffix(name))
      names.back().append(", ").append(name);
    else
      names.push_back(std::move(name));
  });
  return names;
}

std::vector<std::string> names_of_anything(std::string_view cell, bool one) {
  if (std::any_of(cell.begin(), cell.end(), [](char c) { return c == ';' || c == '|' || c == '&'; })) {
    auto list = replaced(cell, and_sign, ';');
    std::replace(list.begin(), list.end(), '|', ';');
    if (list.find(';') != std::string::npos) {
      auto names = split_names(list, ";");
      for (auto& name : names)
        name = turned_round(name);
      return names;
    }
  }
  auto names = names_with_commas(cell);
  const bool single =
    one && names.size() == 2 && (is_one_word(names[0]) || is_one_word(names[1]) || ends_with_initial(names[1]));
  if (single)
    return only_name(turned_round(cell));
  return names;
}

std::vector<std::string> names_of_calibre(std::string_view list, std::string_view sort) {
  if (list.find(and_sign) != std::string_view::npos)
    return split_names(list, and_sign);
  if (sort.empty())
    return names_with_commas(list);
  const auto count = split_names(sort, and_sign).size();
  auto names = split_names(list, ",");
  if (names.size() == count)
    return names;
  return count == 1 ? only_name(list) : names_with_commas(list);
}

} // namespace troupe::books
