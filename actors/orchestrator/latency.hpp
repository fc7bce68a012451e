// How long a provider takes, of late: a log-linear histogram (as HdrHistogram's, four bits of mantissa: 6 % wide) that
// forgets: every `memory` samples all counts are halved, so that half of what it says is about the latest ones. It
// gives the quantile after which a second attempt is worth its cost (hedging). Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace troupe {

class latency {
public:
  void record(std::chrono::microseconds took) noexcept;

  /// The latency that so many percent of the calls stay within; nothing before `enough` calls were seen. Rounded up to
  /// its bucket's end. Recomputed every 64 samples, because it is asked for at every call.
  [[nodiscard]] std::optional<std::chrono::microseconds> quantile(int percent) noexcept;

private:
  static constexpr std::int64_t enough = 100; // below that, the 96th percentile is four calls' word
  static constexpr std::int64_t memory = 2'048;
  static constexpr std::int64_t recompute = 64;
  static constexpr int mantissa = 4;
  static constexpr std::size_t buckets = 34 << mantissa; // up to 2^37 us, a day and a half

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t us) noexcept;
  [[nodiscard]] static std::uint64_t end_of(std::size_t bucket) noexcept;

  std::array<std::uint32_t, buckets> counts_{};
  std::int64_t total_ = 0;       // in counts_
  std::int64_t seen_ = 0;        // since the start
  std::int64_t computed_at_ = 0; // of seen_
  int computed_percent_ = 0;
  std::chrono::microseconds computed_{0};
};

} // namespace troupe
