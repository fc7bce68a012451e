// What looks after the cache's tiers on disk, once a node. It lists what they have, page by page, over and over: the
// first time behind the start, without pause, later a page a minute. From the key-value store it hands answers back to
// the shards the first time, until they are nearly full; in the cold tier it drops what has died (the key-value store
// does so itself); and it tells the shards which keys there are, if nobody else stores any. What fails stops none of
// the rest: a page whose values cannot be read is listed all the same, and a store that cannot be listed is passed over
// until the next round, in which the shards then go on with what they knew.
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
  bool shared = true; // other nodes store there too: what is listed now is not all that there is later
  /// What is handed back at most: keys and values, in bytes as they are stored.
  std::size_t max_bytes = 64 << 20;
  /// After which no object of the cold tier is of use.
  std::chrono::milliseconds longest_cold = std::chrono::hours{24 * 10};
  std::function<std::int64_t()> wall_ms; // Unix time
  std::shared_ptr<spdlog::logger> log;
};

struct cache_keeper_state {
  /// What is listed next.
  enum class place : std::uint8_t { kv, cold };

  cache_keeper_settings settings;
  place at = place::kv;
  std::string cursor;        // in there
  bool begun = false;        // this round, as far as the shards know
  bool whole = true;         // nothing was left out of it so far
  bool first = true;         // no round has ended yet
  bool restoring = true;     // answers are handed back as well
  bool asked = false;        // a page is on its way
  std::int64_t restored = 0; // answers that were handed back
  std::size_t restored_bytes = 0;
  std::int64_t swept = 0; // objects that were removed
  std::int64_t failures = 0;

  static inline const char* name = "cache_keeper";
};

cache_keeper_actor::behavior_type cache_keeper(
  cache_keeper_actor::stateful_pointer<cache_keeper_state> self, cache_keeper_settings settings);

} // namespace troupe
