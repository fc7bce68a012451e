// A token bucket in integers (S4-03, S4-04): `burst` tokens at most, refilled continuously at so many tokens a period.
// The level is kept in units of token x nanosecond of the period, so nothing is rounded and nothing drifts: over any
// time T exactly burst + floor(T x tokens / period) tokens can be had, not one more. Pure: `now` is an argument, of a
// monotonic clock; a `now` that goes back is taken as no time passed.
#pragma once

#include <chrono>
#include <cstdint>

namespace troupe {

/// So many tokens a period.
struct token_rate {
  std::int64_t tokens = 1;
  std::chrono::nanoseconds period{std::chrono::seconds{1}};
};

[[nodiscard]] constexpr token_rate per_second(std::int64_t tokens) noexcept {
  return {tokens, std::chrono::seconds{1}};
}

class token_bucket {
public:
  using time = std::chrono::nanoseconds; // since any fixed point

  /// Starts full. tokens, period and burst are at least 1, and burst x period at most 2^62 ns (a billion tokens at a
  /// period of one second): more is cut to that.
  token_bucket(token_rate rate, std::int64_t burst, time now) noexcept;

  /// Takes n tokens if they are there.
  bool take(time now, std::int64_t n) noexcept;

  /// Whole tokens there now.
  [[nodiscard]] std::int64_t available(time now) noexcept;

  /// The earliest time at which n tokens are there, if nobody takes any; n beyond the burst: never (time::max()).
  [[nodiscard]] time next_at(time now, std::int64_t n) noexcept;

  /// From now on so many tokens a period (at least 1). What was earned until now stays as it is, to the nanosecond: the
  /// level counts in units of the period, which does not change.
  void set_rate(time now, std::int64_t tokens) noexcept;

  /// Lets the time until `now` pass, but earns in it only what is missing to `tokens`; what is there already stays.
  void idle(time now, std::int64_t tokens) noexcept;

  /// How many nanoseconds of earning one token a period are missing until n more tokens have been earned, however few
  /// of them the bucket can hold at once; 0 or less when they are there.
  [[nodiscard]] std::int64_t deficit(time now, std::int64_t n) noexcept;

  /// The tokens a period.
  [[nodiscard]] std::int64_t rate() const noexcept { return tokens_; }

private:
  void refill(time now, std::int64_t ceiling) noexcept;

  std::int64_t tokens_; // units gained a nanosecond
  std::int64_t unit_;   // units a token: the period in nanoseconds
  std::int64_t full_;   // units in a full bucket
  std::int64_t level_;
  time at_;
};

} // namespace troupe
