// The orchestrator's interface: one question in, one merged and tagged outcome out, whatever the providers do.
#pragma once

#include "messages/common.hpp"
#include "messages/outcome.hpp"
#include "messages/provider.hpp"
#include "messages/store.hpp"

#include <caf/typed_actor.hpp>

namespace troupe {

/// Ask the providers of a route.
struct fetch {
  std::uint64_t id = 0; // the asker's own, to cancel it by
  question what;
  strategy how = strategy::merge;
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fetch& x) {
  return f(x.id, x.what, x.how, x.remaining_us);
}

/// Nobody waits for the sender's fetch of that id any more. It is answered with ec::cancelled.
struct fetch_cancel {
  std::uint64_t id = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fetch_cancel& x) {
  return f(x.id);
}

/// Somebody waits now for the sender's fetch of that id, which was made ahead of need: it goes first, and the slower
/// providers have the merge's patience and no more.
struct fetch_hurry {
  std::uint64_t id = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fetch_hurry& x) {
  return f(x.id);
}

/// What an operator may do to a provider's circuit by hand.
enum class circuit_command : std::uint8_t {
  trip,  ///< open it, until it is reset; what is under way fails
  drain, ///< likewise, but what is under way may finish
  reset, ///< close it and forget its past
};

/// Do this to a provider's circuit.
struct circuit_order {
  std::string provider;
  circuit_command what = circuit_command::reset;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, circuit_order& x) {
  return f(x.provider, x.what);
}

/// How a provider's circuit stands.
struct circuit_report {
  std::string provider;
  std::string state; // closed, open, half_open, ramping
  bool held = false; // tripped or drained by hand
  std::int64_t retry_after_us = 0;
  std::int64_t trips = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, circuit_report& x) {
  return f(x.provider, x.state, x.held, x.retry_after_us, x.trips);
}

using orchestrator_actor = caf::typed_actor<
  // Ask the providers. Always answered with an outcome, never with an error.
  caf::replies_to<fetch>::with<outcome>,
  // Forget a fetch of yours.
  caf::reacts_to<fetch_cancel>,
  // Hurry with a fetch of yours.
  caf::reacts_to<fetch_hurry>,
  // Trip, drain or reset a circuit. Answered once it has taken effect; not_found: no such provider.
  caf::replies_to<circuit_order>::with<circuit_report>,
  // A provider of ours takes no more calls.
  caf::reacts_to<provider_drains>,
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
CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::fetch_cancel))
CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::circuit_order))
CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::circuit_report))
CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::fetch_hurry))

CAF_END_TYPE_ID_BLOCK(troupe_orchestrator)
TROUPE_CHECK_RANGE(troupe_orchestrator);
