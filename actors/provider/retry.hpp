// Shall a failed attempt be made again, and when? Transient errors alone, exponential back-off with full jitter (AWS
// Architecture Blog, "Exponential Backoff And Jitter"), Retry-After honoured, never past the deadline. Pure.
#pragma once

#include "messages/errors.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace troupe {

struct retry_settings {
  int attempts = 3; // in all, the first included; 1: no retries
  std::chrono::nanoseconds base{std::chrono::milliseconds{50}};
  std::chrono::nanoseconds longest{std::chrono::seconds{2}};
};

/// How a call stands when one of its attempts has failed.
struct failed_attempt {
  ec code = ec::internal;
  int made = 1;                             // attempts so far
  std::chrono::nanoseconds retry_after{-1}; // what the upstream asked for; -1: nothing
  std::chrono::nanoseconds remaining{0};    // until the request's deadline
};

/// How long to wait before the next attempt; nothing: give up. `random` is any number, evenly distributed.
[[nodiscard]] std::optional<std::chrono::nanoseconds> retry_wait(
  const retry_settings& cfg, const failed_attempt& last, std::uint64_t random) noexcept;

} // namespace troupe
