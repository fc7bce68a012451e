#include "storage/sqlite/errors.hpp"

#include <sqlite3.h>
#include <system_error>

namespace troupe::storage::sqlite {
namespace {

/// What the operating system said, or what SQLite says of the code when no system call failed.
std::string system_text(sqlite3* connection, int code) {
  const auto number = connection != nullptr ? sqlite3_system_errno(connection) : 0;
  return number != 0 ? std::error_code{number, std::system_category()}.message() : sqlite3_errstr(code);
}

std::string explain(sqlite3* connection, int code) {
  switch (code & 0xff) { // the primary code of an extended one
  case SQLITE_NOTADB:
    return "is not a database (overwritten, encrypted or cut off?): restore it from a snapshot or move it away";
  case SQLITE_CORRUPT:
    return "is corrupt (database disk image is malformed): restore it from a snapshot or move it away";
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return "is locked by another process: stop what else uses it, then try again";
  case SQLITE_READONLY:
    return "cannot be written: " + std::string{sqlite3_errstr(code)};
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
    return "cannot be opened: " + system_text(connection, code);
  case SQLITE_FULL:
    return "cannot be written: the disk is full";
  case SQLITE_IOERR:
    return "cannot be read or written: " + system_text(connection, code);
  default:
    return "cannot be used: " + std::string{connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code)};
  }
}

} // namespace

error opening_error(sqlite3* connection, int code, const std::string& path) {
  return {ec::storage_unusable, path + ": " + explain(connection, code)};
}

error statement_error(sqlite3* connection, int code, const std::string& path) {
  switch (code & 0xff) {
  case SQLITE_NOTADB:
  case SQLITE_CORRUPT:
    return opening_error(connection, code, path);
  case SQLITE_BUSY:
  case SQLITE_CANTOPEN:
  case SQLITE_FULL:
  case SQLITE_IOERR:
    return {ec::storage_failed, path + ": " + explain(connection, code)};
  case SQLITE_INTERRUPT:
    return {ec::storage_failed, "the statement took longer than the statement time-out and was stopped"};
  case SQLITE_AUTH:
    return {ec::storage_failed, "not authorized: transactions, PRAGMA, ATTACH and VACUUM belong to the store"};
  default:
    // SQLite's own words, such as "UNIQUE constraint failed: books.isbn": they name columns, never values.
    return {ec::storage_failed, sqlite3_errmsg(connection)};
  }
}

} // namespace troupe::storage::sqlite
