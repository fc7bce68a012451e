// What the bridge counts of its requests: by endpoint and class of status, hits, and the time they took in fixed
// buckets. Written by the I/O threads with relaxed atomics; read for /metrics.
#pragma once

#include "messages/common.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

class request_metrics {
public:
  /// One row a label ("search", "details", "other").
  explicit request_metrics(std::vector<std::string> labels);

  void count(std::size_t label, int status, std::chrono::nanoseconds took) noexcept;
  void count_hit(std::size_t label) noexcept { rows_[label].hits.fetch_add(1, std::memory_order_relaxed); }

  /// Prometheus text exposition (https://prometheus.io/docs/instrumenting/exposition_formats/) of what was counted
  /// here.
  void expose(std::string& out) const;

private:
  // From a hot hit (50 us) to the request deadline (10 s), about three buckets a decade.
  static constexpr std::array<std::int64_t, 17> bounds_us{50, 100, 250, 500, 1'000, 2'500, 5'000, 10'000, 25'000,
    50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000};

  struct row {
    std::array<std::atomic<std::uint64_t>, 5> by_class{}; // 1xx..5xx
    std::array<std::atomic<std::uint64_t>, bounds_us.size() + 1> buckets{};
    std::atomic<std::uint64_t> total_us{0};
    std::atomic<std::uint64_t> hits{0};
  };

  std::vector<std::string> labels_;
  std::unique_ptr<row[]> rows_;
};

} // namespace troupe
