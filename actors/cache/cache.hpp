// A cache shard: the one owner of its keys. It answers from memory, lets everybody who asks for a key that is on its
// way wait for the one fetch, reads the database before the providers where the route is durable, and answers with what
// is stale when the providers cannot. What it keeps it publishes in the hot index, before it answers. Invariant: every
// lookup is answered, once; one fetch a key at a time.
#pragma once

#include "actors/cache/hot_store.hpp"
#include "actors/timer/deadlines.hpp"
#include "messages/cache.hpp"
#include "messages/orchestrator.hpp"
#include "messages/store.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

struct cache_settings {
  std::chrono::microseconds hot_ttl = std::chrono::hours{1};        // S0-31
  std::chrono::microseconds degraded_ttl = std::chrono::minutes{1}; // of answers that lack a provider, or found nothing
  std::chrono::microseconds stale_max = std::chrono::hours{24};     // after that, for when all providers fail
  std::size_t max_bytes = 64 << 20;                                 // of this shard
  std::int64_t max_fetches = 2000;                                  // under way at once, over all shards
  std::shared_ptr<std::atomic<std::int64_t>> fetches;               // how many are
  std::shared_ptr<hot_index> index;
  std::shared_ptr<spdlog::logger> log;
};

/// Whom a shard asks. The store actors may be empty: then no route is durable.
struct cache_peers {
  orchestrator_actor orchestrator;
  record_store_actor reader;
  record_store_actor writer;
};

struct cache_state {
  // Who asked, and what it calls the lookup.
  using asker = std::pair<caf::actor_id, std::uint64_t>;

  struct waiter {
    caf::typed_response_promise<answer> promise;
    bool gzip = false;
    asker from;
    std::chrono::steady_clock::time_point deadline;
    bool gone = false;
  };

  struct fetching {
    inquiry about;
    std::chrono::steady_clock::time_point deadline; // of the request that began it
    std::uint64_t question = 0;                     // which answer is waited for
    std::chrono::steady_clock::time_point until;    // and how long
    bool asks_database = false;                     // else the orchestrator
    std::vector<waiter> waiters;                    // the first one asked first; with `gone` set, it has left
    std::size_t first = 0;                          // all before it have left
    std::size_t waiting = 0;                        // have not left
  };

  cache_settings settings;
  cache_peers peers;
  std::optional<hot_store> store;
  std::unordered_map<std::string, fetching> under_way;
  deadlines<std::string> open; // keys under way
  std::int64_t reads = 0;      // that the database has not answered, also those that nobody waits for any more
  std::uint64_t last_question = 0;
  wake_up tick;
  std::int64_t lookups = 0;
  std::int64_t coalesced = 0;
  std::int64_t stale_served = 0;
  std::int64_t shed = 0;
  std::int64_t cancelled = 0; // fetches that nobody waited for any more
  std::int64_t too_large = 0; // answers that were not kept

  static inline const char* name = "cache";
};

cache_actor::behavior_type cache(
  cache_actor::stateful_pointer<cache_state> self, cache_settings settings, cache_peers peers);

} // namespace troupe
