// Many rows in few statements: what a batch costs is mostly its statements, and with PostgreSQL the way there and back
// of each.
#pragma once

#include "storage/sql.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// Statements that insert `rows` (or do with them what head and tail say around a VALUES list): 32 in each, the rest
/// one by one (a text of its own for every number of rows would fill the statement caches).
/// @param head "INSERT INTO t (a, b) VALUES"
/// @param tail "" or " ON CONFLICT ...". No two rows may conflict: PostgreSQL changes none twice in one statement. They
///   come in the order of their keys: two transactions that lock the same rows in two orders wait for each other.
/// @param rows each with as many values
[[nodiscard]] std::vector<statement> insert_many(
  std::string_view head, std::string_view tail, std::vector<params> rows);

} // namespace troupe::storage
