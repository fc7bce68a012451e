// A cache shard: the one owner of its keys. It answers from memory, lets everybody who asks for a key that is on its
// way wait for the one fetch, goes down tier by tier (key-value store, objects or the database, providers), refreshes
// behind the answer what has just ceased to be fresh, and answers with what is stale when the providers cannot. What it
// keeps it publishes in the hot index, before it answers, and hands to the tiers below, after. Invariants: every lookup
// is answered, once; one fetch a key at a time; what the tiers below have before them is bounded, and one that does not
// answer is passed over.
#pragma once

#include "actors/cache/counters.hpp"
#include "actors/cache/handed.hpp"
#include "actors/cache/hot_store.hpp"
#include "actors/cache/kept.hpp"
#include "actors/cache/key_filter.hpp"
#include "actors/cache/promotion.hpp"
#include "actors/cache/tiers.hpp"
#include "actors/cache/waiters.hpp"
#include "actors/timer/deadlines.hpp"
#include "messages/cache.hpp"
#include "messages/kv.hpp"
#include "messages/objects.hpp"
#include "messages/orchestrator.hpp"
#include "messages/store.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

struct cache_settings {
  tier_settings tiers;
  promotion_settings promotion;
  std::size_t max_bytes = 64 << 20;                                     // of this shard
  std::int64_t max_fetches = 2000;                                      // under way at once, over all shards
  std::shared_ptr<std::atomic<std::int64_t>> fetches;                   // how many are
  std::chrono::microseconds refresh_deadline = std::chrono::seconds{5}; // of what is fetched behind an answer
  std::shared_ptr<hot_index> index;
  std::function<std::int64_t()> wall_ms; // Unix time, by which the tiers below count
  std::shared_ptr<spdlog::logger> log;
};

/// Whom a shard asks. All but the orchestrator may be empty: then there is no such tier.
struct cache_peers {
  orchestrator_actor orchestrator;
  record_store_actor reader; // of the database of durable routes
  record_store_actor writer;
  kv_actor kv;        // what memory holds, so that a restart or another node finds it
  objects_actor cold; // for longer, of routes that are not durable
};

struct cache_state {
  // Who asked, and what it calls the lookup.
  using asker = std::pair<caf::actor_id, std::uint64_t>;

  struct fetching {
    inquiry about;
    std::chrono::steady_clock::time_point deadline; // of the request that began it
    bool background = false;                        // a refresh: it goes on when nobody waits
    std::uint64_t question = 0;                     // which answer is waited for
    std::chrono::steady_clock::time_point until;    // and how long
    stage at = stage::kv;
    std::optional<kept_answer> cold; // too old to be answered with, unless the providers fail
    waiters<caf::typed_response_promise<answer>, asker> waiting;
  };

  cache_settings settings;
  cache_peers peers;
  std::optional<hot_store> store;
  std::optional<promotion> promotions;
  std::unordered_map<std::string, fetching> under_way;
  deadlines<std::string> open; // keys under way
  std::uint64_t last_question = 0;
  wake_up tick;
  std::chrono::steady_clock::time_point next_sweep{};
  lower_tiers tiers;
  std::vector<handed> to_hand_down; // soon
  std::size_t bytes_to_hand_down = 0;
  key_filter kept_below; // which keys the key-value store and the cold tier may have
  [[nodiscard]] lower_tier& tier(stage at) noexcept { return tiers[static_cast<std::size_t>(at)]; }
  cache_counters count;

  /// Who waits, over all keys.
  [[nodiscard]] std::size_t waiting() const {
    std::size_t all = 0;
    for (const auto& [key, f] : under_way)
      all += f.waiting.size();
    return all;
  }

  static inline const char* name = "cache";
};

/// How an entry stands by a shard's settings.
[[nodiscard]] inline standing how_is(const cache_state& s, const expiry& e, std::chrono::nanoseconds t) {
  return standing_of(e, s.settings.tiers.revalidate, t);
}
[[nodiscard]] inline standing how_is(const cache_state& s, const rendered_ptr& kept, std::chrono::nanoseconds t) {
  return kept ? how_is(s, expiry{kept->stored_at, kept->fresh_until, kept->dead_at}, t) : standing::dead;
}

cache_actor::behavior_type cache(
  cache_actor::stateful_pointer<cache_state> self, cache_settings settings, cache_peers peers);

} // namespace troupe
