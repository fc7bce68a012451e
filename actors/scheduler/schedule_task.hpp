// What a schedule does, as it is given where the node is wired: a function that begins the work of a run and says later
// how that ended. It is called within the scheduler, so it starts what it does and returns; what blocks belongs on a
// thread or an actor of its own.
#pragma once

#include "messages/result.hpp"
#include "messages/schedule.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace troupe {

/// What a task is told of its run.
struct run_context {
  std::string name;   // of the schedule
  std::int64_t n = 0; // of the run, from 1
  std::int64_t due_ms = 0;
  run_cause cause = run_cause::cron;
  std::chrono::microseconds remaining{0}; // until its deadline
  /// Its deadline has passed, or the node ends, or another node has the run: end soon. Ten seconds later nobody waits.
  std::shared_ptr<const std::atomic<bool>> cancelled;
};

/// Ends a run, from any thread, with a line for its history ("40 books warmed") or with why it failed. Of several calls
/// the first counts; dropped without a call, the run has failed.
using run_completion = std::function<void(result<std::string>)>;

using schedule_task = std::function<void(const run_context&, run_completion)>;

/// Begins a task; what it throws ends it. @param then called exactly once, from whichever thread ends the task.
void run_task(const schedule_task& task, const run_context& run, run_completion then);

/// A task's last line as a history keeps it: at most 1,000 bytes, cut where a character of UTF-8 begins, without the
/// null character, which no database takes.
[[nodiscard]] std::string for_history(std::string line);

} // namespace troupe
