// Inbound limits, exact and without a mailbox (DECISIONS C-04, C-15). A (client, endpoint) pair has one 64-bit word,
// the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371); the I/O threads change it by
// compare-and-swap. 100 per 60 s is a burst of 100 and one more each 0.6 s.
// Invariants: of any number of threads at the last token exactly one passes; an entry leaves the table only when its
// bucket is full again, which is the state of a client never seen; two clients never share a word by a hash collision;
// memory never exceeds what the capacity says.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace troupe {

/// What a client may do at one endpoint. Both positive; limit * period below 2^62 ns.
struct gcra_limit {
  std::int64_t limit = 0;
  std::chrono::nanoseconds period{0};
};

/// May this request pass, and what to tell the client (RateLimit fields, Retry-After).
struct verdict {
  bool allowed = false;
  std::int64_t limit = 0;                  ///< the burst
  std::int64_t remaining = 0;              ///< requests that would pass right after this one
  std::chrono::nanoseconds retry_after{0}; ///< until one more passes; 0 when this one did
  std::chrono::nanoseconds reset_after{0}; ///< until the bucket is full again
};

struct gcra_result {
  std::int64_t new_tat; ///< what to store; the old one when refused
  verdict said;
};

/// One decision. `tat` and `now` are nanoseconds from the same epoch (tat below now: a full bucket); `interval` is the
/// time that a token takes to come back, `burst` how many there are.
[[nodiscard]] gcra_result gcra_step(
  std::int64_t tat, std::int64_t now, std::int64_t interval, std::int64_t burst) noexcept;

/// The words of all clients. Thread-safe. When every place that a new client could take is busy, that client shares one
/// word (of the same limit) with the other such clients of its stripe and endpoint, until a place is free: known
/// clients stay exact, strangers are held to a common limit rather than let through or shut out. (Such a stranger may
/// get one burst more at the moment when it is given a place of its own.)
class gcra_table {
public:
  /// The longest client that gets a word of its own: every textual IP address fits (45 characters). Longer ones fall to
  /// the shared word; a caller with longer identities hands in a digest of them.
  static constexpr std::size_t longest_client = 46;

  struct settings {
    std::size_t capacity = 1 << 16; ///< words of 68 bytes; four times the busy clients keeps overflow rare (1 in 10^6)
    std::size_t stripes = 64;       ///< locks; a lookup only shares one. A stripe's memory comes with its first client
    std::uint64_t seed = 0;         ///< of the hash; 0: random, so that nobody can prepare collisions
  };

  /// Throws std::invalid_argument when a limit is not as gcra_limit says, or when there are over 255 of them.
  explicit gcra_table(std::vector<gcra_limit> endpoints) : gcra_table{std::move(endpoints), settings{}} {}
  gcra_table(std::vector<gcra_limit> endpoints, settings config);
  ~gcra_table();

  gcra_table(const gcra_table&) = delete;
  gcra_table& operator=(const gcra_table&) = delete;

  /// Takes one request of `client` at the endpoint with that index into the constructor's list. `now` is monotonic, not
  /// negative, of one clock for all threads.
  [[nodiscard]] verdict check(std::string_view client, std::size_t endpoint, std::chrono::nanoseconds now);

  /// Words in use, those of full buckets that nobody has needed the place of included. Takes every lock: for metrics.
  [[nodiscard]] std::size_t size() const;

  /// The most that the table will ever hold: the requested capacity rounded up.
  [[nodiscard]] std::size_t capacity() const noexcept;

  /// Decisions made on a shared word so far: should be 0; if it grows, the table is too small.
  [[nodiscard]] std::uint64_t overflowed() const noexcept { return overflowed_.load(std::memory_order_relaxed); }

private:
  struct rule {
    std::int64_t interval;
    std::int64_t burst;
  };
  struct slot;
  struct bucket_set;
  struct stripe;

  [[nodiscard]] std::uint64_t hash(std::string_view client, std::size_t endpoint) const noexcept;

  std::vector<rule> rules_;
  std::size_t stripe_mask_;
  int stripe_bits_;
  std::size_t set_mask_; // within a stripe
  std::uint64_t seed_;
  std::unique_ptr<stripe[]> stripes_;
  std::atomic<std::uint64_t> overflowed_{0};
};

} // namespace troupe
