// The numbers under which message types cross between nodes. Each subsystem owns a fixed range, so that a new type in
// one header neither renumbers nor rebuilds the others. Append only: a number that was ever released keeps its meaning.
#pragma once

#include <cstdint>

namespace troupe::type_ids {

// CAF keeps the numbers below 200 for itself (caf::first_custom_type_id).
constexpr std::uint16_t common = 200;       // 200-219  common.hpp
constexpr std::uint16_t http_client = 220;  // 220-239  http_client.hpp
constexpr std::uint16_t provider = 240;     // 240-259  provider.hpp
constexpr std::uint16_t rate_limiter = 260; // 260-279  rate_limiter.hpp
constexpr std::uint16_t orchestrator = 280; // 280-299  orchestrator.hpp
constexpr std::uint16_t cache = 300;        // 300-319  cache.hpp
constexpr std::uint16_t store = 320;        // 320-339  store.hpp
constexpr std::uint16_t batch = 340;        // 340-359  batch.hpp
constexpr std::uint16_t kv = 360;           // 360-379  kv.hpp
constexpr std::uint16_t objects = 380;      // 380-399  objects.hpp
constexpr std::uint16_t service = 400;      // 400-419  service.hpp
constexpr std::uint16_t scheduler = 420;    // 420-439  scheduler.hpp

} // namespace troupe::type_ids

/// Each subsystem's header ends its block with this: a block that outgrows its range does not compile.
#define TROUPE_CHECK_RANGE(block)                                                                                      \
  static_assert(caf::id_block::block::end - caf::id_block::block::begin <= 20, #block " outgrew its range of type "    \
                                                                                      "ids")
