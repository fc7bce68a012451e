// Backup and restore of a data directory, the embedded stores' files, while they are in use.
//
// A backup is one archive (archive.hpp): a line that says what it is, every file, and last `SHA256SUMS` with the
// checksum of each, as `sha256sum -c` reads it. It has each SQLite database as it was at one moment, and each bucket of
// objects (files/store.hpp) as it was at one moment, index and bodies; other files as they are read. Databases come
// before buckets, so that an object which a row names is in the backup if it was stored before the row.
#pragma once

#include "messages/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::storage {

/// What a backup holds.
struct backup_summary {
  std::int64_t databases = 0;
  std::int64_t objects = 0;
  std::int64_t other_files = 0;
  /// A line for each object whose body is missing or damaged: it is so in the backup too, and was before it.
  std::vector<std::string> damaged = {};
};

/// Writes a backup of `data_dir` to the new file `file`: beside it first, synced, then linked, so that a file of that
/// name is whole and none is overwritten. Needs space beside the data for one database at a time. Fails with
/// ec::bad_request when `file` exists or is inside `data_dir`, with ec::storage_unusable when a database is corrupt,
/// else with ec::storage_failed; the message names the file and the reason.
[[nodiscard]] result<backup_summary> backup(const std::string& data_dir, const std::string& file);

/// Puts a backup into `data_dir`, which is made or empty. Everything is read and verified first; only then, synced, is
/// it put in place. Fails with ec::bad_request when `data_dir` is not empty, else with ec::storage_failed or
/// ec::storage_unusable; nothing is in `data_dir` then. How many files were restored.
[[nodiscard]] result<std::int64_t> restore(const std::string& file, const std::string& data_dir);

} // namespace troupe::storage
