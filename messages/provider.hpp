// A provider's interface: one upstream API behind an actor that dies when the API misbehaves.
#pragma once

#include "messages/common.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

namespace troupe {

/// Ask the upstream. `generation` says which life of the provider the caller means.
struct provider_call {
  std::uint64_t generation = 0;
  std::uint64_t id = 0; // the asker's own, to cancel it by
  question what;
  std::int64_t remaining_us = 0;   // until the request's deadline
  std::int32_t retries = 0;        // that the request has left
  std::int32_t extra = 0;          // calls beyond the first that it has left, retries and second attempts together
  std::int64_t hedge_after_us = 0; // make a second attempt when the first takes longer; 0: never
  bool probe = false;              // the circuit is half open: any failure of this call is enough
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_call& x) {
  return f(x.generation, x.id, x.what, x.remaining_us, x.retries, x.extra, x.hedge_after_us, x.probe);
}

/// Nobody waits for the answer to this call any more. It is answered with ec::cancelled.
struct provider_cancel {
  std::uint64_t id = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_cancel& x) {
  return f(x.id);
}

/// Somebody waits now for the answer to this call, which was made ahead of need.
struct provider_hurry {
  std::uint64_t id = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_hurry& x) {
  return f(x.id);
}

/// Take no more calls, let those under way finish, then end.
struct provider_drain {};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_drain&) {
  return f();
}

/// From a provider to its supervisor: this life takes no more calls; its end follows when the last one is answered.
struct provider_drains {
  std::uint64_t generation = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_drains& x) {
  return f(x.generation);
}

/// What one call cost beyond its first attempt, and what is left of the provider's budgets.
struct call_costs {
  std::int32_t attempts = 1;
  std::int32_t hedges = 0; // of these, second attempts beside a slow first
  bool hedge_won = false;
  bool retry_refused = false;    // for want of budget
  std::int32_t aborted = 0;      // attempts taken off the wire
  std::int64_t retry_budget = 0; // retries that the provider could make now
  std::int64_t hedge_budget = 0;
};

/// What the upstream knows, or (code other than none) why that is not known. The records are the application's own type
/// and stay on this node (types.hpp).
struct provider_answer {
  std::uint64_t generation = 0;
  records_ptr found; // null with an error; may hold no record
  std::int64_t elapsed_us = 0;
  call_costs costs{};
  std::int64_t upstream_us = 0; // of the attempt that was answered: from the request sent to the answer received
  ec code = ec::none;           // else of upstream_api::map, http_response, permit_refused, cancelled, circuit_tripped
  std::string detail;
  std::int64_t waited_us = 0; // of the same attempt, with this side's queues: what a second attempt is timed by
};

using supervisor_actor = caf::typed_actor<
  // This life of a provider takes no more calls.
  caf::reacts_to<provider_drains>>;

/// What a mapper that answers later made of an attempt's answer (upstream_api::map_later). Stays on this node.
struct mapped {
  std::uint64_t attempt = 0;
  ec code = ec::none; // none: `found` holds the records
  std::string detail;
  records_ptr found;
  std::int64_t took_us = 0;         // the transfer
  std::int64_t retry_after_us = -1; // what the answer asked for; -1: nothing
};

using provider_actor = caf::typed_actor<
  // What do you know of this? Always answered with an answer; an error means that the actor itself died.
  caf::replies_to<provider_call>::with<provider_answer>,
  // Forget a call.
  caf::reacts_to<provider_cancel>,
  // Let a call go before what nobody waits for.
  caf::reacts_to<provider_hurry>,
  // Finish and end.
  caf::reacts_to<provider_drain>,
  // From the mapper: what an answer says.
  caf::reacts_to<mapped>,
  // Look what is due: a retry, a second attempt, a call whose time is over.
  caf::reacts_to<tick_atom>>;

} // namespace troupe

// Records never leave the process: a provider and its orchestrator live on one node.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::provider_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::mapped)

CAF_BEGIN_TYPE_ID_BLOCK(troupe_provider, troupe::type_ids::provider)

CAF_ADD_TYPE_ID(troupe_provider, (troupe::provider_call))
CAF_ADD_TYPE_ID(troupe_provider, (troupe::provider_cancel))
CAF_ADD_TYPE_ID(troupe_provider, (troupe::provider_drain))
CAF_ADD_TYPE_ID(troupe_provider, (troupe::provider_drains))
CAF_ADD_TYPE_ID(troupe_provider, (troupe::provider_hurry))

CAF_END_TYPE_ID_BLOCK(troupe_provider)
TROUPE_CHECK_RANGE(troupe_provider);
