// The back-ends of `objects` for tests that run against each of them, each with a fresh, empty bucket.
#pragma once

#include "storage/files/store.hpp"
#include "storage/migrations.hpp"
#include "storage/objects_sql.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/support/results.hpp"
#include "tests/support/temp_directory.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace troupe::test {

/// Unix time in milliseconds as the tests' stores see it: fixed, so that a test can name it.
inline constexpr std::int64_t objects_now_ms = 1'700'000'000'000;

inline std::unique_ptr<storage::files::store> open_files(
  const std::string& directory, storage::sqlite::durability sync = storage::sqlite::durability::full) {
  return value_of(
    storage::files::store::open({.directory = directory, .sync = sync, .now_ms = [] { return objects_now_ms; }}));
}

/// A database with the tables of objects_sql, and all others that the program has.
inline void make_object_tables(storage::schema_sql& db) {
  if (auto done = migrate_up(db, value_of(storage::parse_migrations(storage::built_in_migrations())), 0); !done)
    throw std::runtime_error{done.error().message};
}

/// One bucket of one back-end, and what its server leaves out of S3. Our own code leaves out nothing: what a server
/// does not do is tested against a server of the test's own (tests/storage/s3_test.cpp).
struct objects_backend {
  std::string name;
  storage::objects& bucket;
  bool put_conditions = true; ///< If-Match and If-None-Match of a put
  bool any_key = true;        ///< also keys with . and .. and empty segments, and of more than 255 bytes
  bool exact_listing = true;  ///< order by bytes, and common prefixes counted towards the limit
  bool keeps_clock = true;    ///< modified_ms is objects_now_ms
};

/// s3rver 3.7.1 keeps objects as files named by their keys, and ignores the conditions of a PUT.
inline objects_backend on_s3rver(storage::objects& bucket) {
  return {.name = "s3 (s3rver)",
    .bucket = bucket,
    .put_conditions = false,
    .any_key = false,
    .exact_listing = false,
    .keeps_clock = false};
}

/// Bytes that repeat nowhere soon, so that a block in the wrong place is noticed.
inline std::string patterned(std::size_t size) {
  auto out = std::string(size, '\0');
  auto state = std::uint32_t{2463534242};
  for (auto& each : out) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    each = static_cast<char>(state & 0xff);
  }
  return out;
}

} // namespace troupe::test
