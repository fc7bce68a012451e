// The books that replay knows of: a CSV file, read once, plus an index over the words of titles and authors and over
// ISBNs. Rows keep the order of the file, which is also the order among equally good hits. Immutable after loading, so
// that any thread may read it.
#pragma once

#include "apps/replay/search_index.hpp"
#include "messages/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::replay {

/// One row. What the file does not tell is empty, or 0.
struct book {
  std::string isbn13;
  std::string isbn10; ///< derived; empty for 979
  std::string title;
  std::vector<std::string> authors;
  int year = 0; ///< negative before the common era
  std::string publisher;
  std::string language; ///< as the file writes it: "en", "eng", "en-US"
  std::vector<std::string> subjects;
};

class catalogue {
public:
  /// Reads a CSV file (RFC 4180, UTF-8, gzip allowed) whose first line names the columns, in any order; columns of
  /// other names are ignored.
  ///  - isbn13, title, authors, year, publisher, language, subjects: authors and subjects are separated by ';'.
  ///  - also the columns of the goodbooks-10k data set: isbn, original_publication_year, language_code; where it names
  ///    the year so, authors are separated by ','.
  /// `title` and one of `isbn13` and `isbn` must be there. An `isbn13` of 13 digits, or an ISBN-10, must be right. One
  /// that a spreadsheet ruined (9.78043902348e+12) is rebuilt from `isbn`, whose lost leading zeros are restored; an
  /// `isbn` that is wrong even so leaves the book without a number, as the real catalogues have them too.
  /// Fails with ec::bad_request and "FILE: line 17: year: expected ..., got ...".
  [[nodiscard]] static result<catalogue> load(const std::string& path);

  /// The same for a text; `name` stands for the file in error messages.
  [[nodiscard]] static result<catalogue> parse(std::string_view text, const std::string& name);

  [[nodiscard]] const std::vector<book>& books() const noexcept { return books_; }

  /// Books whose title, authors or ISBN hold any word of the query, best first (search_index::find).
  [[nodiscard]] hits search(std::string_view query, std::size_t offset, std::size_t count) const;

  /// Books with this ISBN (10 or 13, hyphens allowed); empty when it is unknown or none at all.
  [[nodiscard]] std::span<const std::uint32_t> with_isbn(std::string_view isbn) const;

private:
  void add(book next);

  std::vector<book> books_;
  search_index index_;
};

} // namespace troupe::replay
