// What a cache shard counts, and how it stands with each tier below memory. Pure: `now` is an argument.
#pragma once

#include "actors/cache/hot_store.hpp"
#include "messages/metric.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troupe {

/// Where a read looks that memory does not answer, from the fastest on.
enum class stage : std::uint8_t { kv, cold, database, providers };

/// A tier below memory. What it has before it is bounded, and one that failed is left alone for a while.
class lower_tier {
public:
  using time = std::chrono::steady_clock::time_point;

  /// Requests of one shard that it may have before it (a write of the key-value store is one, with about a megabyte of
  /// answers); one that hangs does not get more and more of them.
  static constexpr std::int64_t most_open = 256;
  /// For this long nobody asks one that failed; also how long a read waits for it: the providers can say it again.
  static constexpr std::chrono::seconds patience{1};

  [[nodiscard]] bool usable(time now) const noexcept { return open < most_open && next_try_ <= now; }

  /// Whether it takes an answer now; counted.
  [[nodiscard]] bool take(time now) noexcept {
    const bool room = usable(now);
    ++(room ? kept : dropped);
    return room;
  }

  void failed(time now) noexcept {
    ++failures;
    next_try_ = now + patience;
  }

  std::int64_t open = 0; ///< requests that it has not answered
  std::int64_t hits = 0;
  std::int64_t failures = 0;
  std::int64_t kept = 0;    ///< answers that were handed to it
  std::int64_t dropped = 0; ///< that were not, because it was not usable

private:
  time next_try_{};
};

using lower_tiers = std::array<lower_tier, 3>; // by stage

[[nodiscard]] std::string_view to_string(stage s) noexcept;

struct cache_counters {
  std::int64_t lookups = 0;
  std::int64_t coalesced = 0;
  std::int64_t stale_served = 0;
  std::int64_t refreshed = 0; // behind an answer
  std::int64_t promoted = 0;  // from the cold tier
  std::int64_t restored = 0;  // from the key-value store, after a start
  std::int64_t shed = 0;
  std::int64_t cancelled = 0; // fetches that nobody waited for any more
  std::int64_t too_large = 0; // answers that were not kept
};

/// How a shard is at the moment.
struct cache_gauges {
  const hot_store& store;
  std::size_t fetches = 0; // under way
  std::size_t waiting = 0; // for those
};

[[nodiscard]] metrics report(const cache_counters& c, const lower_tiers& tiers, const cache_gauges& now);

} // namespace troupe
