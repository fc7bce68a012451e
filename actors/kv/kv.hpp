// The key-value actor: messages in front of a pool of database connections. It never blocks; what the database has not
// answered yet is a promise of its own. Invariants: every request is answered once (actors/pool says by when), what
// waits is bounded by the pool, and space of what has expired is freed in the background, one sweep at a time. It
// always waits for its next sweep, so it ends by an exit message alone.
#pragma once

#include "actors/pool/pool.hpp"
#include "messages/kv.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace troupe {

struct kv_settings {
  std::shared_ptr<storage::sql_pool> pool; // its databases have the table of migration 0002
  std::string name;                        // of the pool, in metrics and the log
  std::function<std::int64_t()> now_ms;    // Unix time in milliseconds; asked on the pool's threads
  std::shared_ptr<spdlog::logger> log;
};

struct kv_actor_state {
  kv_settings settings;
  std::optional<pool_jobs> jobs;
  wake_up tick;
  std::optional<wake_up::time> next_sweep; // none: one is under way
  std::int64_t reads = 0;
  std::int64_t writes = 0;
  std::int64_t errors = 0;
  std::int64_t swept = 0;

  static inline const char* name = "kv";
};

kv_actor::behavior_type kv(kv_actor::stateful_pointer<kv_actor_state> self, kv_settings settings);

} // namespace troupe
