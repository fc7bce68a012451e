// A provider actor: one life of one upstream API. For each call it asks for a permit, makes the HTTP call and lets the
// API's mapper judge the answer; a transient failure it tries again, a slow attempt it hedges with a second one, both
// within budgets. It counts what its upstream does; when `health` says enough, it answers everybody who waits and quits
// with ec::circuit_tripped, or takes no more calls, lets those under way finish and then quits. When it may live again
// is its supervisor's business. Invariants: every call is answered once; a permit is given back when its attempt ends,
// however it ends.
#pragma once

#include "actors/circuit/health.hpp"
#include "actors/provider/api.hpp"
#include "actors/provider/call_budget.hpp"
#include "actors/provider/retry.hpp"
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
#include <random>
#include <unordered_map>
#include <utility>

namespace troupe {

struct provider_settings {
  std::shared_ptr<const upstream_api> api;
  std::string url; // scheme, authority and optional prefix; no trailing slash
  std::string key; // the API key; empty: none
  health_settings health;
  retry_settings retry;
  int retry_percent = 20; // of the calls, and ten a second on top (call_budget)
  int hedge_percent = 5;  // of the calls; 0: no second attempts
  std::chrono::microseconds connect_timeout{std::chrono::seconds{1}};
  std::chrono::microseconds attempt_timeout{std::chrono::seconds{3}};
  std::int64_t max_bytes = 8 << 20; // of an answer: an honest book list is under 1 MiB
  std::uint64_t seed = 0;           // of the back-off's jitter
};

/// Who may come to life, and who is told of a drain.
struct provider_peers {
  supervisor_actor supervisor;
  rate_limiter_actor limiter;
  http_client_actor http;
};

struct provider_state {
  using time = std::chrono::steady_clock::time_point;

  struct call {
    caf::typed_response_promise<provider_answer> promise;
    question what;
    time started;
    time deadline;
    time until;      // later, the limiter or the client is at fault
    time wake_at{};  // of the retry or the second attempt that is to come
    int retries = 0; // left
    int extra = 0;   // calls beyond the first, left
    std::chrono::microseconds hedge_after{0};
    bool probe = false;
    int made = 0; // attempts
    int open = 0; // attempts under way
    bool hedged = false;
    bool hedge_won = false;
    bool retry_refused = false;
    int aborted = 0;
  };

  struct attempt {
    std::uint64_t call = 0;
    std::uint64_t permit = 0; // 0: none yet
    bool second = false;      // the hedge
    bool on_the_wire = false; // sent, and no answer yet
    std::chrono::steady_clock::time_point sent{};
    std::chrono::microseconds waited{}; // until its answer was here
  };

  // What becomes due, by call.
  enum class due : std::uint8_t { over, retry, hedge };

  provider_settings settings;
  std::uint64_t generation = 0;
  provider_peers peers;
  std::optional<troupe::health> health;
  std::optional<call_budget> retries;
  std::optional<call_budget> hedges;
  std::mt19937_64 random;
  bool draining = false;
  std::unordered_map<std::uint64_t, call> calls;       // by the asker's id
  std::unordered_map<std::uint64_t, attempt> attempts; // under way
  std::uint64_t last_attempt = 0;
  std::chrono::microseconds typical{0}; // what an answer takes, as a moving average
  deadlines<std::pair<due, std::uint64_t>> timers;
  wake_up tick;

  static inline const char* name = "provider";
};

provider_actor::behavior_type provider(provider_actor::stateful_pointer<provider_state> self,
  provider_settings settings, std::uint64_t generation, provider_peers peers);

} // namespace troupe
