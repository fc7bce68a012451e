// Whether people wait for providers just now, for those who ask ahead of need: limits order permits, but nobody orders
// the processor, and of two cores the ones' work is the others' delay. Any thread may ask. Pure.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace troupe {

class live_traffic {
public:
  using time = std::chrono::steady_clock::time_point;

  /// Somebody asks, and waits.
  void seen(time now) noexcept { last_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }

  /// Whether somebody did within the last second: who asks once may well ask again.
  [[nodiscard]] bool lately(time now) const noexcept {
    const auto last = last_.load(std::memory_order_relaxed);
    return last != never && now - time{time::duration{last}} < std::chrono::seconds{1};
  }

private:
  static constexpr std::int64_t never = -1;
  std::atomic<std::int64_t> last_{never};
};

} // namespace troupe
