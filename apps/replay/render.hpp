// How each provider writes a book: the fragments of JSON that its answers are put together from. All pure; ids that the
// catalogue does not hold (volume ids, cover numbers) are derived from the row, the same at every start.
#pragma once

#include "apps/replay/catalogue.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::replay {

/// A list of texts in one piece of memory: 10,000 small strings would cost a block each.
class text_pool {
public:
  void add(std::string_view text) {
    bytes_ += text;
    ends_.push_back(bytes_.size());
  }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const auto begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view{bytes_}.substr(begin, ends_[i] - begin);
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }

private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

/// A number that belongs to a row: the same for the same row and content at every start, evenly spread.
[[nodiscard]] std::uint64_t fingerprint(const book& b, std::uint32_t row) noexcept;

/// "Sapiens: A Brief History" is a title and a subtitle to both providers; the subtitle is empty when there is none.
struct split_title {
  std::string_view title;
  std::string_view subtitle;
};
[[nodiscard]] split_title split(std::string_view title) noexcept;

/// What stands where the real answer has the publisher's text: sentences made of the row's own columns.
[[nodiscard]] std::string describe(const book& b);

/// A language as Google writes it: ISO 639-1 ("en"), with a region only where Google keeps one (pt-BR, zh-CN, zh-TW).
/// Empty when the code is unknown.
[[nodiscard]] std::string google_language(std::string_view code);
/// The same for Open Library: MARC codes, which are ISO 639-2/B ("eng", "fre", "ger").
[[nodiscard]] std::string marc_language(std::string_view code);

// Google Books, API v1 ------------------------------------------------------------------------------------------------

/// Twelve characters of base64url, as volume ids are.
[[nodiscard]] std::string google_id(const book& b, std::uint32_t row);
/// A volume as it stands in `items` of a search.
[[nodiscard]] std::string google_item(const book& b, std::uint32_t row);
/// A volume as /volumes/{id} answers it: the description is HTML, categories are paths, there are more image sizes.
[[nodiscard]] std::string google_volume(const book& b, std::uint32_t row);

// Open Library --------------------------------------------------------------------------------------------------------

/// Works and editions are numbered by row, authors by first appearance, above the numbers that the fixtures use.
[[nodiscard]] std::string open_library_work_key(std::uint32_t row);
[[nodiscard]] std::string open_library_edition_key(std::uint32_t row);
[[nodiscard]] std::string open_library_author_key(std::uint32_t author);
/// The row or author of such a key ("OL45000007W"), by its last letter; -1 when it is not one of ours.
[[nodiscard]] std::int64_t open_library_index(std::string_view key) noexcept;

/// The fields of a document in /search.json, in the order in which they are written (alphabetical, as there).
inline constexpr std::array<std::string_view, 14> open_library_fields{"author_key", "author_name", "cover_edition_key",
  "cover_i", "edition_count", "edition_key", "first_publish_year", "isbn", "key", "language", "publisher", "subject",
  "subtitle", "title"};
/// One field of that document with its value (`"title":"Dune"`), empty when the book does not have it.
[[nodiscard]] std::string open_library_field(
  const book& b, std::uint32_t row, const std::vector<std::uint32_t>& authors, std::size_t field);
/// What /isbn/{isbn}.json and /books/{key}.json answer: authors, works and languages as keys only.
[[nodiscard]] std::string open_library_edition(
  const book& b, std::uint32_t row, const std::vector<std::uint32_t>& authors);
/// What /works/{key}.json answers; the description is a string for one work and {type, value} for the next.
[[nodiscard]] std::string open_library_work(
  const book& b, std::uint32_t row, const std::vector<std::uint32_t>& authors);
/// What /authors/{key}.json answers.
[[nodiscard]] std::string open_library_author(std::string_view name, std::uint32_t author);
/// A value in the object that /api/books answers with jscmd=data.
[[nodiscard]] std::string open_library_data(
  const book& b, std::uint32_t row, const std::vector<std::uint32_t>& authors);

// ISBNdb, API v2 ------------------------------------------------------------------------------------------------------

/// A record as it stands in `book` and `books`. The book must have an ISBN-13.
[[nodiscard]] std::string isbndb_record(const book& b, std::uint32_t row);

} // namespace troupe::replay
