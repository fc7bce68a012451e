// A cache shard's interface: the one owner of a key, its entry, its age and those who wait for it.
#pragma once

#include "messages/answer.hpp"
#include "messages/common.hpp"
#include "messages/kv.hpp"
#include "messages/orchestrator.hpp"

#include <caf/typed_actor.hpp>

#include <functional>
#include <string_view>

namespace troupe {

/// Which shard owns a key, on one node.
[[nodiscard]] inline std::size_t shard_of(std::string_view key, std::size_t shards) noexcept {
  return std::hash<std::string_view>{}(key) % shards;
}

/// The namespace of the key-value store in which the shards keep what memory holds.
inline constexpr std::string_view cache_space = "cache";

/// What is the answer to this inquiry? Its key decides which shard owns it.
struct lookup {
  std::uint64_t id = 0; // the asker's own, to cancel it by
  inquiry about;
  bool gzip = false; // the client takes gzip
  std::int64_t remaining_us = 0;
  bool bypass = false; // ask the providers, whatever is kept
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lookup& x) {
  return f(x.id, x.about, x.gzip, x.remaining_us, x.bypass);
}

/// The asker of the lookup of that id does not wait any more. It is answered with ec::cancelled; the fetch goes on
/// while somebody else waits for it.
struct lookup_cancel {
  std::uint64_t id = 0;
  std::string key;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lookup_cancel& x) {
  return f(x.id, x.key);
}

/// A client that takes gzip has read this key's answer, and it is not compressed.
struct compress {
  std::string key;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, compress& x) {
  return f(x.key);
}

/// Of all keys that the key-value store and the cold tier have, for a shard that is the only one to store its keys
/// there. Sent in parts, in order; `first` begins anew.
struct tier_keys {
  std::vector<std::string> keys;
  bool first = false;
  bool last = false; // these were all
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, tier_keys& x) {
  return f(x.keys, x.first, x.last);
}

/// A shard's word to itself: what has been answered with is to be handed to the tiers below.
struct hand_down {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, hand_down&) {
  return f();
}

using cache_actor = caf::typed_actor<
  // What is the answer? Always answered with an answer, never with an error.
  caf::replies_to<lookup>::with<answer>,
  // Forget a lookup of yours.
  caf::reacts_to<lookup_cancel>,
  // Have it compressed for the next ones.
  caf::reacts_to<compress>,
  // After a start: this is what the key-value store still has of yours.
  caf::reacts_to<kv_pairs>,
  // These are the keys that the tiers below have; of others they need not be asked.
  caf::reacts_to<tier_keys>,
  // Hand down what waits for it.
  caf::reacts_to<hand_down>,
  // Look whose time is over.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

/// Looks after the cache's tiers on disk.
using cache_keeper_actor = caf::typed_actor<
  // List the next page of what the tiers have, and drop from the cold one what has died.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_cache, troupe::type_ids::cache)

CAF_ADD_TYPE_ID(troupe_cache, (troupe::lookup))
CAF_ADD_TYPE_ID(troupe_cache, (troupe::answer))
CAF_ADD_TYPE_ID(troupe_cache, (troupe::lookup_cancel))
CAF_ADD_TYPE_ID(troupe_cache, (troupe::compress))
CAF_ADD_TYPE_ID(troupe_cache, (troupe::tier_keys))
CAF_ADD_TYPE_ID(troupe_cache, (troupe::hand_down))

CAF_END_TYPE_ID_BLOCK(troupe_cache)
TROUPE_CHECK_RANGE(troupe_cache);
