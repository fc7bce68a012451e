// The scheduler (S2-29, S2-30): runs what is due and remembers how it ended. What is due is schedule_book's to say; who
// of several nodes runs it, and what became of it, is in the storage (schedules_repository). Invariants: no run begins
// before the storage has it; a schedule has one run under way, over all nodes, and its word is renewed in the storage
// while it works; every run that has begun is closed there, by this life or by the next. A moment whose run could not
// be begun because the storage was away is tried again. It waits for its next look always, so it ends by an exit
// message alone.
#pragma once

#include "actors/pool/pool.hpp"
#include "actors/scheduler/schedule_book.hpp"
#include "actors/scheduler/schedule_task.hpp"
#include "actors/timer/timer.hpp"
#include "messages/scheduler.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// A schedule as it is wired.
struct schedule_entry {
  schedule_book::schedule what;
  std::string expression; // to be shown
  std::string zone;
  std::chrono::microseconds deadline{std::chrono::hours{1}}; // of a run
  schedule_task task;
};

struct scheduler_settings {
  std::shared_ptr<storage::sql_pool> pool; // its databases have the tables of migration 0005
  std::string pool_name = {};              // under which it reports what the pool counted; empty: somebody else does
  std::vector<schedule_entry> schedules;
  std::string owner;                    // this node, by the same name after a restart
  std::function<std::int64_t()> now_ms; // Unix time in milliseconds; asked on the pool's threads too
  std::shared_ptr<spdlog::logger> log;
};

struct scheduler_state {
  /// What it does at a time: `n` says of which run, or of which moment.
  struct chore {
    enum class kind : std::uint8_t { load, look, give_back, renew, deadline, abandon, end_again };
    kind what = kind::look;
    std::string name = {};
    std::int64_t n = 0;
    friend auto operator<=>(const chore&, const chore&) = default;
  };

  struct ending {
    run_outcome how = run_outcome::ok;
    std::string message;
  };

  /// A run whose task is under way or, with `end`, of whose end the storage has yet to hear.
  struct run {
    std::int64_t n = 0;
    std::shared_ptr<std::atomic<bool>> cancelled;
    bool late = false; // its deadline has passed
    std::optional<ending> end = {};
  };

  scheduler_settings settings;
  std::optional<pool_jobs> jobs;
  schedule_book book;
  bool loaded = false;
  wake_up tick;
  deadlines<chore> chores;
  std::map<std::string, run, std::less<>> runs;                                            // by their schedule
  std::map<std::string, std::array<std::int64_t, run_outcomes.size()>, std::less<>> ended; // by schedule and outcome

  static inline const char* name = "scheduler";
};

scheduler_actor::behavior_type scheduler(
  scheduler_actor::stateful_pointer<scheduler_state> self, scheduler_settings settings);

} // namespace troupe
