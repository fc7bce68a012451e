#include "actors/provider/retry.hpp"

#include <algorithm>

namespace troupe {

std::optional<std::chrono::nanoseconds> retry_wait(
  const retry_settings& cfg, const failed_attempt& last, std::uint64_t random) noexcept {
  // A provider that died takes no second attempt: its circuit is the answer.
  if (!info(last.code).retryable || last.code == ec::circuit_tripped || last.code == ec::permit_refused
      || last.code == ec::overloaded || last.code == ec::deadline_exceeded || last.code == ec::cancelled)
    return std::nullopt;
  if (last.made >= cfg.attempts)
    return std::nullopt;
  auto ceiling = cfg.base;
  for (int i = 1; i < last.made && ceiling < cfg.longest; ++i)
    ceiling *= 2;
  ceiling = std::min(ceiling, cfg.longest);
  std::chrono::nanoseconds wait{
    ceiling.count() > 0 ? static_cast<std::int64_t>(random % static_cast<std::uint64_t>(ceiling.count())) : 0};
  wait = std::max(wait, last.retry_after);
  if (wait >= last.remaining)
    return std::nullopt;
  return wait;
}

} // namespace troupe
