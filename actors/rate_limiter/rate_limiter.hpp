// The rate limiter actor: typed messages in front of `permit_book`. It keeps the promises of those who wait, watches
// the owners of permits, and wakes itself when the next token or deadline is due.
#pragma once

#include "actors/rate_limiter/permit_book.hpp"
#include "actors/timer/deadlines.hpp"
#include "messages/rate_limiter.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace troupe {

struct rate_limiter_state {
  struct waiter {
    caf::typed_response_promise<permit> promise;
    caf::actor_id owner = 0;
  };

  std::optional<permit_book> book;
  std::vector<std::string> lanes;
  std::unordered_map<std::uint64_t, waiter> waiting; // by ticket
  std::unordered_set<caf::actor_id> watched;
  std::uint64_t last_ticket = 0;
  wake_up tick;
  std::int64_t granted = 0;
  std::int64_t refused = 0;

  static inline const char* name = "rate_limiter";
};

rate_limiter_actor::behavior_type rate_limiter(
  rate_limiter_actor::stateful_pointer<rate_limiter_state> self, permit_book::settings settings);

} // namespace troupe
