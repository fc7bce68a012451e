// Schedules over HTTP, for operators alone: GET /schedules says how they stand, GET /schedules/{name}/runs what became
// of one's runs, POST /schedules/{name}/run begins one now. Errors are RFC 9457 problems.
#pragma once

#include "apps/batches/gate.hpp"
#include "apps/bridge/bridge.hpp"
#include "messages/scheduler.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace troupe {

struct schedule_resource_settings {
  client_quota quota; // of each of the three
  std::chrono::microseconds deadline{std::chrono::seconds{10}};
  scheduler_actor scheduler;
  gate_actor gate; // asks it
};

/// The three resources, for bridge_settings.
[[nodiscard]] std::vector<resource> schedule_resources(schedule_resource_settings settings);

/// `{"schedules":[{"name","cron","zone","next","under_way","last"}]}`: `next` is a time (RFC 3339) or null, `last` a
/// run or null.
[[nodiscard]] std::string to_json(const schedule_views& all);

/// `{"schedule","run","cause","outcome","due","started","ended","message","owner"}`; `ended` is null while it is under
/// way.
[[nodiscard]] std::string to_json(const schedule_run& run);

/// `{"runs":[...],"next":...}`: newest first; `next` is the cursor of the next page, or null.
[[nodiscard]] std::string to_json(const schedule_runs& page);

} // namespace troupe
