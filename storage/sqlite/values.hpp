// Values on their way into and out of SQLite's statements.
#pragma once

#include "storage/sql.hpp"

#include <vector>

struct sqlite3_stmt;

namespace troupe::storage::sqlite {

/// Binds a value to the place `index` (from 1) by reference: the value outlives the execution, after which the bindings
/// are cleared. SQLite's result code.
[[nodiscard]] int bind_one(sqlite3_stmt* prepared, int index, const value& v);

/// The row at which the statement stands.
[[nodiscard]] std::vector<value> read_row(sqlite3_stmt* prepared);

} // namespace troupe::storage::sqlite
