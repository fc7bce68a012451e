// The services of a node: which there are, what each may reach, and the public paths behind which they stand.
#pragma once

#include "apps/bridge/bridge.hpp"
#include "apps/config/config.hpp"
#include "apps/config/secrets.hpp"
#include "apps/services/door.hpp"
#include "apps/services/lookups.hpp"
#include "messages/orchestrator.hpp"

#include <caf/actor_system.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// What services stand on.
struct service_ground {
  book_services books;
  orchestrator_actor boss; // for the circuits in /health
  std::shared_ptr<spdlog::logger> log;
  std::uint64_t seed = 0;
};

/// The services as actors. Those who bind others come after them, so that ending from the last to the first cuts
/// nobody's way.
struct node_services {
  std::vector<std::pair<std::string, service_front_actor>> fronts;
  door_actor door;
  std::vector<bound_service> of_warmer; // what the service cache-warmer may reach
};

[[nodiscard]] node_services start_services(
  caf::actor_system& in, const config::settings& s, const config::secrets& secrets, service_ground ground);

/// Their paths, for the bridge.
[[nodiscard]] std::vector<resource> service_paths(const config::settings& s, const door_actor& door);

} // namespace troupe
