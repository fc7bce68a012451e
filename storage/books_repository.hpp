// The `books` table: what providers have said of single books, kept for good. Written once, against `sql`.
#pragma once

#include "messages/outcome.hpp"
#include "storage/sql.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// Errors are those of `sql`. Holds a reference: the database outlives the repository.
class books_repository {
public:
  explicit books_repository(sql& db) noexcept : db_{db} {}

  /// The book with this ISBN-13, or none.
  [[nodiscard]] result<std::optional<stored_record>> find(std::string_view isbn);

  /// Stores a book; one with the same ISBN is replaced.
  [[nodiscard]] result<void> put(const stored_record& book);

  /// Stores books in one transaction, all or none. Of two with one ISBN the later stays.
  [[nodiscard]] result<void> put_many(const std::vector<stored_record>& books);

private:
  sql& db_;
};

} // namespace troupe::storage
