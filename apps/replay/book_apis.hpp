// The three book APIs over one catalogue: what each endpoint answers. Searches and `api/books`, which are called often
// and for many books at once, are put together from fragments that were rendered when the catalogue was loaded; a
// single volume, edition, work or author is rendered when asked for (a few microseconds), which halves memory and
// start. Immutable; any thread may ask. The catalogue must outlive them.
#pragma once

#include "apps/replay/call.hpp"
#include "apps/replay/catalogue.hpp"
#include "apps/replay/render.hpp"

#include <optional>
#include <unordered_map>
#include <vector>

namespace troupe::replay {

/// A query of either provider as the catalogue understands it: field prefixes (`intitle:`, `author:`, ...) are dropped,
/// their words kept; `isbn:` turns the query into a look-up of those numbers alone.
struct query_terms {
  std::string words;
  std::vector<std::string> isbns;
};
[[nodiscard]] query_terms parse_terms(std::string_view q);

/// The page of what a query finds in the catalogue.
[[nodiscard]] hits find_books(const catalogue& books, const query_terms& terms, std::size_t offset, std::size_t count);

/// Google Books API v1 (developers.google.com/books/docs/v1/reference):
///  - GET /books/v1/volumes?q=&startIndex=&maxResults= (10 unless told, at most 40): `items` is missing when the page
///  is
///    empty; without q 400.
///  - GET /books/v1/volumes/{id}: 404 for an unknown id of the right form, 503 for any other, as recorded.
class google_books {
public:
  explicit google_books(const catalogue& books);

  /// The answer, or nothing when the path is none of the above.
  [[nodiscard]] std::optional<reply> answer(const call& c) const;

private:
  [[nodiscard]] reply search(const call& c) const;
  [[nodiscard]] reply volume(std::string_view id) const;

  const catalogue& books_;
  text_pool items_;
  std::unordered_map<std::string, std::uint32_t> rows_by_id_;
};

/// Open Library (openlibrary.org/developers/api):
///  - GET /search.json?q=&title=&author=&isbn=&page=&offset=&limit=&fields= (100 unless told, at most 1,000)
///  - GET /api/books?bibkeys=ISBN:..,OLID:..&format=json&jscmd=viewapi|data|details: an object keyed by the keys as
///  they
///    were asked for, without those that are unknown; a script unless format=json
///  - GET /isbn/{isbn}.json, /books/{key}.json, /works/{key}.json, /authors/{key}.json: 404 when unknown
class open_library {
public:
  explicit open_library(const catalogue& books);

  /// The answer, or nothing when the path is none of the above.
  [[nodiscard]] std::optional<reply> answer(const call& c) const;

private:
  [[nodiscard]] reply search(const call& c) const;
  [[nodiscard]] reply by_bibkeys(const call& c) const;
  [[nodiscard]] reply by_key(std::string_view path, std::string_view key) const;
  /// The row that a bibkey names, or nothing.
  [[nodiscard]] std::optional<std::uint32_t> row_of(std::string_view bibkey) const;

  const catalogue& books_;
  text_pool search_fields_; ///< open_library_fields.size() entries a row
  text_pool data_;
  std::vector<std::vector<std::uint32_t>> authors_; ///< of each row, by number
  std::vector<std::string_view> author_names_;      ///< by number; in the catalogue
};

/// ISBNdb API v2 (isbndb.com/isbndb-api-documentation-v2), of the rows that have a number; lists are cut by
/// ?page=&pageSize= (1 and 20 unless told, at most 1,000 a page and 10,000 in all), and nothing found is 404:
///  - GET /book/{isbn}: {book}
///  - GET /books/{query} and /search/books?text=&author=&isbn=&isbn13=: {total, books}
///  - GET /author/{name}?language=: {author, books}, without a total
class isbndb {
public:
  explicit isbndb(const catalogue& books);

  /// The answer, or nothing when the path is none of the above.
  [[nodiscard]] std::optional<reply> answer(const call& c) const;

private:
  /// An author's name for comparing.
  [[nodiscard]] static std::string key(std::string_view author);
  [[nodiscard]] reply book_by(std::string_view isbn) const;
  [[nodiscard]] reply search(const call& c, std::string_view text, std::string_view isbn) const;
  [[nodiscard]] reply author(const call& c, std::string_view name) const;
  void append_page(
    std::string& out, std::string_view name, const std::vector<std::uint32_t>& rows, const call& c) const;

  const catalogue& books_;
  text_pool records_; ///< of each row; empty without a number
  std::unordered_map<std::string, std::vector<std::uint32_t>> rows_by_author_;
};

} // namespace troupe::replay
