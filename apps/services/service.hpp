// A service as data, and the session that it is for whoever binds it (messages/service.hpp). A service's handlers run
// inside the session's actor: they start what they do and return; whatever they ask for (the cache, another service)
// comes back there, and they answer by `reply`.
//
// Invariants: every call is answered exactly once: by its handler, when its time is over, when the session dies, or,
// when the handler throws, with ec::internal (or by the service's origin, if the call asked for that). A session dies
// of its own failures, and its supervisor (the binding) decides when the next one may live.
#pragma once

#include "actors/binding/binding.hpp"
#include "actors/circuit/health.hpp"
#include "actors/timer/deadlines.hpp"
#include "messages/service.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace troupe {

struct session_state;
using session_ptr = service_actor::stateful_pointer<session_state>;

/// One call as its handler sees it: by which number to answer it, and until when.
struct call_ref {
  std::uint64_t id = 0;
  std::chrono::steady_clock::time_point until;
};

using fetch_handler = std::function<void(session_ptr, const call_ref&, service_request&)>;
using method_handler = std::function<void(session_ptr, const call_ref&, service_call&)>;

/// A named set of methods (S2-13), and what its HTTP-shaped form answers.
struct entrypoint {
  fetch_handler fetch; // empty: 404
  std::map<std::string, method_handler, std::less<>> methods;
};

struct service_definition {
  std::string name;                                           // "isbndb-biography-worker-production"
  std::map<std::string, entrypoint, std::less<>> entrypoints; // "" is the default one
  std::vector<bound_service> bindings;                        // what it may reach
  std::function<std::string(std::string_view path)> pass_through =
    {};                                              // S1-47: what answers instead of a handler that threw
  std::vector<std::pair<std::string, bool>> secrets; // by name: is it there? Never its value (S2-60)
  std::function<void(session_ptr, std::function<void(std::string)>)> own_health =
    {};                                  // JSON members of its own, asked for each time; tells them inside the session
  std::function<std::int64_t()> wall_ms; // the wall clock, for timestamps
  std::shared_ptr<spdlog::logger> log;
  std::uint64_t seed = 0;
};

struct session_state {
  using time = std::chrono::steady_clock::time_point;
  using promise =
    std::variant<caf::typed_response_promise<service_response>, caf::typed_response_promise<service_result>>;

  struct open_call {
    promise to;
    std::pair<caf::actor_id, std::uint64_t> from; // who asked, and what it calls the call
    time since;
    time until;
    bool probe = false;
    bool hurried = false;
    std::function<void()> dropped = {}; // see when_dropped()
    std::string path = {};              // for the service's origin, if it has one
  };

  std::shared_ptr<const service_definition> service;
  const troupe::entrypoint* entry = nullptr;
  std::unique_ptr<bindings<session_ptr>> peers;
  std::unique_ptr<troupe::health> health;
  caf::strong_actor_ptr owner; // who opened it: the session ends with it
  std::unordered_map<std::uint64_t, open_call> calls;
  std::map<std::pair<caf::actor_id, std::uint64_t>, std::uint64_t> by_caller;
  deadlines<std::uint64_t> due;
  wake_up tick;
  std::uint64_t last = 0;
  std::int64_t held = 0; // work that goes on behind its answer
  bool leaving = false;  // ends when that has ended

  static inline const char* name = "session";
};

/// One life of a service for one binding.
service_actor::behavior_type session(session_ptr self, std::shared_ptr<const service_definition> service,
  const service_open& wish, caf::strong_actor_ptr owner);

/// Answers a call. Nothing if it has been answered: its time was over, or nobody waits any more.
void reply(session_ptr self, std::uint64_t call, service_response r);
void reply(session_ptr self, std::uint64_t call, service_result r);

/// Runs what a call goes on with, when what it asked for (the cache, another service) has come: what that throws ends
/// the call and nothing else, as with its handler.
void go_on(session_ptr self, const call_ref& call, const std::function<void()>& work);

/// What to do should a call end before its handler answers it (its caller does not wait any more, or its time is over):
/// take back what it asked of others. In the place of what was said before.
void when_dropped(session_ptr self, const call_ref& call, std::function<void()> then);

/// What is left of a call's time.
[[nodiscard]] std::int64_t remaining_us(session_ptr self, const call_ref& call);

/// Work that goes on after the answer (S1-46): the session does not end before `release`.
void hold(session_ptr self);
void release(session_ptr self);

/// JSON as an answer.
[[nodiscard]] service_response json_response(int status, std::string body);

struct front_of_service_state {
  std::shared_ptr<const service_definition> service;
  std::vector<service_open> bound; // who may open what (S2-76)
  static inline const char* name = "service";
};

/// The service's front: opens sessions for those whom the configuration binds to it, and for nobody else.
service_front_actor::behavior_type service_front(service_front_actor::stateful_pointer<front_of_service_state> self,
  std::shared_ptr<const service_definition> service, std::vector<service_open> bound);

} // namespace troupe
