// Batches as values: a task's result, a batch's state, and what a function task is given. Standard library alone,
// because the batch actor's pure core decides over them. They stay within the process: a function cannot be sent.
#pragma once

#include "messages/errors.hpp"
#include "messages/types.hpp"

#include <any>
#include <atomic>
#include <functional>

namespace troupe {

/// Which task: `batch` counts the batches of one actor from 1, so that a name used again means another batch.
struct task_ref {
  std::uint64_t batch = 0; // 0: no task
  std::uint32_t index = 0;

  [[nodiscard]] explicit operator bool() const noexcept { return batch != 0; }
  friend bool operator==(const task_ref&, const task_ref&) = default;
  friend auto operator<=>(const task_ref&, const task_ref&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, task_ref& x) {
  return f(x.batch, x.index);
}

/// What one task came to. A failed one has neither `value` nor `data`: its place in the results is null and the error
/// stands beside it (DECISIONS C-31).
struct task_result {
  ec code = ec::none;
  std::string message;
  blob data;      // of a provider operation: JSON text
  std::any value; // of a function task
};

/// Where a batch stands.
enum class batch_state : std::uint8_t {
  running,   ///< at least one task has not ended
  finished,  ///< every task has ended, well or not
  failed,    ///< strict, and a task failed: the others were cancelled
  cancelled, ///< by message, or because the node stops
};

[[nodiscard]] constexpr std::string_view to_string(batch_state s) noexcept {
  constexpr std::string_view names[] = {"running", "finished", "failed", "cancelled"};
  return names[static_cast<std::size_t>(s)];
}

/// A batch as it is now. `results` holds those of tasks [offset, offset + results.size()), in task order, once the
/// batch has ended; before that it is empty.
struct batch_view {
  std::string id;
  std::string label; // its owner's word for it, if it has one
  batch_state state = batch_state::running;
  std::string message; // of a failed one: which task and why
  ec code = ec::none;  // of a failed one: that task's; of a cancelled one: cancelled
  std::int64_t tasks = 0;
  std::int64_t queued = 0;
  std::int64_t running = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t cancelled = 0;
  std::int64_t offset = 0;
  std::vector<task_result> results;
};

/// What a running function task knows of itself.
struct task_context {
  task_ref self;                                      // to execute other tasks as its own (batch.hpp)
  std::shared_ptr<const std::atomic<bool>> cancelled; // nobody waits for the result any more
};

/// Ends a function task: call it once, from any thread. Of several calls the first counts; dropped without a call, the
/// task ends with ec::internal.
using task_completion = std::function<void(task_result)>;

/// A function task. Called within the batch actor once the task has its slot and its permit, so it starts what it does
/// and returns; what blocks belongs on a thread of its own.
using task_work = std::function<void(const task_context&, task_completion)>;

/// One task: a function, or a question to one provider ("google.search").
struct batch_task {
  std::string lane;              // of a function: the rate limiter's lane; empty: it makes no outbound call
  task_work work;                // empty: `what` goes to the orchestrator, whose provider takes its own permit
  question what;                 // `what.route` names provider and operation
  std::int64_t remaining_us = 0; // until the task's own deadline; 0: the batch's
};

/// One task has ended; how far its batch is. Of these there is exactly one a task (DECISIONS C-29).
struct task_progress {
  const std::string& id;
  std::size_t index;
  std::size_t ended; // of the batch's tasks, this one included
  std::size_t total;
  const task_result& result;
};

/// Called within the batch actor, in the order in which tasks end: it must not block.
using task_observer = std::function<void(const task_progress&)>;

} // namespace troupe
