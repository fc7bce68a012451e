// The domain type: a book, with what any provider can say of it, and for each field which provider said it. Unknown is
// empty or 0, never a placeholder. A book that a mapper or a merge hands out always has a title.
#pragma once

#include "messages/types.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::books {

/// The fields that have a provenance, in the order in which they are written.
enum class field : std::uint8_t {
  title,
  subtitle,
  authors,
  isbn13,
  isbn10,
  publisher,
  published_date,
  published_year,
  page_count,
  language,
  categories,
  description,
  cover_url,
};
inline constexpr std::size_t field_count = 13;

/// Their names in JSON.
inline constexpr std::array<std::string_view, field_count> field_names{"title", "subtitle", "authors", "isbn13",
  "isbn10", "publisher", "published_date", "published_year", "page_count", "language", "categories", "description",
  "cover_url"};

struct book {
  std::string title;
  std::string subtitle;
  std::vector<std::string> authors;
  std::string isbn13; // thirteen digits, check digit verified
  std::string isbn10; // the same book's; empty for the prefix 979
  std::string publisher;
  std::string published_date; // as the provider gave it
  int published_year = 0;
  int page_count = 0;
  std::string language; // BCP 47
  std::vector<std::string> categories;
  std::string description;                         // plain text
  std::string cover_url;                           // https
  fields ids;                                      // provider -> its id of the book, in order of the providers' names
  std::array<std::string, field_count> provenance; // by `field`: the provider that said it

  /// The other ISBN-13s that a provider lists for the same record (a work's editions), so that a merge recognises them.
  /// Not part of the JSON.
  std::vector<std::uint64_t> other_isbns;

  [[nodiscard]] std::string& said(field f) { return provenance[static_cast<std::size_t>(f)]; }
  [[nodiscard]] const std::string& said(field f) const { return provenance[static_cast<std::size_t>(f)]; }

  /// Notes a provider's id of this book; the first one said stays.
  void set_id(std::string_view provider, std::string_view id) {
    auto it = ids.begin();
    while (it != ids.end() && it->first < provider)
      ++it;
    if (!id.empty() && (it == ids.end() || it->first != provider))
      ids.emplace(it, provider, id);
  }

  friend bool operator==(const book&, const book&) = default;
};

/// What mappers and merges of this application hand to the platform.
struct book_list final : records {
  std::vector<book> books;
  bool may_go_on = false; ///< a provider listed as many as were asked for: it may know more

  book_list() = default;
  explicit book_list(std::vector<book> list) : books{std::move(list)} {}

  [[nodiscard]] std::size_t count() const noexcept override { return books.size(); }
};

} // namespace troupe::books
