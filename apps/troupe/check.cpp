#include "apps/config/load.hpp"
#include "apps/troupe/commands.hpp"
#include "apps/troupe/process.hpp"

#include <cstdio>

namespace troupe {

int run_check(const check_options& options) {
  config::load_request r;
  r.file = options.config;
  r.sets = options.sets;
  r.env = config::process_environment();
  r.check_programs = check_programs;
  if (!options.secrets.empty())
    r.secrets_file = options.secrets;
  const auto loaded = config::load(r);
  for (const auto& line : loaded.errors)
    std::fprintf(stderr, "%s\n", line.c_str());
  for (const auto& line : loaded.warnings)
    std::fprintf(stderr, "warning: %s\n", line.c_str());
  if (!loaded.ok())
    return exit_usage;
  std::printf("%s: valid\n", options.config.c_str());
  return 0;
}

} // namespace troupe
