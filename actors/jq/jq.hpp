// The mapper pool among the actors: it keeps the pool alive and tells its counters.
#pragma once

#include "actors/jq/pool.hpp"
#include "messages/jq.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>

namespace troupe {

struct jq_counters_state {
  std::shared_ptr<const troupe::jq::pool> pool;
  static inline const char* name = "jq";
};

jq_actor::behavior_type jq_counters(
  jq_actor::stateful_pointer<jq_counters_state> self, std::shared_ptr<const jq::pool> pool);

} // namespace troupe
