#include "actors/circuit/health.hpp"

#include <algorithm>

namespace troupe {
namespace {

std::int64_t slice_of(health::time now, std::chrono::nanoseconds window, std::size_t slices) noexcept {
  const auto width = std::max<std::int64_t>(1, window.count() / static_cast<std::int64_t>(slices));
  return now.time_since_epoch().count() / width;
}

} // namespace

health::verdict health::succeeded(time now, std::chrono::microseconds took) noexcept {
  in_a_row_ = 0;
  count(now, false, took);
  return too_many(now) ? verdict::drain : verdict::live;
}

health::verdict health::failed(time now, ec code, std::chrono::microseconds took, bool probe) noexcept {
  if (!info(code).trips_circuit)
    return verdict::live;
  ++in_a_row_;
  count(now, true, took);
  if (probe || in_a_row_ >= cfg_.failures)
    return verdict::trip;
  return too_many(now) ? verdict::drain : verdict::live;
}

void health::count(time now, bool failure, std::chrono::microseconds took) noexcept {
  const auto slice = slice_of(now, cfg_.window, slices);
  auto& c = window_[static_cast<std::size_t>(slice) % slices];
  if (c.slice != slice)
    c = {slice, 0, 0, 0};
  ++c.calls;
  c.failures += failure ? 1 : 0;
  c.slow += cfg_.slow.count() > 0 && took > cfg_.slow ? 1 : 0;
}

bool health::too_many(time now) const noexcept {
  const auto newest = slice_of(now, cfg_.window, slices);
  counts sum;
  for (const auto& c : window_)
    if (c.slice > newest - static_cast<std::int64_t>(slices) && c.slice <= newest) {
      sum.calls += c.calls;
      sum.failures += c.failures;
      sum.slow += c.slow;
    }
  if (sum.calls < cfg_.minimum)
    return false;
  const auto reaches = [&](std::int64_t part, int percent) { return percent > 0 && part * 100 >= sum.calls * percent; };
  return reaches(sum.failures, cfg_.failure_percent) || (cfg_.slow.count() > 0 && reaches(sum.slow, cfg_.slow_percent));
}

} // namespace troupe
