// The orchestrator: one a node. It keeps the table of requests under way (a request is a record here, not an actor) and
// supervises the providers: each has a slot that outlives it, with its circuit (`restart_policy`), its counters and its
// latency. Who is asked, and when a request is done, is `plan`'s decision; when a dead provider may live again is the
// policy's. Every fetch is answered with one outcome, on every path.
#pragma once

#include "actors/circuit/restart_policy.hpp"
#include "actors/orchestrator/latency.hpp"
#include "actors/orchestrator/live_traffic.hpp"
#include "actors/orchestrator/plan.hpp"
#include "actors/orchestrator/route.hpp"
#include "actors/timer/deadlines.hpp"
#include "messages/orchestrator.hpp"
#include "messages/provider.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

namespace troupe {

/// A child as data: how to start one more life of a provider, and when it may live again.
struct provider_spec {
  std::string name;
  circuit_settings circuit;
  std::chrono::microseconds probe_patience{std::chrono::seconds{6}}; // for the one call that a half-open circuit makes
  int hedge_percentile = 96; // a second attempt after the latency that so many percent stay within; 0: none
  std::function<provider_actor(caf::actor_system&, supervisor_actor, std::uint64_t generation)> spawn;
};

struct orchestrator_settings {
  std::vector<provider_spec> providers;
  std::vector<route> routes;
  std::chrono::milliseconds patience{800}; // how long a merge waits for the slower ones once one has answered
  int retries = 2;                         // of one request, over all its providers
  int calls = 0;                           // providers that one request may ask, retries included; 0: no bound (C-30)
  std::uint64_t seed = 0;                  // of the circuits' jitter
  std::function<std::int64_t()> wall_ms;   // the wall clock, for `timestamp`
  std::shared_ptr<spdlog::logger> log;
  std::shared_ptr<live_traffic> live = std::make_shared<live_traffic>(); // told of whoever asks and waits
};

struct orchestrator_state {
  using time = std::chrono::steady_clock::time_point;

  struct slot {
    provider_spec spec;
    restart_policy policy;
    provider_actor life{}; // empty while the circuit is open
    std::int64_t calls = 0;
    std::int64_t failures = 0;
    std::int64_t retries = 0;
    std::int64_t retries_refused = 0; // for want of budget
    std::int64_t hedges = 0;
    std::int64_t hedges_won = 0;
    std::int64_t aborted = 0;      // attempts taken off the wire
    std::int64_t retry_budget = 0; // as its last answer said
    std::int64_t hedge_budget = 0;
    histogram durations{};     // of the upstream's answers
    troupe::latency latency{}; // the same, of late

    /// What an ended call cost.
    void count(const call_costs& c) {
      retries += std::max(0, c.attempts - 1 - c.hedges);
      retries_refused += c.retry_refused ? 1 : 0;
      hedges += c.hedges;
      hedges_won += c.hedge_won ? 1 : 0;
      aborted += c.aborted;
      retry_budget = c.retry_budget;
      hedge_budget = c.hedge_budget;
    }
  };

  // Who asked, and what it calls the fetch.
  using asker = std::pair<caf::actor_id, std::uint64_t>;

  // A life that takes no more calls: its slot is empty already, or has the next one.
  struct leaver {
    provider_actor life;
    std::size_t slot = 0;
    std::uint64_t generation = 0;
  };

  struct asked {
    std::uint64_t request = 0;
    std::size_t place = 0; // in the route's providers
    std::size_t slot = 0;
    std::uint64_t generation = 0;
    int retries = 0; // that it may make
    int extra = 0;   // calls beyond the first, second attempts included
    bool probe = false;
    time since;
    time until; // later, the provider's actor itself is at fault
  };

  struct request {
    asker from;
    caf::typed_response_promise<outcome> promise;
    question what;
    strategy how;
    const troupe::route* route = nullptr;
    std::vector<std::size_t> slots; // of the route's providers
    troupe::plan plan;
    time deadline;
    time patience_until{}; // of a merge, once one has answered
    int retries = 0;       // left
    int calls = 0;         // left; counted only where they are bounded
    provider_reports reports;
    std::vector<records_ptr> found; // by place
  };

  orchestrator_settings settings;
  std::vector<slot> slots;
  std::vector<leaver> leaving; // until they are down
  std::unordered_map<std::uint64_t, request> requests;
  std::map<asker, std::uint64_t> by_asker;
  std::unordered_map<std::uint64_t, asked> calls; // every call whose answer is still to come
  deadlines<std::uint64_t> patience;              // requests
  deadlines<std::uint64_t> answers;               // calls
  wake_up tick;
  std::uint64_t last_request = 0;
  std::uint64_t last_call = 0;

  static inline const char* name = "orchestrator";
};

orchestrator_actor::behavior_type orchestrator(
  orchestrator_actor::stateful_pointer<orchestrator_state> self, orchestrator_settings settings);

} // namespace troupe
