// The bridge's way to the services: an actor that binds each of them, and the public paths behind which they stand.
#pragma once

#include "apps/bridge/bridge.hpp"
#include "apps/services/service.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

inline constexpr std::string_view door_name = "bridge"; // what services know it by

/// Call this service; `done` is called once, on an actor thread.
struct door_call {
  std::uint64_t id = 0; // the asker's own, to take it back by
  std::string service;
  service_request what;
  std::function<void(service_response&&)> done;
};

/// The client of that call has left: it ends with ec::cancelled, and so does what it caused.
struct door_gone {
  std::uint64_t id = 0;
};

using door_actor = caf::typed_actor<
  // Call a service.
  caf::reacts_to<door_call>,
  // Nobody waits for it any more.
  caf::reacts_to<door_gone>,
  // Look whose time is over.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

struct door_state {
  struct open_call {
    std::function<void(service_response&&)> done;
    std::uint64_t asked = 0; // what the binding calls it
  };
  std::unordered_map<std::uint64_t, open_call> open;
  std::unique_ptr<bindings<door_actor::stateful_pointer<door_state>>> services;
  static inline const char* name = "door";
};

/// A door's binding to a service. Its circuit does not open for errors that are one question's alone: it opens when
/// sessions die in a row.
[[nodiscard]] binding_settings door_to(const std::string& service, std::chrono::microseconds longest);

door_actor::behavior_type door(door_actor::stateful_pointer<door_state> self, std::vector<bound_service> services,
  std::shared_ptr<spdlog::logger> log, std::uint64_t seed);

/// A public path of a service.
struct service_path {
  std::string service;
  entry_point at; // name, pattern, quota, whom it answers
  std::size_t max_body = 0;
  std::string prefix = {}; // taken from the path before the service sees it: "/services/isbndb"
  bool problems = false;   // its errors are RFC 9457 problems whatever the client accepts
};

/// The resources for bridge_settings. Errors are said as the client accepts them, and a client that has what is
/// answered (If-None-Match) gets 304, whatever service answers. A request's deadline is `deadline`, or shorter by
/// X-Request-Timeout.
[[nodiscard]] std::vector<resource> service_resources(
  std::vector<service_path> paths, door_actor door, std::chrono::microseconds deadline);

} // namespace troupe

// Callbacks never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::door_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::door_gone)
