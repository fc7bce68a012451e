// The orchestrator: one a node. It keeps the table of requests under way (a request is a record here, not an actor) and
// supervises the providers: each has a slot that outlives it, with its circuit (`restart_policy`), its counters and its
// latency. Who is asked, and when a request is done, is `plan`'s decision; when a dead provider may live again is the
// policy's. Every fetch is answered with one outcome, on every path.
#pragma once

#include "actors/orchestrator/plan.hpp"
#include "actors/orchestrator/restart_policy.hpp"
#include "actors/orchestrator/route.hpp"
#include "actors/timer/deadlines.hpp"
#include "messages/orchestrator.hpp"
#include "messages/provider.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <memory>
#include <unordered_map>

namespace troupe {

/// A child as data: how to start one more life of a provider, and how long it stays dead.
struct provider_spec {
  std::string name;
  std::chrono::nanoseconds open{std::chrono::seconds{60}};
  std::function<provider_actor(caf::actor_system&, std::uint64_t generation, bool on_probation)> spawn;
};

struct orchestrator_settings {
  std::vector<provider_spec> providers;
  std::vector<route> routes;
  std::chrono::milliseconds patience{800}; // how long a merge waits for the slower ones once one has answered
  std::function<std::int64_t()> wall_ms;   // the wall clock, for `timestamp`
  std::shared_ptr<spdlog::logger> log;
};

struct orchestrator_state {
  using time = std::chrono::steady_clock::time_point;

  struct slot {
    provider_spec spec;
    restart_policy policy;
    provider_actor life; // empty while the circuit is open
    std::int64_t calls = 0;
    std::int64_t failures = 0;
    std::int64_t busy_us = 0; // sum of the latencies of what was answered
  };

  struct asked {
    std::uint64_t request = 0;
    std::size_t place = 0; // in the route's providers
    std::size_t slot = 0;
    std::uint64_t generation = 0;
    bool probe = false;
    time since;
    time until; // later, the provider's actor itself is at fault
  };

  struct request {
    caf::typed_response_promise<outcome> promise;
    question what;
    strategy how;
    const troupe::route* route = nullptr;
    std::vector<std::size_t> slots; // of the route's providers
    troupe::plan plan;
    time deadline;
    time patience_until{}; // of a merge, once one has answered
    provider_reports reports;
    std::vector<records_ptr> found; // by place
  };

  orchestrator_settings settings;
  std::vector<slot> slots;
  std::unordered_map<std::uint64_t, request> requests;
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
