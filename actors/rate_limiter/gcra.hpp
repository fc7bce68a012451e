// Inbound limits, exact and without a mailbox: the Generic Cell Rate Algorithm (ITU-T I.371) with one word, the
// theoretical arrival time, a client and endpoint. The words are in a striped, bounded table that the I/O threads use
// directly. Finding a client's word takes its stripe's lock, and the word is changed under the same lock, for some 20 ns:
// of two clients at the last token exactly one passes (DECISIONS C-15).
// 100 per 60 s means: 100 at once, then one more each 0.6 s, and never more than 100 + t / 0.6 s in any time t.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe {

/// So many requests a period, all of which may come at once.
struct gcra_quota {
  std::int64_t requests = 100;
  std::chrono::nanoseconds period{std::chrono::seconds{60}};
};

struct gcra_verdict {
  bool allowed = false;
  std::int64_t limit = 0;
  std::int64_t remaining = 0;              // requests that would pass right now, after this one
  std::chrono::nanoseconds retry_after{};  // when refused: until the next one passes
  std::chrono::nanoseconds reset_after{};  // until all of `limit` would pass again
};

/// One decision. `tat` is the bucket's theoretical arrival time (0 at first), in nanoseconds like `now`; it is changed
/// only when the request is allowed.
[[nodiscard]] gcra_verdict gcra_step(std::int64_t& tat, std::int64_t now, const gcra_quota& quota) noexcept;

class gcra_table {
public:
  /// Keeps at most about `max_clients` buckets in use. Only full buckets are ever evicted, since a full bucket is the
  /// same as none. When no bucket of a stripe is full, clients that come new to it share one: they are limited too
  /// strictly then, never too little.
  gcra_table(std::vector<gcra_quota> quotas, std::size_t max_clients);

  /// Charges one request of this client (an address) on an endpoint (a place in `quotas`). Thread-safe.
  [[nodiscard]] gcra_verdict check(std::string_view client, std::size_t endpoint, std::chrono::nanoseconds now);

  /// Buckets in use.
  [[nodiscard]] std::size_t size() const;

private:
  using words = std::vector<std::int64_t>; // one an endpoint

  struct hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct alignas(64) stripe {
    mutable std::mutex lock;
    std::unordered_map<std::string, words, hash, std::equal_to<>> clients;
    words overflow;
    std::chrono::nanoseconds swept{}; // when a sweep last found nothing to evict
  };

  [[nodiscard]] words& find_or_make(stripe& s, std::string_view client, std::chrono::nanoseconds now);
  static void sweep(stripe& s, std::chrono::nanoseconds now);

  std::vector<gcra_quota> quotas_;
  std::size_t max_per_stripe_;
  std::array<stripe, 64> stripes_;
};

} // namespace troupe
