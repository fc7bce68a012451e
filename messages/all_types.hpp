// Tells an actor system of every message type. For main, the bridge process and tests; nobody else needs all of them.
#pragma once

namespace caf {
class actor_system_config;
}

namespace troupe {

void add_message_types(caf::actor_system_config& config);

} // namespace troupe
