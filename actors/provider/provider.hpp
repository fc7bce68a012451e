// A provider actor: one life of one upstream API. For each call it asks for a permit, makes the HTTP call, and lets the
// API's mapper judge the answer. It counts its own failures; when `health` says enough, it answers everybody who waits
// and quits with ec::circuit_tripped. When it may live again is its supervisor's business.
#pragma once

#include "actors/provider/api.hpp"
#include "actors/provider/health.hpp"
#include "actors/timer/deadlines.hpp"
#include "messages/http_client.hpp"
#include "messages/provider.hpp"
#include "messages/rate_limiter.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <unordered_map>

namespace troupe {

struct provider_settings {
  std::shared_ptr<const upstream_api> api;
  std::string url;  // scheme, authority and optional prefix; no trailing slash
  std::string key;  // the API key; empty: none
  int failures = 5; // in a row, then it dies
  std::chrono::microseconds connect_timeout{std::chrono::seconds{1}};
  std::chrono::microseconds attempt_timeout{std::chrono::seconds{3}};
  std::int64_t max_bytes = 8 << 20; // of an answer: an honest book list is under 1 MiB
};

struct provider_state {
  struct call {
    caf::typed_response_promise<provider_answer> promise;
    question what;
    std::chrono::steady_clock::time_point started;
    std::chrono::steady_clock::time_point deadline;
    std::chrono::steady_clock::time_point until; // later, the limiter or the client is at fault
    std::uint64_t permit = 0;                    // 0: none held
  };

  provider_settings settings;
  std::uint64_t generation = 0;
  rate_limiter_actor limiter;
  http_client_actor http;
  std::optional<troupe::health> health;
  std::unordered_map<std::uint64_t, call> calls;
  deadlines<std::uint64_t> open; // calls
  wake_up tick;
  std::uint64_t last_call = 0;
  std::int64_t started = 0;

  static inline const char* name = "provider";
};

provider_actor::behavior_type provider(provider_actor::stateful_pointer<provider_state> self,
  provider_settings settings, std::uint64_t generation, bool on_probation, rate_limiter_actor limiter,
  http_client_actor http);

} // namespace troupe
