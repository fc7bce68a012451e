// Shall this provider die? Counts what its upstream did (DECISIONS C-06): so many failures in a row, too large a share
// of failures, or too large a share of slow calls in a sliding window. The probe of a half-open circuit is enough by
// itself when it fails. Only what trips_circuit (errors.cpp) is a failure; quota, 4xx and our own refusals are no
// verdict at all, and an answer, "not found" included, is a success. Pure: `now` is an argument.
#pragma once

#include "messages/errors.hpp"

#include <array>
#include <chrono>
#include <cstdint>

namespace troupe {

struct health_settings {
  int failures = 5;                                          // in a row (S0-39)
  std::chrono::nanoseconds window{std::chrono::seconds{10}}; // over which shares are counted
  int minimum = 20;                                          // calls in it below which a share says nothing
  int failure_percent = 50;                                  // of the calls in the window; 0: not looked at
  std::chrono::microseconds slow{0};                         // a call that takes longer is slow; 0: none is
  int slow_percent = 80;
};

class health {
public:
  using time = std::chrono::steady_clock::time_point;

  enum class verdict : std::uint8_t {
    live,
    trip,  ///< die now: what is under way would fail too
    drain, ///< take no more calls, let those under way finish, then die: some of them will succeed
  };

  explicit health(const health_settings& cfg) noexcept : cfg_{cfg} {}

  /// An answer came, after so long.
  [[nodiscard]] verdict succeeded(time now, std::chrono::microseconds took) noexcept;

  /// An error came, after so long. `probe`: the call was one.
  [[nodiscard]] verdict failed(time now, ec code, std::chrono::microseconds took, bool probe = false) noexcept;

  [[nodiscard]] int failures_in_a_row() const noexcept { return in_a_row_; }

private:
  // Ten to a window: what leaves it leaves in steps of a tenth.
  static constexpr std::size_t slices = 10;
  struct counts {
    std::int64_t slice = -1; // which tenth of a window since the clock began
    std::int64_t calls = 0;
    std::int64_t failures = 0;
    std::int64_t slow = 0;
  };

  void count(time now, bool failure, std::chrono::microseconds took) noexcept;
  [[nodiscard]] bool too_many(time now) const noexcept;

  health_settings cfg_;
  int in_a_row_ = 0;
  std::array<counts, slices> window_{};
};

} // namespace troupe
