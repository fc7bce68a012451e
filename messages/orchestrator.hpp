// The orchestrator's interface: one question in, one merged and tagged outcome out, whatever the providers do.
#pragma once

#include "messages/common.hpp"
#include "messages/outcome.hpp"
#include "messages/store.hpp"

#include <caf/typed_actor.hpp>

namespace troupe {

/// Ask the providers of a route.
struct fetch {
  question what;
  strategy how = strategy::merge;
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fetch& x) {
  return f(x.what, x.how, x.remaining_us);
}

using orchestrator_actor = caf::typed_actor<
  // Ask the providers. Always answered with an outcome, never with an error.
  caf::replies_to<fetch>::with<outcome>,
  // Look what is due: a merge's patience, an answer that did not come.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_orchestrator, troupe::type_ids::orchestrator)

CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::provider_report))
CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::provider_reports))
CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::fetch))
CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::outcome))

CAF_END_TYPE_ID_BLOCK(troupe_orchestrator)
TROUPE_CHECK_RANGE(troupe_orchestrator);
