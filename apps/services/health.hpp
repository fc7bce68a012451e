// GET /health of a service (S2-58..60, S2-70): `{"worker","timestamp","serviceBindings":{NAME:{"status":
// "healthy"|"error","responseTime","circuit","error"?}},"secrets":{NAME:bool}}`, and what the service adds of its own.
#pragma once

#include "apps/services/service.hpp"

namespace troupe {

/// Asks every binding's /health and answers the call when all have answered or their time is over. `responseTime` is
/// what the other side says in `x-response-time`, else what the call took, in milliseconds. 200 when all is well, 503
/// when a binding is not, with a Retry-After, so that it counts against nobody's circuit.
void tell_health(session_ptr self, const call_ref& call, const call_head& head);

} // namespace troupe
