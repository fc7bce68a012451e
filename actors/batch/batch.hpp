// The batch actor: typed messages in front of `batch_book`. It runs the tasks that the book starts: a function once the
// rate limiter has granted a permit on its lane, a question through the orchestrator (whose provider takes its own
// permit; equal ones under way share one call). What arrives within one turn of its mailbox is admitted together.
#pragma once

#include "actors/batch/batch_book.hpp"
#include "actors/timer/deadlines.hpp"
#include "actors/timer/pending_alarm.hpp"
#include "messages/batch.hpp"
#include "messages/orchestrator.hpp"
#include "messages/rate_limiter.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <spdlog/logger.h>

namespace troupe {

struct batch_peers {
  orchestrator_actor orchestrator;
  rate_limiter_actor limiter;
};

struct batch_actor_settings {
  batch_book::settings book;
  std::shared_ptr<spdlog::logger> log;
};

struct batch_actor_state {
  using time = std::chrono::steady_clock::time_point;

  /// What came in this turn: a batch, or one task (then `single`).
  struct arrival {
    batch_enqueue what;
    task_ref parent;
    bool single = false;
    caf::typed_response_promise<batch_ticket> ticket;
    caf::typed_response_promise<task_result> result;
  };

  struct open_batch {
    std::vector<batch_task> tasks; // each is taken out when it starts
    task_observer progress;
    std::string traceparent;
    task_ref parent;                                  // of a single task, who waits
    caf::typed_response_promise<task_result> promise; // of a single task
  };

  struct run {
    std::uint64_t asked = 0;  // for a permit, by this id; 0: never, or it was answered
    std::uint64_t permit = 0; // 0: holds none
    std::uint64_t call = 0;   // of a question: which call it waits for
    time since;
    std::shared_ptr<std::atomic<bool>> cancelled;
  };

  /// A call to a provider that several equal tasks wait for.
  struct shared_call {
    std::string key; // what makes tasks equal; empty: nobody may join
    batch_book::time deadline;
    troupe::priority priority = troupe::priority::interactive;
    std::vector<task_ref> tasks;
    std::size_t open = 1; // of these tasks, how many have not ended
  };

  struct waiter {
    caf::typed_response_promise<batch_view> promise;
    std::uint64_t batch = 0;
    std::size_t offset = 0;
    std::size_t limit = 0;
    task_ref parent;
    time until;
  };

  batch_actor_settings settings;
  batch_peers peers;
  std::optional<batch_book> book;
  std::vector<arrival> arrivals;
  std::unordered_map<std::uint64_t, open_batch> open;
  std::map<task_ref, run> runs;
  std::unordered_map<std::uint64_t, shared_call> calls; // by the id of their fetch
  std::unordered_map<std::string, std::uint64_t> joinable;
  std::map<std::uint64_t, waiter> waiters;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> waiting_for; // waiters by batch; some may be gone
  std::unordered_map<std::uint64_t, std::function<void()>> deliveries;       // by the token that the book hands back
  deadlines<std::uint64_t> waits;
  wake_up tick;
  pending_alarm alarm;
  std::uint64_t last_waiter = 0;
  std::uint64_t last_token = 0;
  std::uint64_t last_fetch = 0;
  std::uint64_t last_permit = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t cancelled = 0;
  std::int64_t shared = 0;
  std::int64_t turns = 0; // in which something was admitted

  static inline const char* name = "batch";
};

batch_actor::behavior_type batch(
  batch_actor::stateful_pointer<batch_actor_state> self, batch_actor_settings settings, batch_peers peers);

} // namespace troupe
