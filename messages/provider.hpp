// A provider's interface: one upstream API behind an actor that dies when the API misbehaves.
#pragma once

#include "messages/common.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

namespace troupe {

/// Ask the upstream. `generation` says which life of the provider the caller means.
struct provider_call {
  std::uint64_t generation = 0;
  question what;
  std::int64_t remaining_us = 0; // until the request's deadline
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_call& x) {
  return f(x.generation, x.what, x.remaining_us);
}

/// What the upstream knows. The records are the application's own type and stay on this node (types.hpp).
struct provider_answer {
  std::uint64_t generation = 0;
  records_ptr found; // never null; may hold no record
  std::int64_t elapsed_us = 0;
  std::int32_t attempts = 1;
};

/// What a mapper that answers later made of a call's answer (upstream_api::map_later). Stays on this node.
struct mapped {
  std::uint64_t call = 0;
  ec code = ec::none; // none: `found` holds the records
  std::string detail;
  records_ptr found;
  std::int64_t retry_after_us = -1; // what the answer asked for; -1: nothing
};

using provider_actor = caf::typed_actor<
  // What do you know of this? Errors are those of upstream_api::map and http_response, permit_refused and
  // circuit_tripped.
  caf::replies_to<provider_call>::with<provider_answer>,
  // From the mapper: what an answer says.
  caf::reacts_to<mapped>,
  // Look whose time is over.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

// Records never leave the process: a provider and its orchestrator live on one node.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::provider_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::mapped)

CAF_BEGIN_TYPE_ID_BLOCK(troupe_provider, troupe::type_ids::provider)

CAF_ADD_TYPE_ID(troupe_provider, (troupe::provider_call))

CAF_END_TYPE_ID_BLOCK(troupe_provider)
TROUPE_CHECK_RANGE(troupe_provider);
