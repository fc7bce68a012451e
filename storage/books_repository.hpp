// The `books` table: what providers have said of single books, kept for good. Written once, against `sql`.
#pragma once

#include "storage/sql.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

struct stored_book {
  std::string isbn; ///< ISBN-13, digits alone
  std::string title;
  std::string author;          ///< the authors, joined; empty when none is known
  std::string data;            ///< the book as JSON
  std::string provider;        ///< the tag of the answer that it came with ("orchestrated:google+openlibrary")
  std::int64_t fetched_ms = 0; ///< when, Unix time

  friend bool operator==(const stored_book&, const stored_book&) = default;
};

/// Errors are those of `sql`. Holds a reference: the database outlives the repository.
class books_repository {
public:
  explicit books_repository(sql& db) noexcept : db_{db} {}

  /// The book with this ISBN-13, or none.
  [[nodiscard]] result<std::optional<stored_book>> find(std::string_view isbn);

  /// Stores a book; one with the same ISBN is replaced.
  [[nodiscard]] result<void> put(const stored_book& book);

  /// Stores books in one transaction, all or none. Of two with one ISBN the later stays.
  [[nodiscard]] result<void> put_many(const std::vector<stored_book>& books);

private:
  sql& db_;
};

} // namespace troupe::storage
