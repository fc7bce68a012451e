// What the two-tier cache decides: how an entry stands, how long it lives, where a read goes next, what a failure falls
// back on, and what the client is told. Hot is memory (S2-31, an hour), cold is objects (S2-32, seven days); a read
// goes hot, cold, providers. Invariants: a key's lifetime is the same on every node; nothing lives longer for being
// promoted; one refresh a key at a time. Pure: `now` is an argument.
#pragma once

#include "actors/cache/envelope.hpp"
#include "messages/types.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace troupe {

/// How an entry stands (RFC 5861 for the two in the middle).
enum class standing : std::uint8_t {
  fresh,      ///< to be answered with
  revalidate, ///< to be answered with at once, while it is fetched anew behind the answer
  on_error,   ///< to be answered with only if it cannot be fetched anew
  dead,       ///< as if it were not there
};

/// For how long, from when it is stored. Both windows of staleness begin where freshness ends.
struct life {
  std::chrono::nanoseconds fresh{};
  std::chrono::nanoseconds revalidate{};
  std::chrono::nanoseconds on_error{};
};

/// Until when, by the clock of whoever keeps it.
struct expiry {
  std::chrono::nanoseconds stored_at{};
  std::chrono::nanoseconds fresh_until{};
  std::chrono::nanoseconds dead_at{};
};

/// @param revalidate the window of `life`; never longer than the answer was fresh, nor past `dead_at`.
[[nodiscard]] standing standing_of(
  const expiry& e, std::chrono::nanoseconds revalidate, std::chrono::nanoseconds now) noexcept;

/// What an answer holds, which decides how long and where it is kept.
enum class content : std::uint8_t {
  complete,
  degraded,  ///< a provider that was asked is missing
  not_found, ///< the providers know nothing of it
};

struct tier_settings {
  std::chrono::nanoseconds hot_ttl = std::chrono::hours{1};         // S2-31, S0-31
  std::chrono::nanoseconds cold_ttl = std::chrono::hours{168};      // S2-32
  std::chrono::nanoseconds degraded_ttl = std::chrono::minutes{1};  // soon asked again
  std::chrono::nanoseconds not_found_ttl = std::chrono::minutes{1}; // a new book may come, but not at each request
  std::chrono::nanoseconds revalidate = std::chrono::minutes{1};
  std::chrono::nanoseconds on_error = std::chrono::hours{24};
};

/// The life of an answer in memory. A route's own wish goes before the settings; what is degraded or not found is never
/// fresh for longer than a complete answer of that route.
[[nodiscard]] life hot_life(content what, const lifetimes& wish, const tier_settings& cfg) noexcept;

/// The life of a complete answer in the cold tier: the setting, unless the route has said how long its answers are
/// fresh.
[[nodiscard]] life cold_life(const lifetimes& wish, const tier_settings& cfg) noexcept;

/// Whether the cold tier takes it: what lives a minute is not worth an object.
[[nodiscard]] bool worth_cold(content what) noexcept;

/// A lifetime made up to a tenth shorter or longer, by the hash of its key alone, so that what is stored in one minute
/// (a library that is warmed) does not end in one minute. At most ten years, to the microsecond; zero stays zero.
[[nodiscard]] std::chrono::nanoseconds jittered(std::chrono::nanoseconds lifetime, std::uint64_t key_hash) noexcept;

/// When something stored now ends, its freshness jittered.
[[nodiscard]] expiry expiry_of(const life& l, std::uint64_t key_hash, std::chrono::nanoseconds now) noexcept;

/// When a cold entry ends that is promoted now: as a hot one, but no later than it would have in the cold tier. Its age
/// goes on. `cold` by the same clock as `now`.
[[nodiscard]] expiry promoted(
  const expiry& cold, const life& hot, std::uint64_t key_hash, std::chrono::nanoseconds now) noexcept;

/// What to do next about a read.
enum class read_step : std::uint8_t {
  answer,             ///< with what was found
  answer_and_refresh, ///< with what was found, and fetch it anew in the background
  look_below,         ///< in the next tier
  join,               ///< wait for the fetch of this key that is under way
  fetch,              ///< ask the providers
};

/// What matters about a read besides what the tiers hold.
struct read_about {
  bool bypass = false;    // Cache-Control: no-cache, or ?force=true
  bool under_way = false; // this key is being read or fetched already
  bool has_below = true;  // there is a tier below memory
};

/// After looking in memory; what is not there is dead.
[[nodiscard]] read_step after_hot(standing hot, const read_about& read) noexcept;

/// After looking in the cold tier, which failing counts as dead.
[[nodiscard]] read_step after_cold(standing cold) noexcept;

/// What a failed fetch falls back on: stale-if-error.
enum class fallback : std::uint8_t { hot, cold, none };

/// The younger of the two answers that are not dead: memory's, if there is one.
[[nodiscard]] fallback after_failure(standing hot, standing cold) noexcept;

/// The X-Cache header of an answer: HIT-KV-HOT, HIT-R2-COLD, HIT-R2-PROMOTED, HIT-D1, STALE, MISS or COALESCED.
/// @param from where it was found
/// @param how how it stood there; of no matter for providers and database
/// @param promoted it went from cold to hot with this read
/// @param joined it was fetched for somebody else, who asked first
[[nodiscard]] std::string_view x_cache(tier from, standing how, bool promoted, bool joined) noexcept;

} // namespace troupe
