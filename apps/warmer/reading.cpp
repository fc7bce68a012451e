// The importer as an actor.
#include "apps/warmer/warmer.hpp"

#include <caf/send.hpp>

namespace troupe {

importer_actor::behavior_type importer(
  importer_actor::pointer self, import_ground ground, std::shared_ptr<std::atomic<bool>> stop) {
  return {
    [self, ground = std::move(ground), stop = std::move(stop)](const import_order& order) {
      const auto to = caf::actor_cast<warmer_actor>(self->current_sender());
      const auto done = import_library(
        order, ground, [&] { return *stop || (order.given_up && *order.given_up); },
        [&](const job_view& job) {
          caf::anon_send(to, import_told{order.life, job});
        });
      caf::anon_send(to, done ? import_over{order.life, ec::none, {}}
                              : import_over{order.life, done.error().code, done.error().message});
    },
  };
}

} // namespace troupe
