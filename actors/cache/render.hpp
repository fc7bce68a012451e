// An outcome made into a finished answer, for memory or for whoever waits. Pure.
#pragma once

#include "actors/cache/envelope.hpp"
#include "actors/cache/hot_store.hpp"
#include "actors/cache/kept.hpp"
#include "actors/cache/tiers.hpp"
#include "messages/answer.hpp"

namespace troupe {

/// What the providers said, for the lifetimes.
[[nodiscard]] content content_of(const outcome& o, const lifetimes& wish) noexcept;

/// The answer as read from `as`, not compressed. One that found nothing is 404 where the question was for one thing
/// (a durable inquiry), else an empty list.
[[nodiscard]] rendered render(const outcome& o, const inquiry& about, const expiry& e, tier as);

/// For a client, at `now`; `how` is its X-Cache.
[[nodiscard]] answer from(const rendered& r, std::string_view how, std::chrono::nanoseconds now);

/// The same past its time, marked as such (S0-09) and not compressed.
[[nodiscard]] answer stale(const rendered& r, tier kept_in, std::chrono::nanoseconds now);

/// Why there is none.
[[nodiscard]] answer refusal(ec code, std::string message);
[[nodiscard]] answer failure(const outcome& o);

/// Whether a provider could not be asked, or did not answer, for want of time. A permit is refused as soon as it cannot
/// come in time, which is before the deadline.
[[nodiscard]] bool lacked_time(const answer& failed) noexcept;

/// The body compressed; nothing where that saves no packet.
[[nodiscard]] blob gzip_if_worth(std::string_view body, int level);

/// Compresses what is kept under a key, if it is worth that. Not in advance: most misses are never read again, and
/// whoever waits behind this one in the mailbox would wait for that too.
void compress_kept(hot_store& store, const std::string& key);

/// What the lower tiers keep of a complete answer, which memory keeps as `hot` says.
/// @param wall_ms Unix time of `now`
[[nodiscard]] kept_answer to_keep(const outcome& o, const std::string& key, const expiry& hot, const expiry& cold,
  std::chrono::nanoseconds now, std::int64_t wall_ms);

/// A span of Unix time by the steady clock.
[[nodiscard]] expiry by_clock(const lifespan& l, std::chrono::nanoseconds now, std::int64_t wall_ms) noexcept;

} // namespace troupe
