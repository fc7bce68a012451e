#include "apps/bridge/request_metrics.hpp"

#include "apps/bridge/metric_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace troupe {
namespace {

std::uint64_t get(const std::atomic<std::uint64_t>& v) {
  return v.load(std::memory_order_relaxed);
}

} // namespace

request_metrics::request_metrics(std::vector<std::string> labels)
    : labels_{std::move(labels)}, rows_{std::make_unique<row[]>(labels_.size())} {}

void request_metrics::count(std::size_t label, int status, std::chrono::nanoseconds took) noexcept {
  auto& r = rows_[label];
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  const auto bucket = std::lower_bound(bounds_us.begin(), bounds_us.end(), us) - bounds_us.begin();
  r.by_class[static_cast<std::size_t>(std::clamp(status / 100 - 1, 0, 4))].fetch_add(1, std::memory_order_relaxed);
  r.buckets[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  r.total_us.fetch_add(static_cast<std::uint64_t>(us), std::memory_order_relaxed);
}

void request_metrics::expose(std::string& out) const {
  auto to = std::back_inserter(out);
  append_metric_head(out, "troupe_http_requests_total", "counter");
  for (std::size_t i = 0; i < labels_.size(); ++i)
    for (std::size_t c = 0; c < 5; ++c)
      fmt::format_to(to, "troupe_http_requests_total{{endpoint=\"{}\",status=\"{}xx\"}} {}\n", labels_[i], c + 1,
        get(rows_[i].by_class[c]));
  append_metric_head(out, "troupe_http_hot_hits_total", "counter");
  for (std::size_t i = 0; i < labels_.size(); ++i)
    fmt::format_to(to, "troupe_http_hot_hits_total{{endpoint=\"{}\"}} {}\n", labels_[i], get(rows_[i].hits));
  append_metric_head(out, "troupe_http_request_duration_seconds", "histogram");
  for (std::size_t i = 0; i < labels_.size(); ++i) {
    std::uint64_t sum = 0;
    for (std::size_t b = 0; b <= bounds_us.size(); ++b) {
      sum += get(rows_[i].buckets[b]);
      const auto le = b < bounds_us.size() ? fmt::format("{}", static_cast<double>(bounds_us[b]) / 1e6) : "+Inf";
      fmt::format_to(
        to, "troupe_http_request_duration_seconds_bucket{{endpoint=\"{}\",le=\"{}\"}} {}\n", labels_[i], le, sum);
    }
    fmt::format_to(to, "troupe_http_request_duration_seconds_sum{{endpoint=\"{}\"}} {:.6f}\n", labels_[i],
      static_cast<double>(get(rows_[i].total_us)) / 1e6);
    fmt::format_to(to, "troupe_http_request_duration_seconds_count{{endpoint=\"{}\"}} {}\n", labels_[i], sum);
  }
}

} // namespace troupe
