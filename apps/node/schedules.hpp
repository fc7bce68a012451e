// The schedules of a node: the scheduler with what its settings say, and the paths at which operators see it.
#pragma once

#include "actors/scheduler/schedule_book.hpp"
#include "actors/scheduler/schedule_task.hpp"
#include "apps/batches/gate.hpp"
#include "apps/bridge/bridge.hpp"
#include "apps/config/config.hpp"
#include "messages/scheduler.hpp"
#include "storage/sql_pool.hpp"

#include <caf/actor_system.hpp>
#include <spdlog/logger.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// What schedules do, by the name that `task` of a [[schedules]] gives it. Called within the scheduler.
using schedule_tasks = std::map<std::string, schedule_task>;

/// @param pool of the main database; it outlives the scheduler, which also reports what it counted, as pool="main"
[[nodiscard]] scheduler_actor start_scheduler(caf::actor_system& in, const config::settings& s,
  std::shared_ptr<storage::sql_pool> pool, const schedule_tasks& tasks, std::shared_ptr<spdlog::logger> log);

/// A schedule of the settings, ready to run. Its expression and zone were checked when they were read; of one that does
/// not hold there is no moment.
[[nodiscard]] schedule_book::schedule to_schedule(const config::schedule& s);

/// Their paths, for the bridge.
[[nodiscard]] std::vector<resource> schedule_paths(
  const config::settings& s, const scheduler_actor& to, const gate_actor& gate);

} // namespace troupe
