// What runs by itself and when: `[[schedules]]` (S2-29, S2-30). Pure.
#pragma once

#include "apps/config/values.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::config {

/// What becomes of the moments that passed while no node was there.
enum class missed_runs : std::uint8_t { run_once, skip };

struct schedule {
  std::string name; // in metrics, the log and /schedules
  std::string cron; // apps/cron/expression.hpp
  std::string task; // what it does: "warm", "verify", "purge"
  std::string zone = "UTC";
  missed_runs missed = missed_runs::run_once;
  duration deadline = std::chrono::hours{1}; // of a run
  friend bool operator==(const schedule&, const schedule&) = default;
};

/// What a schedule can do.
[[nodiscard]] const std::vector<std::string>& schedule_task_names();

/// `warm` each quarter of an hour (S2-29), `verify` at two in the night (S2-30) and `purge` at half past three.
[[nodiscard]] std::vector<schedule> default_schedules();

} // namespace troupe::config
