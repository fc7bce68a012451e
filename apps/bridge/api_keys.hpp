// API keys: who asks, and may they? A key is "troupe_" and 32 random bytes in hex; kept is its SHA-256 alone. A slow,
// salted hash as for passwords would gain nothing (nobody guesses 256 random bits) and cost every request its time.
//
// Invariants: a presented key is hashed before anything else sees it, so looking it up tells by its time at most
// something about the hash of what the asker sent; the digests themselves are compared in constant time; no key is ever
// part of a message, a log line or a metric.
#pragma once

#include "actors/rate_limiter/gcra.hpp"
#include "apps/http/server.hpp"
#include "messages/result.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe {

using key_digest = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4).
[[nodiscard]] key_digest digest_of(std::string_view key);

/// 64 lower-case hex digits.
[[nodiscard]] std::string to_hex(const key_digest& d);

/// A new key from the system's random numbers.
[[nodiscard]] result<std::string> make_key();

/// The key that a request presents: `Authorization: Bearer KEY`, else `X-API-Key: KEY`, else nothing.
[[nodiscard]] std::string_view presented_key(const http::request& request) noexcept;

/// What is known of one key.
struct key_entry {
  std::string name; ///< unique: in the access log, and whose limit it is
  key_digest digest{};
  std::vector<std::string> routes; ///< which it may ask; empty: every one
  std::optional<gcra_limit> limit; ///< its own, over all routes; none: the routes' limits for one client
};

class api_key {
public:
  api_key(key_entry e, std::shared_ptr<std::atomic<std::int64_t>> used);

  [[nodiscard]] const std::string& name() const noexcept { return entry_.name; }
  /// Who that is in a table of clients: no IP address has a space in it.
  [[nodiscard]] const std::string& client() const noexcept { return client_; }
  [[nodiscard]] bool may_ask(std::string_view route) const noexcept;
  [[nodiscard]] const std::optional<gcra_limit>& limit() const noexcept { return entry_.limit; }

  /// Takes one request from its own limit, of which there must be one. Any thread; exact. `now` is monotonic.
  [[nodiscard]] verdict charge(std::chrono::nanoseconds now) const noexcept;

private:
  friend class api_keys;

  key_entry entry_;
  std::string client_;
  std::shared_ptr<std::atomic<std::int64_t>> used_; // the theoretical arrival time; outlives a reload
};

/// All keys of one moment; never changes.
class api_keys {
public:
  api_keys() = default;

  /// `previous` (may be null) hands over how much of its limit each key has used.
  api_keys(std::vector<key_entry> entries, const api_keys* previous);

  /// The key with that text, or null.
  [[nodiscard]] std::shared_ptr<const api_key> find(std::string_view key) const;

  [[nodiscard]] std::size_t size() const noexcept { return by_prefix_.size(); }

private:
  std::unordered_multimap<std::uint64_t, std::shared_ptr<const api_key>> by_prefix_; // the digest's first 8 bytes
};

} // namespace troupe
