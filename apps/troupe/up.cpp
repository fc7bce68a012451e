#include "actors/http_client/file_limit.hpp"
#include "apps/config/load.hpp"
#include "apps/node/logging.hpp"
#include "apps/node/node.hpp"
#include "apps/replay/replay.hpp"
#include "apps/troupe/commands.hpp"
#include "apps/troupe/process.hpp"

#include <optional>

namespace troupe {
namespace {

// Within this, what is in flight at a stop is finished.
constexpr auto drain_time = std::chrono::seconds{10};

constexpr auto catalogue_name = "demo-catalogue.csv";

std::optional<std::unique_ptr<replay::server>> start_demo(const up_options& options) {
  config::address where;
  if (!config::parse(options.demo_listen, where)) {
    complain("--demo-listen: expected ADDR:PORT, got \"" + options.demo_listen + "\"");
    return std::nullopt;
  }
  replay::options o;
  o.catalogue = find_config_file(catalogue_name);
  o.address = where.host;
  o.port = where.port;
  if (o.catalogue.empty()) {
    complain(std::string{"the demo needs "} + catalogue_name + ": expected it in config/, beside the build folder");
    return std::nullopt;
  }
  auto started = replay::server::start(o);
  if (!started) {
    complain("the demo's replay: " + started.error().message);
    return std::nullopt;
  }
  return std::move(started.value());
}

config::load_request request_of(const up_options& options, const replay::server* demo) {
  config::load_request r;
  if (!options.config.empty())
    r.file = options.config;
  r.env = config::process_environment();
  r.check_programs = check_programs;
  // Weaker than any --set, stronger than the file: the demo's providers are the replay.
  if (demo != nullptr) {
    config::address where;
    [[maybe_unused]] const bool parsed = config::parse(options.demo_listen, where); // it was, in start_demo
    where.port = demo->port();
    for (const auto* name : {"google", "openlibrary", "isbndb"})
      r.sets.push_back(std::string{"providers."} + name + ".url=http://" + config::format(where));
  }
  r.sets.insert(r.sets.end(), options.sets.begin(), options.sets.end());
  const auto add = [&](const char* name, const char* key, const std::string& value) {
    if (!value.empty())
      r.flags.push_back({name, key, value});
  };
  add("--http", "http.address", options.http);
  add("--env", "environment.name", options.environment);
  add("--data-dir", "storage.dir", options.data_dir);
  add("--storage", "storage.url", options.storage);
  add("--log-level", "log.level", options.log_level);
  add("--log-format", "log.format", options.log_format);
  if (!options.secrets.empty())
    r.secrets_file = options.secrets;
  return r;
}

spdlog::level::level_enum level_of(config::log_level l) {
  switch (l) {
  case config::log_level::trace:
    return spdlog::level::trace;
  case config::log_level::debug:
    return spdlog::level::debug;
  case config::log_level::info:
    return spdlog::level::info;
  case config::log_level::warn:
    return spdlog::level::warn;
  case config::log_level::error:
    break;
  }
  return spdlog::level::err;
}

} // namespace

int run_up(const up_options& options) {
  prepare_signals();
  prepare_reload();
  raise_file_limit();
  std::unique_ptr<replay::server> demo;
  if (options.demo) {
    auto started = start_demo(options);
    if (!started)
      return exit_usage;
    demo = std::move(*started);
  }
  auto loaded = config::load(request_of(options, demo.get()));
  for (const auto& line : loaded.errors)
    complain(line);
  if (!loaded.ok())
    return exit_usage;
  auto& settings = loaded.values;
  // What the replay says must not end up among what real providers said.
  if (demo && options.data_dir.empty())
    settings.storage.dir += "/demo";
  logging logs{level_of(settings.log.level), settings.log.format == config::log_format::json};
  const auto& log = logs.log();
  for (const auto& line : loaded.warnings)
    log->warn("{}", line);
  auto where = settings.http.address;
  const auto data = settings.storage.url.empty() ? settings.storage.dir : settings.storage.url;
  if (demo && !settings.storage.url.empty())
    log->warn("The demo's books go into {}, among what real providers said", data);
  const auto* const scheme = settings.http.tls.certificate.empty() ? "http" : "https";
  auto started = node::start({std::move(settings), std::move(loaded.secrets), TROUPE_VERSION, log});
  if (!started) {
    complain(started.error().message);
    return exit_usage;
  }
  auto& node = *started.value();
  where.port = node.port();
  if (demo)
    log->info("Demo: the providers are a replay on port {}", demo->port());
  log->info("Ready on {}://{} (data in {})", scheme, config::format(where), data);
  const int signal = wait_for_stop([&] {
    log->info("Hang-up: reloading");
    node.reload();
  });
  stop_at_next_signal();
  log->info("{}: finishing what is in flight", signal == SIGINT ? "Interrupted" : "Terminated");
  const bool finished = node.drain(drain_time);
  if (demo)
    demo->stop();
  if (!finished)
    log->warn("Some requests were cut off after {} s", drain_time.count());
  log->info("Stopped");
  return 0;
}

} // namespace troupe
