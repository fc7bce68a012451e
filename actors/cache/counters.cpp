#include "actors/cache/counters.hpp"

namespace troupe {

std::string_view to_string(stage s) noexcept {
  static constexpr std::array<std::string_view, 4> names{"kv", "cold", "database", "providers"};
  return names[static_cast<std::size_t>(s)];
}

metrics report(const cache_counters& c, const lower_tiers& tiers, const cache_gauges& now) {
  const auto as_count = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  metrics out{
    {"troupe_cache_lookups_total", {}, true, c.lookups},
    {"troupe_cache_coalesced_total", {}, true, c.coalesced},
    {"troupe_cache_stale_served_total", {}, true, c.stale_served},
    {"troupe_cache_refreshed_total", {}, true, c.refreshed},
    {"troupe_cache_promoted_total", {}, true, c.promoted},
    {"troupe_cache_restored_total", {}, true, c.restored},
    {"troupe_cache_shed_total", {}, true, c.shed},
    {"troupe_cache_cancelled_total", {}, true, c.cancelled},
    {"troupe_cache_too_large_total", {}, true, c.too_large},
    {"troupe_cache_evicted_total", {}, true, as_count(now.store.evicted())},
    {"troupe_cache_expired_total", {}, true, as_count(now.store.expired())},
    {"troupe_cache_entries", {}, false, as_count(now.store.size())},
    {"troupe_cache_bytes", {}, false, as_count(now.store.bytes())},
    {"troupe_cache_fetches_in_flight", {}, false, as_count(now.fetches)},
    {"troupe_cache_waiting", {}, false, as_count(now.waiting)},
  };
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    const auto& tier = tiers[i];
    const fields labels{{"tier", std::string{to_string(static_cast<stage>(i))}}};
    out.push_back({"troupe_cache_tier_hits_total", labels, true, tier.hits});
    out.push_back({"troupe_cache_tier_failures_total", labels, true, tier.failures});
    out.push_back({"troupe_cache_tier_kept_total", labels, true, tier.kept});
    out.push_back({"troupe_cache_tier_dropped_total", labels, true, tier.dropped});
    out.push_back({"troupe_cache_tier_open", labels, false, tier.open});
  }
  return out;
}

} // namespace troupe
