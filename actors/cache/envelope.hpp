// The bytes that a client gets around an application's data (DECISIONS C-02, C-05, C-36):
//   {"data":...,"provider":"cache:kv","cached":true,"timestamp":1700000000000,"meta":{"providers":[...]}}
// Only what is the same for every reader is in the body or in the fixed header lines; what changes with each request
// (age, trace id, remaining limit, response time) is a header that the bridge adds. Pure.
#pragma once

#include "messages/outcome.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace troupe {

/// From which tier an answer comes. The tag of a tier replaces the providers' own; theirs stays in meta.origin.
enum class tier : std::uint8_t {
  providers, ///< asked just now: the outcome's own tag, cached:false
  hot,       ///< cache:kv
  database,  ///< cache:d1
  cold,      ///< cache:r2
};

/// The body for an outcome that was read from `from`.
[[nodiscard]] std::string render_body(const outcome& o, tier from);

/// The same body, marked as stale.
[[nodiscard]] std::string mark_stale(std::string_view body);

/// The body for a details route that found nothing (404).
[[nodiscard]] std::string render_not_found(const outcome& o, const question& what);

/// A weak validator over `data` alone (RFC 9110, 8.8.1): equal for all tiers of one content, as W/"<16 hex digits>".
[[nodiscard]] std::string weak_etag(std::string_view data);

/// The provider tag that goes with render_body.
[[nodiscard]] std::string_view tag_of(const outcome& o, tier from);

/// The header lines that many answers have in common: Content-Type, Cache-Control (public, max-age; no-cache when
/// zero), X-Provider, Vary.
[[nodiscard]] std::string fixed_head(std::string_view tag, std::chrono::seconds max_age);

/// Those and the ETag.
[[nodiscard]] std::string with_etag(std::string_view head, std::string_view etag);

} // namespace troupe
