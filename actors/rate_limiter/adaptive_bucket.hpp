// The bucket of an upstream that may say 429 (S4-43). It then grants nothing until the time that the upstream named has
// passed, and halves its rate; from the end of the pause the rate climbs back in equal steps, within a minute from
// nothing, never above what is configured (additive increase, multiplicative decrease: Chiu and Jain 1989, which lets
// several clients of one upstream settle at a fair share). Pure: `now` is an argument, of a monotonic clock.
#pragma once

#include "actors/rate_limiter/token_bucket.hpp"

#include <optional>

namespace troupe {

class adaptive_bucket {
public:
  using time = token_bucket::time;

  struct settings {
    std::int64_t rate = 1; // tokens a second, at least 1
    std::int64_t burst = 1;
    bool adaptive = true; // false: a 429 pauses, but does not slow down
  };

  adaptive_bucket(settings s, time now) noexcept;

  /// Whether a token is there, and no pause.
  [[nodiscard]] bool ready(time now) noexcept;

  /// Takes a token; only after ready().
  void take(time now) noexcept;

  /// The earliest time at which n tokens can have been taken, one as soon as the other. Pause and recovery are counted
  /// in: exact (a burst of 1: to a nanosecond a token) if no other 429 comes. n is at least 1 and may exceed the burst.
  [[nodiscard]] time next_at(time now, std::int64_t n) noexcept;

  /// Whether next_at(now, n) is before `when`; several times as fast, because it need not divide.
  [[nodiscard]] bool comes_before(time now, std::int64_t n, time when) noexcept;

  /// The upstream said 429. `retry_after`: how long it asked us to stay away; nothing: it did not say, and 1 s is
  /// chosen, doubled each time that it comes again within a minute of the last one's end, up to 60 s. The rate falls
  /// once for all 429s of one pause (or one second, if that is longer): they answer calls of one burst. A pause is
  /// never shortened.
  void limited(time now, std::optional<time> retry_after) noexcept;

  [[nodiscard]] std::int64_t configured_rate() const noexcept { return config_.rate; }
  [[nodiscard]] std::int64_t current_rate(time now) noexcept;
  [[nodiscard]] bool paused(time now) const noexcept { return now < paused_until_; }
  [[nodiscard]] time paused_until() const noexcept { return paused_until_; }

private:
  void advance(time now) noexcept;

  settings config_;
  token_bucket bucket_;
  std::int64_t step_; // what one step of the recovery gives back, tokens a second
  time step_time_;    // how long one takes
  time next_step_;    // while the rate is below what is configured
  time paused_until_; // the constructor's `now`: never yet
  time same_burst_;   // a 429 before this is one of those that lowered the rate already
  time chosen_ended_; // the last pause of our own choice
  bool idle_ = false; // the bucket has not yet seen the pause pass
  int repeated_ = 0;  // pauses of our own choice, one shortly after the other
};

} // namespace troupe
