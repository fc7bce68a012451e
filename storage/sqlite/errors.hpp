// SQLite's result codes as our errors: one place that decides what is unusable and what merely failed.
#pragma once

#include "messages/result.hpp"

#include <string>

struct sqlite3;

namespace troupe::storage::sqlite {

/// Why a database cannot be used, as ec::storage_unusable: the file, what is wrong and what to do about it.
/// @param connection may be null.
[[nodiscard]] error opening_error(sqlite3* connection, int code, const std::string& path);

/// Why a statement failed: ec::storage_failed, or ec::storage_unusable when the file turned out to be corrupt.
[[nodiscard]] error statement_error(sqlite3* connection, int code, const std::string& path);

} // namespace troupe::storage::sqlite
