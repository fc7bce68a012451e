// The first line of an export: which column holds what, which program wrote it, and what separates its fields. Columns
// are known by name, in any order; letter case, spaces and punctuation do not matter ("Book Id", "book_id").
#pragma once

#include "messages/result.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::books::library {

/// Who wrote the file. It decides how names are written in it.
enum class form : std::uint8_t { plain, goodreads, librarything, storygraph, calibre };

/// "goodreads"
[[nodiscard]] std::string_view to_string(form f) noexcept;

/// What is read of a row.
enum class slot : std::uint8_t {
  title,
  author,       ///< of plain files: one person, as a rule
  authors,      ///< a list
  more_authors, ///< beside the first
  contributors, ///< people, some with their role in brackets
  author_sort,  ///< calibre's "Last, First & Last, First"
  isbn13,
  isbn,
  isbn10,
  isbns,       ///< a list
  isbn_or_uid, ///< StoryGraph: an ISBN, or an id of something that has none
  identifiers, ///< calibre's "goodreads:39077187,isbn:9780756411800"
  publisher,
  year,
  first_year, ///< of the work, before that of the edition
  language,
};
inline constexpr std::size_t slot_count = 16;

struct header {
  form written_by = form::plain;
  char delimiter = ',';
  std::vector<std::string> names; ///< of all columns, as messages show them
  std::vector<int> slots;         ///< of each column; -1: not read
  std::array<int, slot_count> columns{};

  /// The name of the column that fills a slot, for messages; empty when none does.
  [[nodiscard]] std::string_view name_of(slot s) const {
    const auto column = columns[static_cast<std::size_t>(s)];
    return column < 0 ? std::string_view{} : std::string_view{names[static_cast<std::size_t>(column)]};
  }
};

/// Reads the first line. The delimiter is the one of comma, semicolon and tab with which most columns are known (of
/// equals, the one with most columns), unless a line `sep=;` before has said it ('\0': it has not). Of two columns for
/// one thing the first counts. Fails with ec::bad_request when there is neither a title nor an ISBN, and says what the
/// columns are.
[[nodiscard]] result<header> read_header(std::string_view line, char delimiter = '\0');

/// The delimiter that Excel's own first line `sep=;` names; '\0' when the line is none.
[[nodiscard]] char named_delimiter(std::string_view line) noexcept;

} // namespace troupe::books::library
