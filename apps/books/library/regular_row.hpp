// The rows that nearly all rows are: whole in one line, every quote where RFC 4180 has it. They are taken apart without
// copying, two to five times as fast as libcsv reads them; everything else is left to libcsv, which alone decides what
// irregular rows mean. A test compares the two.
#pragma once

#include "apps/books/eight_bytes.hpp"

#include <cstddef>
#include <string_view>

namespace troupe::books::library {

/// Without spaces and tabs around it, as libcsv gives fields that are not quoted.
[[nodiscard]] inline std::string_view without_blanks(std::string_view text, char delimiter) noexcept {
  const auto blank = [delimiter](char c) { return c == ' ' || (c == '\t' && c != delimiter); };
  while (!text.empty() && blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && blank(text.back()))
    text.remove_suffix(1);
  return text;
}

/// Calls field(text, doubled) for each field of a line without its end; `doubled`: quotes in it are still doubled.
/// False when the row is not regular; some fields may have been given out by then.
template <class Field>
[[nodiscard]] bool each_regular_field(std::string_view line, char delimiter, Field field) {
  auto quote = line.find('"');
  eight_bytes::place_finder delimiters{line, delimiter};
  for (std::size_t at = 0;;) {
    if (at != quote) {
      const auto end = delimiters.next(at);
      if (quote < end)
        return false;
      field(without_blanks(line.substr(at, end - at), delimiter), false);
      if (end == line.size())
        return true;
      at = end + 1;
      continue;
    }
    bool doubled = false;
    auto end = line.find('"', at + 1); // memchr: what is quoted may be long
    while (end != std::string_view::npos && end + 1 < line.size() && line[end + 1] == '"') {
      doubled = true;
      end = line.find('"', end + 2);
    }
    if (end == std::string_view::npos || (end + 1 < line.size() && line[end + 1] != delimiter))
      return false;
    field(line.substr(at + 1, end - at - 1), doubled);
    if (end + 1 == line.size())
      return true;
    at = end + 2;
    quote = line.find('"', at);
  }
}

} // namespace troupe::books::library
