// A service's interface: a named front that opens sessions, one for each binding to it, and the session that answers. A
// session is a life in the sense of supervision: it counts its failures and dies of too many, and whoever bound the
// service decides when the next may live.
#pragma once

#include "messages/call.hpp"
#include "messages/common.hpp"

#include <caf/typed_actor.hpp>

namespace troupe {

/// The sender's call of that id is not wanted any more; it is answered with ec::cancelled.
struct service_cancel {
  std::uint64_t id = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, service_cancel& x) {
  return f(x.id);
}

using service_actor = caf::typed_actor<
  // The HTTP-shaped form. Always answered with a response, never with an error, at the latest when its time is over.
  caf::replies_to<service_request>::with<service_response>,
  // The typed form. Likewise.
  caf::replies_to<service_call>::with<service_result>,
  // Forget a call of yours.
  caf::reacts_to<service_cancel>,
  // Look whose time is over.
  caf::reacts_to<tick_atom>>;

/// Open a session for this binding. `caller` and `binding` are held against what the configuration binds (S2-76).
struct service_open {
  std::string caller;        // the service that binds
  std::string binding;       // under this name
  std::string entrypoint;    // empty: the default one
  std::int32_t failures = 3; // in a row, of which the session dies (S2-54)
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, service_open& x) {
  return f(x.caller, x.binding, x.entrypoint, x.failures);
}

using service_front_actor = caf::typed_actor<
  // A session, which ends with the sender. bad_request: not bound, or there is no such entrypoint.
  caf::replies_to<service_open>::with<service_actor>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_service, troupe::type_ids::service)

CAF_ADD_TYPE_ID(troupe_service, (troupe::service_request))
CAF_ADD_TYPE_ID(troupe_service, (troupe::service_response))
CAF_ADD_TYPE_ID(troupe_service, (troupe::service_call))
CAF_ADD_TYPE_ID(troupe_service, (troupe::service_result))
CAF_ADD_TYPE_ID(troupe_service, (troupe::service_cancel))
CAF_ADD_TYPE_ID(troupe_service, (troupe::service_open))
CAF_ADD_TYPE_ID(troupe_service, (troupe::service_actor))

CAF_END_TYPE_ID_BLOCK(troupe_service)
TROUPE_CHECK_RANGE(troupe_service);
