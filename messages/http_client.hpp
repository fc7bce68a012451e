// The HTTP client's interface: all outbound connections of a node belong to it. Its values (http_request,
// http_response) are in types.hpp, because the loop beneath it and the providers' mappers use them without CAF.
#pragma once

#include "messages/common.hpp"

#include <caf/typed_actor.hpp>

namespace troupe {

/// A transfer has ended; from the client's own network thread.
struct transfer_done {
  std::uint64_t id = 0;
  http_response response;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, transfer_done& x) {
  return f(x.id, x.response);
}

/// The sender's call of that id is not wanted any more. It is answered with ec::cancelled.
struct http_abort {
  std::uint64_t id = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, http_abort& x) {
  return f(x.id);
}

using http_client_actor = caf::typed_actor<
  // Perform this call. The answer's `code` says how it ended; the transfer is aborted when the sender dies.
  caf::replies_to<http_request>::with<http_response>,
  // Abort a call of yours.
  caf::reacts_to<http_abort>,
  // A transfer has ended.
  caf::reacts_to<transfer_done>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_http_client, troupe::type_ids::http_client)

CAF_ADD_TYPE_ID(troupe_http_client, (troupe::http_request))
CAF_ADD_TYPE_ID(troupe_http_client, (troupe::http_response))
CAF_ADD_TYPE_ID(troupe_http_client, (troupe::transfer_done))
CAF_ADD_TYPE_ID(troupe_http_client, (troupe::http_abort))

CAF_END_TYPE_ID_BLOCK(troupe_http_client)
TROUPE_CHECK_RANGE(troupe_http_client);
