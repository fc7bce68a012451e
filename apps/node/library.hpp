// The library's jobs on a node: the warmer, who reads its uploads, and the desk at which clients ask for jobs.
#pragma once

#include "apps/config/config.hpp"
#include "apps/node/schedules.hpp"
#include "apps/node/services.hpp"
#include "apps/warmer/desk.hpp"
#include "apps/warmer/upload.hpp"
#include "apps/warmer/warmer.hpp"
#include "storage/objects.hpp"
#include "storage/sql_pool.hpp"

#include <caf/actor_system.hpp>

#include <atomic>
#include <memory>

namespace troupe {

struct library_ground {
  std::shared_ptr<storage::sql_pool> main; // jobs and their items
  /// The bucket of uploads (S2-26), once for each thread that uses it: the importer and those who store.
  std::vector<std::shared_ptr<storage::objects>> uploads;
  std::vector<bound_service> bindings;      // of cache-warmer
  bool with_isbndb = false;                 // whether there is a key for it; without one it answers nobody
  std::shared_ptr<const live_traffic> live; // what the orchestrator tells of people
  std::function<std::int64_t()> wall_ms;
  std::shared_ptr<spdlog::logger> log;
  std::uint64_t seed = 0;
};

struct node_library {
  warmer_actor warmer;
  importer_actor importer;
  desk_actor desk;
  std::shared_ptr<std::atomic<bool>> stop; // what the importer reads
  std::shared_ptr<upload_desk> uploads;
};

/// Fails with ec::config_invalid when cache-warmer is not bound to books-proxy: without that every job would fail of
/// every item.
[[nodiscard]] result<void> check_library(const config::settings& s);

[[nodiscard]] node_library start_library(caf::actor_system& in, const config::settings& s, library_ground ground);

struct library_task_ground {
  std::shared_ptr<storage::sql_pool> jobs;
  std::shared_ptr<storage::objects> uploads; // nobody else's: it is used on the pool's threads, one step at a time
  std::chrono::microseconds keep{0};         // how long ended jobs are kept
  std::function<std::int64_t()> wall_ms;
};

/// What the built-in schedules do: "warm" (S2-29) has the warmer look for work that others have left, "verify" (S2-30)
/// queues a check of every library that was warmed, "purge" removes jobs that ended long ago, and uploads that no job
/// names. The latter two work in small steps, between which whoever waits for the database has his turn.
[[nodiscard]] schedule_tasks library_tasks(const node_library& library, const library_task_ground& ground);

/// The paths of jobs and uploads, for the bridge.
[[nodiscard]] std::vector<resource> library_paths(const config::settings& s, const node_library& library);

} // namespace troupe
