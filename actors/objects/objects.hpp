// The objects actor: messages in front of one bucket. It runs on a thread of its own (spawn it detached), because a
// storage call blocks; it works on one request at a time, in their order. Invariant: no body above `max_body` is held
// in memory.
#pragma once

#include "messages/objects.hpp"
#include "storage/objects.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <string>

namespace troupe {

struct objects_settings {
  /// Of a body that travels in a message.
  static constexpr std::size_t max_body = 16 << 20;

  std::shared_ptr<storage::objects> bucket; // used by this actor alone
  std::string name;                         // in metrics
};

struct objects_actor_state {
  objects_settings settings;
  std::int64_t reads = 0;
  std::int64_t writes = 0;
  std::int64_t errors = 0;

  static inline const char* name = "objects";
};

objects_actor::behavior_type objects(
  objects_actor::stateful_pointer<objects_actor_state> self, objects_settings settings);

} // namespace troupe
