#include "apps/node/databases.hpp"

#include "storage/directory.hpp"
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
  const auto known = storage::parse_migrations(storage::built_in_migrations());
  if (!known)
    return known.as_failure();
  if (auto migrated = storage::migrate_up(*writer.value(), known.value(), now_ms); !migrated)
    return migrated.as_failure();
  auto reader = s.storage.url.empty() ? open_embedded({.path = file_of(s), .read_only = true})
                                      : open_shared(s, secrets, longest_read);
  if (!reader)
    return reader.as_failure();
  return databases{std::move(writer.value()), std::move(reader.value())};
}

} // namespace troupe
