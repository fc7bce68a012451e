// What looks after the cache's tiers on disk, once a node: after a start it hands what the key-value store still has
// back to the shards, page by page behind what clients ask for, until they are nearly full; and now and then it drops
// from the cold tier what has died there (the key-value store does so itself).
#pragma once

#include "messages/cache.hpp"
#include "messages/objects.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

struct cache_keeper_settings {
  std::vector<cache_actor> shards;
  kv_actor kv;        // may be empty: nothing comes back
  objects_actor cold; // may be empty: nothing to sweep
  /// What is handed back at most: keys and values, in bytes as they are stored.
  std::size_t max_bytes = 64 << 20;
  /// After which no object of the cold tier is of use.
  std::chrono::milliseconds longest_cold = std::chrono::hours{24 * 10};
  std::function<std::int64_t()> wall_ms; // Unix time
  std::shared_ptr<spdlog::logger> log;
};

struct cache_keeper_state {
  cache_keeper_settings settings;
  std::string kv_cursor;
  std::string cold_cursor;
  std::int64_t restored = 0; // answers that were handed back
  std::size_t restored_bytes = 0;
  std::int64_t swept = 0; // objects that were removed
  std::int64_t failures = 0;

  static inline const char* name = "cache_keeper";
};

cache_keeper_actor::behavior_type cache_keeper(
  cache_keeper_actor::stateful_pointer<cache_keeper_state> self, cache_keeper_settings settings);

} // namespace troupe
