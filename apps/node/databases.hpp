// The databases that a configuration names: SQLite in the data directory, or PostgreSQL.
#pragma once

#include "apps/config/config.hpp"
#include "apps/config/secrets.hpp"
#include "storage/migrations.hpp"
#include "storage/objects.hpp"
#include "storage/sql.hpp"
#include "storage/sql_pool.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace troupe {

/// Connections of a node to its main database: two for one actor each, and a pool for those who share (jobs,
/// schedules), whose writes are on the disk when they are answered.
struct databases {
  std::shared_ptr<storage::sql> writer;
  std::shared_ptr<storage::sql> reader;
  std::shared_ptr<storage::sql_pool> main;
};

/// A connection that may write, as the database is: nothing is migrated. Errors are one line that names the database,
/// without credentials.
[[nodiscard]] result<std::unique_ptr<storage::schema_sql>> open_writer(
  const config::settings& s, const config::secrets& secrets);

/// Brings the database to this program's version and opens what a node needs. `now_ms`: Unix time, for the record.
[[nodiscard]] result<databases> open_databases(
  const config::settings& s, const config::secrets& secrets, std::int64_t now_ms);

/// What the cache keeps on disk: a pool of connections for its key-value store, and the bucket of its cold tier. Either
/// is null when the configuration wants none.
struct cache_stores {
  std::shared_ptr<storage::sql_pool> kv;
  std::shared_ptr<storage::objects> cold;
};

/// Opens them: a database of its own and a folder of the data directory, which a power cut may take the last seconds
/// from (the providers can say it again), or PostgreSQL. `now_ms`: Unix time.
[[nodiscard]] result<cache_stores> open_cache_stores(
  const config::settings& s, const config::secrets& secrets, std::function<std::int64_t()> now_ms);

} // namespace troupe
