#include "apps/bridge/api_keys.hpp"
#include "apps/config/key_file.hpp"
#include "apps/troupe/commands.hpp"
#include "apps/troupe/process.hpp"

#include <algorithm>
#include <cstdio>

namespace troupe {

// The key on standard error, the table on standard output: `troupe key new --name mobile >> keys.toml` shows the one
// and files the other.
int run_new_key(const key_options& options) {
  if (!config::is_key_name(options.name)) {
    complain("--name: expected 1 to 32 letters, digits, '-', '_' and '.', got \"" + options.name + "\"");
    return exit_usage;
  }
  for (const auto& route : options.routes)
    if (!config::is_key_name(route)) {
      complain("--route: expected the name of a route such as search, got \"" + route + "\"");
      return exit_usage;
    }
  std::optional<config::quota> limit;
  if (!options.limit.empty() && !config::parse(options.limit, limit.emplace())) {
    complain("--limit: expected a quota such as 1000/60s, got \"" + options.limit + "\"");
    return exit_usage;
  }
  const auto key = make_key();
  if (!key) {
    complain(key.error().message);
    return 1;
  }
  std::fprintf(stderr,
    "The key of %s, which is shown this once and kept nowhere:\n\n  %s\n\nFor the file of auth.keys_file:\n\n",
    options.name.c_str(), key.value().c_str());
  std::printf("%s", config::format_key(options.name, to_hex(digest_of(key.value())), options.routes, limit).c_str());
  return 0;
}

} // namespace troupe
