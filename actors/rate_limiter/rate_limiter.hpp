// The rate limiter actor: typed messages in front of `permit_book`. It keeps the promises of those who wait, watches
// the owners of permits, and wakes itself when the next token, release or deadline is due.
#pragma once

#include "actors/rate_limiter/permit_book.hpp"
#include "actors/timer/deadlines.hpp"
#include "actors/timer/pending_alarm.hpp"
#include "messages/rate_limiter.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <spdlog/logger.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace troupe {

struct rate_limiter_settings {
  permit_book::settings book;
  std::shared_ptr<spdlog::logger> log;
};

struct rate_limiter_state {
  struct waiter {
    caf::typed_response_promise<permit> promise;
    caf::actor_id owner = 0;
    std::uint64_t owners_id = 0; // what the owner calls the request; 0: nothing
    std::string lane;
    permit_book::time deadline{};
    troupe::priority priority = troupe::priority::interactive;
  };
  struct served { // of one lane and priority
    std::int64_t granted = 0;
    histogram waits;
  };
  struct refusals { // by cause, over all lanes
    std::int64_t unknown_lane = 0;
    std::int64_t queue_full = 0;
    std::int64_t deadline = 0; // at once: it cannot be met
    std::int64_t expired = 0;  // after waiting
  };

  std::optional<permit_book> book;
  std::shared_ptr<spdlog::logger> log;
  std::unordered_map<std::uint64_t, waiter> waiting;                         // by ticket
  std::map<std::pair<caf::actor_id, std::uint64_t>, std::uint64_t> by_owner; // tickets of those that have a name
  std::unordered_set<caf::actor_id> watched;
  std::uint64_t last_ticket = 0;
  wake_up tick;
  pending_alarm alarm;
  std::vector<std::array<served, priorities>> lanes; // as the book numbers them
  refusals refused;

  static inline const char* name = "rate_limiter";
};

/// Spawns with the limits as configured. Throws std::invalid_argument when they are not as permit_book expects.
rate_limiter_actor::behavior_type rate_limiter(
  rate_limiter_actor::stateful_pointer<rate_limiter_state> self, rate_limiter_settings settings);

} // namespace troupe
