// When a lost connection may be tried again. Pure: `now` and the jitter are arguments.
#pragma once

#include <algorithm>
#include <chrono>

namespace troupe::storage::postgres {

class backoff {
public:
  using clock = std::chrono::steady_clock;

  /// The first wait is `least`, each next twice as long, at most `most`.
  backoff(std::chrono::milliseconds least, std::chrono::milliseconds most) noexcept : least_{least}, most_{most} {}

  [[nodiscard]] bool may_try(clock::time_point now) const noexcept { return now >= next_; }

  /// How long until the next try; zero when it may be now.
  [[nodiscard]] clock::duration left(clock::time_point now) const noexcept {
    return std::max(clock::duration::zero(), next_ - now);
  }

  /// @param jitter 0 to 1: the wait is between half and the whole of its length, so that many connections that were
  /// lost together do not come back together.
  void failed(clock::time_point now, double jitter) noexcept {
    const auto whole = std::min(most_, least_ * (1 << std::min(failures_, 20)));
    ++failures_;
    next_ = now + std::chrono::duration_cast<clock::duration>(whole * (0.5 + 0.5 * std::clamp(jitter, 0.0, 1.0)));
  }

  void succeeded() noexcept {
    failures_ = 0;
    next_ = {};
  }

private:
  std::chrono::milliseconds least_;
  std::chrono::milliseconds most_;
  int failures_ = 0;
  clock::time_point next_{};
};

} // namespace troupe::storage::postgres
