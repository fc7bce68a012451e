// The rate limiter's interface: it owns every outbound token and concurrency slot. A permit belongs to the actor that
// asked for it and dies with it.
#pragma once

#include "messages/common.hpp"

#include <caf/typed_actor.hpp>

namespace troupe {

/// May I make one call on this lane? Waits for a token and a slot, at most until the deadline.
struct permit_request {
  std::string lane;              // a provider's name, or "api/name" for a lane beneath it
  std::int64_t remaining_us = 0; // until the request's deadline
  troupe::priority priority = troupe::priority::interactive;
  std::uint64_t id = 0; // the asker's own, to withdraw it by; 0: it never will
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, permit_request& x) {
  return f(x.lane, x.remaining_us, x.priority, x.id);
}

/// Leave for one call, to be given back with permit_release when the call has ended.
struct permit {
  std::uint64_t id = 0;
  std::int64_t waited_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, permit& x) {
  return f(x.id, x.waited_us);
}

/// The call that this permit was for has ended.
struct permit_release {
  std::uint64_t id = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, permit_release& x) {
  return f(x.id);
}

/// The upstream said that it had too much (429): no permit on this lane until what it said has passed, and fewer after
/// that. When it did not say how long, the limiter chooses.
struct lane_pause {
  std::string lane;
  std::int64_t pause_us = -1; // from Retry-After; negative: it did not say
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lane_pause& x) {
  return f(x.lane, x.pause_us);
}

/// The sender's request of that id is not wanted any more, so that no token is spent on it. It is answered with
/// ec::cancelled, unless its permit is on its way already.
struct permit_withdraw {
  std::uint64_t id = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, permit_withdraw& x) {
  return f(x.id);
}

using rate_limiter_actor = caf::typed_actor<
  // May I make one call? permit_refused: not before the deadline (said at once when it is sure); overloaded: the queue
  // is full; bad_request: no such lane, or no such priority.
  caf::replies_to<permit_request>::with<permit>,
  // Forget a request of yours.
  caf::reacts_to<permit_withdraw>,
  // A call has ended.
  caf::reacts_to<permit_release>,
  // The upstream wants less: hold this lane back for a while, and slow it down.
  caf::reacts_to<lane_pause>,
  // The next token or deadline is due.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_rate_limiter, troupe::type_ids::rate_limiter)

CAF_ADD_TYPE_ID(troupe_rate_limiter, (troupe::permit_request))
CAF_ADD_TYPE_ID(troupe_rate_limiter, (troupe::permit))
CAF_ADD_TYPE_ID(troupe_rate_limiter, (troupe::permit_release))
CAF_ADD_TYPE_ID(troupe_rate_limiter, (troupe::lane_pause))
CAF_ADD_TYPE_ID(troupe_rate_limiter, (troupe::permit_withdraw))

CAF_END_TYPE_ID_BLOCK(troupe_rate_limiter)
TROUPE_CHECK_RANGE(troupe_rate_limiter);
