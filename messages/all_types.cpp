#include "messages/all_types.hpp"

#include "messages/batch.hpp"
#include "messages/cache.hpp"
#include "messages/http_client.hpp"
#include "messages/kv.hpp"
#include "messages/objects.hpp"
#include "messages/orchestrator.hpp"
#include "messages/provider.hpp"
#include "messages/rate_limiter.hpp"
#include "messages/scheduler.hpp"
#include "messages/service.hpp"
#include "messages/store.hpp"

#include <caf/actor_system_config.hpp>

namespace troupe {

void add_message_types(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::troupe_common>();
  config.add_message_types<caf::id_block::troupe_http_client>();
  config.add_message_types<caf::id_block::troupe_provider>();
  config.add_message_types<caf::id_block::troupe_rate_limiter>();
  config.add_message_types<caf::id_block::troupe_orchestrator>();
  config.add_message_types<caf::id_block::troupe_cache>();
  config.add_message_types<caf::id_block::troupe_store>();
  config.add_message_types<caf::id_block::troupe_batch>();
  config.add_message_types<caf::id_block::troupe_kv>();
  config.add_message_types<caf::id_block::troupe_objects>();
  config.add_message_types<caf::id_block::troupe_service>();
  config.add_message_types<caf::id_block::troupe_scheduler>();
}

} // namespace troupe
