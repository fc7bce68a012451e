// A copy of a SQLite database as it is at one moment, while others read and write it.
#pragma once

#include "storage/sql.hpp"

#include <functional>
#include <string>

namespace troupe::storage::sqlite {

/// Whether a file begins as every SQLite database does (https://www.sqlite.org/fileformat.html). One that cannot be
/// read does not.
[[nodiscard]] bool is_database(const std::string& path);

/// What is to be done at the very moment that is copied: nobody writes until it returns.
using at_that_moment = std::function<result<void>(sql& db)>;

/// Copies the database `from` into the new file `to` (SQLite's online backup) and checks the copy. Readers and writers
/// go on, except that writers wait for `meanwhile`. Nothing is synced. Fails with ec::storage_unusable when the
/// database is corrupt and with ec::storage_failed otherwise; the message names `from`.
[[nodiscard]] result<void> snapshot(
  const std::string& from, const std::string& to, const at_that_moment& meanwhile = {});

} // namespace troupe::storage::sqlite
