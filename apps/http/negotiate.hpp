// What a client's conditional and negotiation fields mean: which content coding it wants, whether it has our bytes
// already, what it sends. Pure; malformed members of a list are skipped, as RFC 9110 asks of a lenient recipient.
#pragma once

#include <cstdint>
#include <string_view>

namespace troupe::http {

/// The codings that we can make, and `none`: the client refuses both (406, or identity all the same: RFC 9110 12.5.3).
enum class coding : std::uint8_t { identity, gzip, none };

/// Chooses by the value of Accept-Encoding (several fields joined by ","; empty for an absent one). gzip wins when it
/// is named (or covered by "*") with a weight over 0 that is not below identity's own.
[[nodiscard]] coding choose_coding(std::string_view accept_encoding) noexcept;

[[nodiscard]] inline bool accepts_gzip(std::string_view accept_encoding) noexcept {
  return choose_coding(accept_encoding) == coding::gzip;
}

/// Whether the value of If-None-Match names `etag` (quotes included, with or without W/) by weak comparison (RFC 9110
/// 8.8.3.2), or is "*". An empty `etag` (there is no representation) never matches.
[[nodiscard]] bool etag_matches(std::string_view if_none_match, std::string_view etag) noexcept;

/// Whether the value of Cache-Control has a directive of this name (RFC 9111 5.2), whatever its argument and case.
[[nodiscard]] bool has_directive(std::string_view cache_control, std::string_view name) noexcept;

/// Whether the value of Content-Type is this media type (RFC 9110 8.3.1), whatever its case and parameters.
[[nodiscard]] bool is_media_type(std::string_view content_type, std::string_view type) noexcept;

} // namespace troupe::http
