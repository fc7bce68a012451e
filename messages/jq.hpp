// The mapper pool's interface. Bodies reach the pool by a call (actors/jq/pool.hpp), because a mapper is part of a
// provider's upstream_api, which knows no actors; by message it only tells its counters.
#pragma once

#include "messages/common.hpp"

#include <caf/typed_actor.hpp>

namespace troupe {

using jq_actor = caf::typed_actor<
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe
