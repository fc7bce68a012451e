// Durations counted in fixed buckets, for metrics. Standard library alone.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace troupe {

class histogram {
public:
  /// From what costs no wait (100 us) to the longest that a request may take (10 s), three buckets a decade.
  static constexpr std::array<std::int64_t, 16> bounds_us{100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000,
    100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

  void record(std::chrono::microseconds took) noexcept {
    const auto bucket = std::lower_bound(bounds_us.begin(), bounds_us.end(), took.count()) - bounds_us.begin();
    ++counts_[static_cast<std::size_t>(bucket)];
    total_us_ += took.count();
  }

  /// How many took at most bounds_us[i] and more than the bound before it; the last: more than all bounds.
  [[nodiscard]] const std::array<std::int64_t, bounds_us.size() + 1>& counts() const noexcept { return counts_; }
  [[nodiscard]] std::int64_t total_us() const noexcept { return total_us_; }

private:
  std::array<std::int64_t, bounds_us.size() + 1> counts_{};
  std::int64_t total_us_ = 0;
};

} // namespace troupe
