// The schema of the database by hand. `troupe up` applies what is pending by itself; this is for whoever wants to see
// it first, to do it apart from a start, or to take it back.
#include "apps/config/load.hpp"
#include "apps/node/databases.hpp"
#include "apps/troupe/commands.hpp"
#include "apps/troupe/process.hpp"

#include <fmt/chrono.h>

#include <chrono>
#include <cstdio>
#include <functional>

namespace troupe {
namespace {

using known_migrations = std::vector<storage::migration>;

config::load_request request_of(const migrate_options& options) {
  config::load_request r;
  if (!options.config.empty())
    r.file = options.config;
  r.env = config::process_environment();
  r.check_programs = check_programs;
  r.sets = options.sets;
  if (!options.data_dir.empty())
    r.flags.push_back({"--data-dir", "storage.dir", options.data_dir});
  if (!options.storage.empty())
    r.flags.push_back({"--storage", "storage.url", options.storage});
  if (!options.secrets.empty())
    r.secrets_file = options.secrets;
  return r;
}

// Opens the database and does `work` with it; the exit code.
int with_database(const migrate_options& options,
  const std::function<result<void>(storage::schema_sql&, const known_migrations&)>& work) {
  const auto loaded = config::load(request_of(options));
  for (const auto& line : loaded.errors)
    complain(line);
  if (!loaded.ok())
    return exit_usage;
  auto db = open_writer(loaded.values, loaded.secrets);
  if (!db) {
    complain(db.error().message);
    return exit_usage;
  }
  const auto known = storage::parse_migrations(storage::built_in_migrations());
  const auto done = known ? work(*db.value(), known.value()) : result<void>{known.as_failure()};
  if (done)
    return 0;
  complain(done.error().message);
  return 1;
}

void say(std::string_view database, const storage::migrated& m) {
  if (m.from == m.to)
    std::printf("%.*s: at version %lld, nothing to do\n", static_cast<int>(database.size()), database.data(),
      static_cast<long long>(m.to));
  else
    std::printf("%.*s: from version %lld to %lld\n", static_cast<int>(database.size()), database.data(),
      static_cast<long long>(m.from), static_cast<long long>(m.to));
}

} // namespace

int run_migrate_list(const migrate_options& options) {
  return with_database(options, [](storage::schema_sql& db, const known_migrations& known) -> result<void> {
    const auto all = storage::list_migrations(db, known);
    if (!all)
      return all.as_failure();
    for (const auto& m : all.value()) {
      const auto when = m.applied_ms ? fmt::format(
                          "applied {:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(*m.applied_ms / 1000)))
                                     : std::string{"pending"};
      std::printf("%s  %s  %s\n", m.name.c_str(), m.checksum.c_str(), when.c_str());
    }
    return ok();
  });
}

int run_migrate_apply(const migrate_options& options) {
  return with_database(options, [&](storage::schema_sql& db, const known_migrations& known) -> result<void> {
    if (options.dry_run) {
      const auto script = storage::pending_script(db, known);
      if (!script)
        return script.as_failure();
      std::fputs(script.value().c_str(), stdout);
      return ok();
    }
    const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    const auto done = storage::migrate_up(db, known, now.count());
    if (!done)
      return done.as_failure();
    say(db.name(), done.value());
    return ok();
  });
}

int run_migrate_down(const migrate_options& options) {
  return with_database(options, [&](storage::schema_sql& db, const known_migrations& known) -> result<void> {
    const auto done = storage::migrate_down(db, known, options.version);
    if (!done)
      return done.as_failure();
    say(db.name(), done.value());
    return ok();
  });
}

} // namespace troupe
