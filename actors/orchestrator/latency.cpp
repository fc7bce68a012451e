#include "actors/orchestrator/latency.hpp"

#include <algorithm>
#include <bit>

namespace troupe {

std::size_t latency::bucket_of(std::uint64_t us) noexcept {
  constexpr std::uint64_t linear = 1 << mantissa;
  if (us < linear)
    return static_cast<std::size_t>(us);
  const auto exponent = static_cast<std::size_t>(std::bit_width(us)) - 1 - mantissa; // of the lowest mantissa bit
  const auto bucket = ((exponent + 1) << mantissa) + static_cast<std::size_t>((us >> exponent) - linear);
  return std::min(bucket, buckets - 1);
}

std::uint64_t latency::end_of(std::size_t bucket) noexcept {
  constexpr std::uint64_t linear = 1 << mantissa;
  if (bucket < linear)
    return bucket;
  const auto exponent = (bucket >> mantissa) - 1;
  return ((linear + (bucket & (linear - 1)) + 1) << exponent) - 1;
}

void latency::record(std::chrono::microseconds took) noexcept {
  ++counts_[bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count())))];
  ++total_;
  ++seen_;
  if (total_ < memory)
    return;
  total_ = 0;
  // What does not halve evenly goes on to the next bucket: the slowest few, each in a bucket of its own, would be
  // forgotten otherwise, and they are what a high quantile is about.
  std::uint32_t odd = 0;
  for (auto& c : counts_) {
    c += odd;
    odd = c % 2;
    c /= 2;
    total_ += c;
  }
}

std::optional<std::chrono::microseconds> latency::quantile(int percent) noexcept {
  if (seen_ < enough)
    return std::nullopt;
  if (percent == computed_percent_ && seen_ - computed_at_ < recompute)
    return computed_;
  const auto needed = (total_ * percent + 99) / 100;
  std::int64_t sum = 0;
  std::size_t bucket = 0;
  for (; bucket + 1 < buckets; ++bucket) {
    sum += counts_[bucket];
    if (sum >= needed)
      break;
  }
  computed_ = std::chrono::microseconds{static_cast<std::int64_t>(end_of(bucket))};
  computed_percent_ = percent;
  computed_at_ = seen_;
  return computed_;
}

} // namespace troupe
