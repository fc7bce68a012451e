#include "apps/node/databases.hpp"

#include "storage/directory.hpp"
#include "storage/files/store.hpp"
#include "storage/objects_sql.hpp"
#include "storage/postgres/database.hpp"
#include "storage/sqlite/database.hpp"

namespace troupe {
namespace {

std::string file_of(const config::settings& s) {
  return s.storage.dir + "/troupe.db";
}

/// Of reading a row or two. The cache has long gone on by then, and others wait behind it.
constexpr auto longest_read = std::chrono::seconds{2};

result<std::unique_ptr<storage::schema_sql>> open_shared(const config::settings& s, const config::secrets& secrets,
  std::chrono::milliseconds longest = storage::postgres::options{}.statement_timeout) {
  auto opened = storage::postgres::database::open(
    {.address = s.storage.url, .password = secrets.storage_password.reveal(), .statement_timeout = longest});
  if (!opened)
    return opened.as_failure();
  return std::unique_ptr<storage::schema_sql>{std::move(opened.value())};
}

result<std::unique_ptr<storage::schema_sql>> open_embedded(storage::sqlite::options o) {
  auto opened = storage::sqlite::database::open(std::move(o));
  if (!opened)
    return opened.as_failure();
  return std::unique_ptr<storage::schema_sql>{std::move(opened.value())};
}

result<void> migrate(storage::schema_sql& db, std::int64_t now_ms) {
  const auto known = storage::parse_migrations(storage::built_in_migrations());
  if (!known)
    return known.as_failure();
  if (auto migrated = storage::migrate_up(db, known.value(), now_ms); !migrated)
    return migrated.as_failure();
  return ok();
}

/// A bucket in a database, with the connection that it stands on.
struct bucket_in_database {
  std::unique_ptr<storage::schema_sql> db;
  storage::objects_sql bucket;
};

/// Reads and short writes of the cache, from several shards at once.
constexpr int shared_connections = 4;
/// The cache does without, rather than wait behind more.
constexpr std::size_t waiting_jobs = 1024;

result<cache_stores> open_shared_cache(
  const config::settings& s, const config::secrets& secrets, const std::function<std::int64_t()>& now_ms) {
  cache_stores out;
  if (s.cache.persist) {
    storage::pool_settings pool;
    pool.queue_limit = waiting_jobs;
    for (int i = 0; i < shared_connections; ++i) {
      auto opened = open_shared(s, secrets, longest_read);
      if (!opened)
        return opened.as_failure();
      pool.writers.push_back(std::move(opened.value()));
    }
    out.kv = std::make_shared<storage::sql_pool>(std::move(pool));
  }
  if (s.cache.cold_ttl.count() > 0) {
    auto opened = open_shared(s, secrets, longest_read);
    if (!opened)
      return opened.as_failure();
    auto& db = *opened.value();
    const std::shared_ptr<bucket_in_database> made{
      new bucket_in_database{std::move(opened.value()), {db, "cache", now_ms}}};
    out.cold = std::shared_ptr<storage::objects>{made, &made->bucket};
  }
  return out;
}

result<cache_stores> open_embedded_cache(const config::settings& s, const std::function<std::int64_t()>& now_ms) {
  cache_stores out;
  if (s.cache.persist) {
    const auto file = s.storage.dir + "/cache.db";
    auto writer = open_embedded({.path = file});
    if (!writer)
      return writer.as_failure();
    if (auto done = migrate(*writer.value(), now_ms()); !done)
      return done.as_failure();
    auto reader = open_embedded({.path = file, .read_only = true});
    if (!reader)
      return reader.as_failure();
    storage::pool_settings pool;
    pool.writers.push_back(std::move(writer.value()));
    pool.readers.push_back(std::move(reader.value()));
    pool.queue_limit = waiting_jobs;
    pool.group_writes = true;
    out.kv = std::make_shared<storage::sql_pool>(std::move(pool));
  }
  if (s.cache.cold_ttl.count() > 0) {
    auto opened = storage::files::store::open(
      {.directory = s.storage.dir + "/cold", .sync = storage::sqlite::durability::normal, .now_ms = now_ms});
    if (!opened)
      return opened.as_failure();
    out.cold = std::move(opened.value());
  }
  return out;
}

/// Of PostgreSQL: two questions at a time; more would be taken from those that the cache needs.
constexpr int main_connections = 2;

/// What was acknowledged to a user outlives a power cut: each commit is synced, which waiting writes share.
result<std::shared_ptr<storage::sql_pool>> open_main(const config::settings& s, const config::secrets& secrets) {
  storage::pool_settings pool;
  if (s.storage.url.empty()) {
    auto writer = open_embedded({.path = file_of(s), .sync = storage::sqlite::durability::full});
    if (!writer)
      return writer.as_failure();
    auto reader = open_embedded({.path = file_of(s), .read_only = true});
    if (!reader)
      return reader.as_failure();
    pool.writers.push_back(std::move(writer.value()));
    pool.readers.push_back(std::move(reader.value()));
    pool.group_writes = true;
  } else {
    for (int i = 0; i < main_connections; ++i) {
      auto opened = open_shared(s, secrets);
      if (!opened)
        return opened.as_failure();
      pool.writers.push_back(std::move(opened.value()));
    }
  }
  return std::make_shared<storage::sql_pool>(std::move(pool));
}

} // namespace

result<std::unique_ptr<storage::schema_sql>> open_writer(const config::settings& s, const config::secrets& secrets) {
  if (!s.storage.url.empty())
    return open_shared(s, secrets);
  if (auto made = storage::prepare_directory(s.storage.dir); !made)
    return made.as_failure();
  return open_embedded({.path = file_of(s)});
}

result<databases> open_databases(const config::settings& s, const config::secrets& secrets, std::int64_t now_ms) {
  auto writer = open_writer(s, secrets);
  if (!writer)
    return writer.as_failure();
  if (auto migrated = migrate(*writer.value(), now_ms); !migrated)
    return migrated.as_failure();
  auto reader = s.storage.url.empty() ? open_embedded({.path = file_of(s), .read_only = true})
                                      : open_shared(s, secrets, longest_read);
  if (!reader)
    return reader.as_failure();
  auto main = open_main(s, secrets);
  if (!main)
    return main.as_failure();
  return databases{std::move(writer.value()), std::move(reader.value()), std::move(main.value())};
}

result<cache_stores> open_cache_stores(
  const config::settings& s, const config::secrets& secrets, std::function<std::int64_t()> now_ms) {
  return s.storage.url.empty() ? open_embedded_cache(s, now_ms) : open_shared_cache(s, secrets, now_ms);
}

result<std::shared_ptr<storage::objects>> open_uploads(
  const config::settings& s, const config::secrets& secrets, std::function<std::int64_t()> now_ms) {
  if (s.storage.url.empty()) {
    auto opened = storage::files::store::open({.directory = s.storage.dir + "/library",
      .sync = storage::sqlite::durability::full,
      .now_ms = std::move(now_ms)});
    if (!opened)
      return opened.as_failure();
    return std::shared_ptr<storage::objects>{std::move(opened.value())};
  }
  auto opened = open_shared(s, secrets);
  if (!opened)
    return opened.as_failure();
  auto& db = *opened.value();
  const std::shared_ptr<bucket_in_database> made{
    new bucket_in_database{std::move(opened.value()), {db, "personal-library-data", std::move(now_ms)}}};
  return std::shared_ptr<storage::objects>{made, &made->bucket};
}

} // namespace troupe
