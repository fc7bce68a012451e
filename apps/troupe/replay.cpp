#include "apps/replay/replay.hpp"

#include "actors/http_client/file_limit.hpp"
#include "apps/config/values.hpp"
#include "apps/replay/faults.hpp"
#include "apps/troupe/commands.hpp"
#include "apps/troupe/process.hpp"

#include <cstdio>

namespace troupe {

int run_replay(const replay_options& options) {
  prepare_signals();
  raise_file_limit();
  config::address where;
  if (!config::parse(options.listen, where)) {
    complain("--listen: expected ADDR:PORT, got \"" + options.listen + "\"");
    return exit_usage;
  }
  replay::options o;
  o.manifest = options.manifest;
  o.catalogue = options.catalogue;
  o.address = where.host;
  o.port = where.port;
  o.threads = options.threads;
  o.seed = options.seed;
  for (const auto& text : options.faults) {
    auto f = replay::parse_fault(text);
    if (!f) {
      complain("--fault: " + f.error().message);
      return exit_usage;
    }
    o.faults.push_back(std::move(f.value()));
  }
  auto started = replay::server::start(o);
  if (!started) {
    complain(started.error().message);
    return exit_usage;
  }
  where.port = started.value()->port();
  std::fprintf(stderr, "troupe: replay on http://%s\n", config::format(where).c_str());
  wait_for_stop();
  started.value()->stop();
  return 0;
}

} // namespace troupe
