// The bridge's foot in the actor system: I/O threads send it what memory could not answer; it asks the shard that owns
// the key, with a deadline, and hands the answer back through the callback it was given.
#pragma once

#include "actors/timer/deadlines.hpp"
#include "messages/cache.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace troupe {

/// One lookup on its way from an I/O thread. `done` is called exactly once, on an actor thread: with the shard's
/// answer, or with one whose code says why there is none.
struct front_lookup {
  using callback = std::shared_ptr<std::function<void(answer)>>;
  lookup what; // its id is unique among the sender's
  callback done;
};

/// The client that asked for this lookup has left: its callback is called with ec::cancelled.
struct front_gone {
  std::uint64_t id = 0;
};

/// A wish for everybody's counters. Actors that do not answer within a second are left out, and `silent` counts them.
struct front_stats {
  std::shared_ptr<std::function<void(metrics, std::size_t silent)>> done;
};

using front_actor = caf::typed_actor<
  // Ask the owner of the key.
  caf::reacts_to<front_lookup>,
  // Nobody waits for this lookup any more.
  caf::reacts_to<front_gone>,
  // Have the owner of the key compress what it keeps.
  caf::reacts_to<compress>,
  // Collect everybody's counters.
  caf::reacts_to<front_stats>,
  // Look whose time is over.
  caf::reacts_to<tick_atom>>;

struct front_settings {
  std::vector<cache_actor> shards;       // a key's owner is shards[shard_of(key, size)]
  std::vector<caf::actor> with_counters; // whom to ask for counters
};

struct front_state {
  struct asked {
    front_lookup::callback done;
    std::string key;
    std::chrono::steady_clock::time_point until; // the client's deadline, and a little for the way back
  };

  front_settings settings;
  std::unordered_map<std::uint64_t, asked> under_way;
  deadlines<std::uint64_t> open;
  wake_up tick;
  static inline const char* name = "bridge";
};

front_actor::behavior_type front(front_actor::stateful_pointer<front_state> self, front_settings settings);

} // namespace troupe

// Callbacks never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::front_lookup)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::front_gone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::front_stats)
