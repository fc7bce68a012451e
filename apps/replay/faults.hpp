// Faults on demand: which of them a call meets. A pure table with no clock and no I/O.
//
// Invariant: for one seed, the n-th call that a fault applies to always meets it or always does not, whatever other
// faults there are and whatever they decide. Each fault draws from its own stream, splitmix64 over (seed, what the
// fault is, n), and draws for every call that it applies to. Setting a fault again starts its stream again.
#pragma once

#include "messages/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::replay {

enum class fault_kind : std::uint8_t {
  status,       ///< the provider's own error answer with `status`
  latency,      ///< the right answer, late
  hang,         ///< no answer, ever
  reset,        ///< the connection is reset (TCP RST)
  truncate,     ///< half of the body under the whole body's Content-Length, then the connection closes
  malformed,    ///< the body without its last third, under a right Content-Length
  html,         ///< an HTML page instead of JSON, with `status`
  rate_limited, ///< 429 with Retry-After and the provider's own words
};

[[nodiscard]] std::string_view to_string(fault_kind kind) noexcept;

/// How late. All in milliseconds; a fixed delay has low == high.
struct delay {
  enum class shape : std::uint8_t { none, uniform, log_normal };
  shape form = shape::none;
  std::int64_t low_ms = 0;  ///< uniform: the least; log_normal: the median
  std::int64_t high_ms = 0; ///< uniform: the most; log_normal: the 99th percentile

  friend bool operator==(const delay&, const delay&) = default;
};

struct fault {
  std::string provider; ///< a name as in tags; empty: every provider
  std::string path;     ///< the beginning of a path (still escaped, as called); empty: every path
  fault_kind kind = fault_kind::status;
  int status = 0;                      ///< of `status` (503 unless told) and `html` (200 unless told)
  delay latency;                       ///< before the fault, or before the right answer
  std::uint32_t ratio_ppm = 1'000'000; ///< of the calls that it applies to
  std::optional<int> retry_after_s;    ///< sent with `status` when given, with `rate_limited` always (1 unless told)
};

/// Reads a fault as PUT /__replay/faults takes it:
///   {"provider":"google","path":"/books/v1","fault":"status","status":503,"latency_ms":80,"ratio":0.3,
///    "retry_after_s":2}
/// `fault` and one of `provider` and `path` are required; `latency_ms` is a number, [least, most], or
/// {"p50":..,"p99":..} (log-normal), and required for `latency`; `ratio` is 1 unless told. `status` counts for `status`
/// and `html` alone. Fails with ec::bad_request: "ratio: expected a number from 0 to 1, got 2".
[[nodiscard]] result<fault> parse_fault(std::string_view json);

/// The same as JSON again, with every value that applies.
[[nodiscard]] std::string to_json(const fault& f);

/// What one call meets: perhaps a delay, then at most one fault other than latency.
struct verdict {
  std::int64_t delay_ms = 0;
  bool delayed = false;        ///< a `latency` fault is among them
  std::optional<fault> broken; ///< the first fault set that drew this call, `latency` aside
};

class fault_table {
public:
  explicit fault_table(std::uint64_t seed) noexcept : seed_{seed} {}

  /// Adds a fault, or replaces the one of the same provider, path and kind (in its place).
  void set(fault f);
  void clear() noexcept { entries_.clear(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

  /// Draws for one call. Delays of several faults add up.
  [[nodiscard]] verdict judge(std::string_view provider, std::string_view path);

  /// {"faults":[...]} in the order in which they were first set.
  [[nodiscard]] std::string to_json() const;

private:
  struct entry {
    fault what;
    std::uint64_t stream = 0; // tells the faults' streams apart
    std::uint64_t calls = 0;  // that it applied to
  };
  std::uint64_t seed_;
  std::vector<entry> entries_;
};

} // namespace troupe::replay
