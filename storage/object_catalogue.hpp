// What objects there are: one row each in the table `objects` of an SQL database, with everything but the bytes. The
// back-ends that keep the bytes in files and in SQL share it, so that the order of keys, conditions and pages are
// written once.
//
// Keys are stored as bytes: that is the order every database compares them in, whatever collation it has for text. A
// row names its body by a random id, so that a put writes a new body unseen and becomes visible with one statement.
#pragma once

#include "storage/object_blocks.hpp"
#include "storage/objects.hpp"
#include "storage/sql.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::storage {

struct catalogued_object {
  object_info info;
  std::string body;   ///< its id
  std::string checks; ///< written_body::checks
};

/// Errors are those of `sql`. Holds a reference: the database outlives the catalogue.
class object_catalogue {
public:
  object_catalogue(sql& db, std::string bucket) : db_{db}, bucket_{std::move(bucket)} {}

  [[nodiscard]] result<std::optional<catalogued_object>> find(std::string_view key);

  /// Inserts or replaces a row in one statement; false, changing nothing, when the conditions do not hold.
  [[nodiscard]] result<bool> put(const catalogued_object& object, const preconditions& only);

  /// Removes the row, if it still names that body; whether it did.
  [[nodiscard]] result<bool> remove(std::string_view key, std::string_view body);

  /// As objects::list. One query a page and, with a delimiter, about one more for each common prefix: the keys within
  /// are not read.
  [[nodiscard]] result<object_list> list(const list_options& options);

private:
  sql& db_;
  std::string bucket_;
};

} // namespace troupe::storage
