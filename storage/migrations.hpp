// Numbered changes to a database's schema, each with a way forward and a way back.
//
// A migration is a file `NNNN_name.sql` with a line `-- up` and a line `-- down`; the build puts the files into the
// program. What was applied is recorded in `schema_migrations` with a checksum, so that a file that was edited
// afterwards is noticed instead of leaving two databases of one version with different schemas. All pending migrations
// run in one exclusive transaction: a start reaches the newest schema or changes nothing, and of two processes that
// start at once the second finds the work done. Files are written once for every back-end: `{blob}` stands for the type
// of a column of bytes, the one word that differs. The checksum is that of the file, so it is the same everywhere.
#pragma once

#include "storage/sql.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

struct migration {
  std::int64_t version = 0;
  std::string name; ///< the file's name without its ending: "0001_books"
  std::string up;
  std::string down;

  /// Of the up part: what it did is what a database depends on. FNV-1a, 64 bits: it guards against accident, not
  /// malice.
  [[nodiscard]] std::string checksum() const;
};

/// A migration file as the build found it.
struct migration_file {
  std::string_view name; ///< "0001_books.sql"
  std::string_view text;
};

/// The files of storage/migrations, in order.
[[nodiscard]] std::span<const migration_file> built_in_migrations() noexcept;

/// Parses files into migrations, in order. Fails with ec::internal naming the file when a name is not `NNNN_name.sql`,
/// a part is missing or empty, or the numbers are not 1, 2, 3 ...
[[nodiscard]] result<std::vector<migration>> parse_migrations(std::span<const migration_file> files);

/// From which version to which a database came; equal when there was nothing to do. 0 is an empty database.
struct migrated {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

/// One migration as a database stands to it.
struct migration_state {
  std::int64_t version = 0;
  std::string name;
  std::string checksum;                   ///< of what this program knows
  std::optional<std::int64_t> applied_ms; ///< Unix time; none: pending

  friend bool operator==(const migration_state&, const migration_state&) = default;
};

/// Every migration of `known`, applied or pending, in order. Changes nothing. Errors as migrate_up.
[[nodiscard]] result<std::vector<migration_state>> list_migrations(schema_sql& db, std::span<const migration> known);

/// What migrate_up would run now, as one script of this database's dialect with a comment before each migration; empty
/// when nothing is pending. Changes nothing. Errors as migrate_up.
[[nodiscard]] result<std::string> pending_script(schema_sql& db, std::span<const migration> known);

/// Applies what is pending of `known`. Fails with ec::storage_unusable naming the database and the migration when one
/// that was applied has been edited since or is missing from `known`, or when the database is newer than this program;
/// with ec::storage_failed naming the migration when it does not run. Nothing is changed then.
/// @param now_ms Unix time in milliseconds, for the record.
[[nodiscard]] result<migrated> migrate_up(schema_sql& db, std::span<const migration> known, std::int64_t now_ms);

/// Takes back every migration above version `target`, newest first, in one transaction. Errors as migrate_up.
[[nodiscard]] result<migrated> migrate_down(schema_sql& db, std::span<const migration> known, std::int64_t target);

} // namespace troupe::storage
