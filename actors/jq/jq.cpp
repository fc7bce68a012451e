#include "actors/jq/jq.hpp"

namespace troupe {

jq_actor::behavior_type jq_counters(
  jq_actor::stateful_pointer<jq_counters_state> self, std::shared_ptr<const jq::pool> pool) {
  self->state.pool = std::move(pool);
  return {
    [self](stats_atom) -> metrics {
      const auto c = self->state.pool->count();
      const auto ended = [](const char* how, std::int64_t n) {
        return metric{"troupe_jq_bodies_total", {{"outcome", how}}, true, n};
      };
      return {
        ended("mapped", c.mapped),
        ended("failed", c.failed),
        ended("killed", c.killed),
        ended("crashed", c.crashed),
        ended("refused", c.refused),
        {"troupe_jq_waiting", {}, false, c.waiting},
        {"troupe_jq_running", {}, false, c.running},
        {"troupe_jq_busy_microseconds_total", {}, true, c.busy_us},
      };
    },
  };
}

} // namespace troupe
