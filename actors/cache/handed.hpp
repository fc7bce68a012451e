// What a shard hands to the tiers below memory. Pure: `now` is an argument.
#pragma once

#include "actors/cache/tiers.hpp"
#include "messages/outcome.hpp"
#include "messages/types.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// An answer that has been given, and memory's lifetime of it.
struct handed {
  outcome what;
  expiry hot;
  inquiry about;
};

/// The same as the tiers keep it.
struct packed {
  std::string key;
  blob bytes;
  std::int64_t dead_ms = 0; // Unix time at which memory forgets it
  bool durable = false;     // the database keeps it
};

/// Of the key-value store's keys; what has a longer one stays in memory alone.
inline constexpr std::size_t longest_kept_key = 512;

/// Whether the tiers below take this at all.
[[nodiscard]] bool worth_keeping(content what, std::string_view key, const expiry& hot, std::chrono::nanoseconds now);

/// Without those of more than 16 MiB, which the tiers do not take in one message, and those that are as good as dead,
/// for one of which the key-value store would refuse them all.
/// @param wall_ms Unix time of `now`
[[nodiscard]] std::vector<packed> pack(
  std::vector<handed> answers, const tier_settings& cfg, std::chrono::nanoseconds now, std::int64_t wall_ms);

} // namespace troupe
