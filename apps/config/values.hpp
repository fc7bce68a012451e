// The types that a setting can have, as text and as values. Parsing is exact (no unit, no sign, no blank is guessed),
// and formatting gives a short text that parses to the same value.
#pragma once

#include "messages/types.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::config {

/// "800ms", "10s", "1h": a whole number and one of us, ms, s, m, h, d.
using duration = std::chrono::microseconds;

/// "256MiB", "8MB": a whole number and one of B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (of 1024).
struct byte_size {
  std::int64_t count = 0;
  friend bool operator==(const byte_size&, const byte_size&) = default;
};

/// "100/60s": so many in so long; at most one a microsecond.
struct quota {
  std::int64_t count = 0;
  duration window{};
  friend bool operator==(const quota&, const quota&) = default;
};

/// "127.0.0.1:8787", "[::1]:8787", "localhost:8787" (which is 127.0.0.1). Port 0: the system chooses.
struct address {
  std::string host; ///< an IPv4 or IPv6 address, without brackets
  std::uint16_t port = 0;
  friend bool operator==(const address&, const address&) = default;
};

/// "https://api.example.com/prefix": scheme, authority and optional prefix; no credentials, query, fragment or slash at
/// the end, so that a request's target is appended as it is.
struct base_url {
  std::string text;
  friend bool operator==(const base_url&, const base_url&) = default;
};

/// IP addresses and CIDR ranges: "10.0.0.0/8", "::1".
struct ip_ranges {
  std::vector<std::string> list;
  friend bool operator==(const ip_ranges&, const ip_ranges&) = default;
};

/// Web origins as browsers send them, "https://app.example" or "http://localhost:5173", or "*" for all: a scheme, a
/// host and the port where it is not the scheme's own; nothing behind them.
struct origin_list {
  std::vector<std::string> list;
  friend bool operator==(const origin_list&, const origin_list&) = default;
};

/// Whom a route answers.
enum class route_auth : std::uint8_t { none, key };

enum class access_format : std::uint8_t { off, json, common };
enum class log_level : std::uint8_t { trace, debug, info, warn, error };
enum class log_format : std::uint8_t { pretty, json };

// Each returns false, and leaves `out` alone, when the text is not one of these.
[[nodiscard]] bool parse(std::string_view text, bool& out);
[[nodiscard]] bool parse(std::string_view text, std::int64_t& out);
[[nodiscard]] bool parse(std::string_view text, duration& out);
[[nodiscard]] bool parse(std::string_view text, byte_size& out);
[[nodiscard]] bool parse(std::string_view text, quota& out);
[[nodiscard]] bool parse(std::string_view text, address& out);
[[nodiscard]] bool parse(std::string_view text, base_url& out);
[[nodiscard]] bool parse(std::string_view text, ip_ranges& out);   // separated by commas
[[nodiscard]] bool parse(std::string_view text, origin_list& out); // separated by commas
[[nodiscard]] bool parse(std::string_view text, std::string& out);
[[nodiscard]] bool parse(std::string_view text, route_auth& out);
[[nodiscard]] bool parse(std::string_view text, access_format& out);
[[nodiscard]] bool parse(std::string_view text, log_level& out);
[[nodiscard]] bool parse(std::string_view text, log_format& out);

[[nodiscard]] std::string format(bool v);
[[nodiscard]] std::string format(std::int64_t v);
[[nodiscard]] std::string format(duration v);
[[nodiscard]] std::string format(byte_size v);
[[nodiscard]] std::string format(const quota& v);
[[nodiscard]] std::string format(const address& v);
[[nodiscard]] std::string format(const base_url& v);
[[nodiscard]] std::string format(const ip_ranges& v);
[[nodiscard]] std::string format(const origin_list& v);
[[nodiscard]] std::string format(const std::string& v);
[[nodiscard]] std::string format(route_auth v);
[[nodiscard]] std::string format(access_format v);
[[nodiscard]] std::string format(log_level v);
[[nodiscard]] std::string format(log_format v);
[[nodiscard]] std::string format(strategy v);

} // namespace troupe::config
