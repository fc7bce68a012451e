#include "storage/backup.hpp"
#include "apps/config/load.hpp"
#include "apps/troupe/commands.hpp"
#include "apps/troupe/process.hpp"

#include <cstdio>
#include <optional>

namespace troupe {
namespace {

/// The data directory that is meant, or none, and the mistakes of the configuration are told.
std::optional<std::string> directory_of(const backup_options& options) {
  if (!options.data_dir.empty())
    return options.data_dir;
  config::load_request r;
  if (!options.config.empty())
    r.file = options.config;
  r.env = config::process_environment();
  r.check_programs = check_programs;
  const auto loaded = config::load(r);
  for (const auto& line : loaded.errors)
    complain(line);
  return loaded.ok() ? std::optional{loaded.values.storage.dir} : std::nullopt;
}

int refuse(const error& e) {
  complain(e.message);
  return e.code == ec::bad_request ? exit_usage : 1;
}

} // namespace

int run_backup(const backup_options& options) {
  const auto directory = directory_of(options);
  if (!directory)
    return exit_usage;
  const auto done = storage::backup(*directory, options.file);
  if (!done)
    return refuse(done.error());
  const auto& held = done.value();
  for (const auto& line : held.damaged)
    std::fprintf(stderr, "warning: %s\n", line.c_str());
  std::printf("%s: %lld databases, %lld objects, %lld other files of %s\n", options.file.c_str(),
    static_cast<long long>(held.databases), static_cast<long long>(held.objects),
    static_cast<long long>(held.other_files), directory->c_str());
  return 0;
}

int run_restore(const backup_options& options) {
  const auto directory = directory_of(options);
  if (!directory)
    return exit_usage;
  const auto done = storage::restore(options.file, *directory);
  if (!done)
    return refuse(done.error());
  std::printf(
    "%s: %lld files into %s\n", options.file.c_str(), static_cast<long long>(done.value()), directory->c_str());
  return 0;
}

} // namespace troupe
