// The HTTP client actor: typed messages in front of `http_loop`, which owns the connections and a network thread. The
// actor keeps who waits for which transfer, and aborts the transfers of an owner that died.
#pragma once

#include "actors/http_client/http_loop.hpp"
#include "messages/http_client.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <memory>
#include <unordered_map>

namespace troupe {

struct http_client_state {
  struct transfer {
    caf::typed_response_promise<http_response> promise;
    caf::actor_addr owner;
    std::uint64_t owners_id = 0; // what the owner calls it
    std::uint64_t loop_id = 0;
  };

  std::unique_ptr<http_loop> loop;
  std::unordered_map<std::uint64_t, transfer> open;
  // Every owner here is monitored; its transfers by its own ids.
  std::unordered_map<caf::actor_addr, std::unordered_multimap<std::uint64_t, std::uint64_t>> by_owner;
  std::uint64_t last_id = 0;

  static inline const char* name = "http_client";
};

/// Spawns with the loop's settings; the network thread starts with the actor and ends with it.
http_client_actor::behavior_type http_client(
  http_client_actor::stateful_pointer<http_client_state> self, http_loop::settings settings);

} // namespace troupe
