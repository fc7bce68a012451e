#include "actors/rate_limiter/adaptive_bucket.hpp"

#include <algorithm>
#include <limits>

namespace troupe {
namespace {

using std::chrono::seconds;
using time = adaptive_bucket::time;

// From a standstill to the configured rate: short enough that a passing trouble is forgotten, long enough that a client
// at its limit asks for too much about once a minute and not all the time.
constexpr time recovery = seconds{60};
// In at most so many steps: one a second is as smooth as anybody can see, and next_at() walks them.
constexpr std::int64_t steps = 60;
// 429 without Retry-After: the shortest that providers name, and the longest that is worth waiting unasked.
constexpr time first_pause = seconds{1};
constexpr time longest_pause = seconds{60};
// Answers to the calls that were under way together come within about this.
constexpr time one_burst = seconds{1};
// A pause beyond this is a mistake of the upstream's; it also keeps sums of times far from overflow.
constexpr time absurd = std::chrono::hours{24 * 365};

} // namespace

adaptive_bucket::adaptive_bucket(settings s, time now) noexcept
    : config_{std::max<std::int64_t>(s.rate, 1), s.burst, s.adaptive}, bucket_{per_second(config_.rate), s.burst, now},
      step_{(config_.rate + steps - 1) / steps}, step_time_{recovery * step_ / config_.rate}, next_step_{now},
      paused_until_{now}, same_burst_{now}, chosen_ended_{now - longest_pause} {}

bool adaptive_bucket::ready(time now) noexcept {
  advance(now);
  return !paused(now) && bucket_.available(now) > 0;
}

void adaptive_bucket::take(time now) noexcept {
  bucket_.take(now, 1);
}

time adaptive_bucket::next_at(time now, std::int64_t n) noexcept {
  advance(now);
  if (!paused(now) && bucket_.rate() == config_.rate) { // as nearly always
    const auto missing = bucket_.deficit(now, n);
    return missing <= 0 ? now : now + time{(missing + config_.rate - 1) / config_.rate};
  }
  auto then = *this; // as it will be when the pause is over
  auto at = std::max(now, paused_until_);
  then.advance(at);
  auto missing = then.bucket_.deficit(at, n);
  if (missing <= 0)
    return at;
  auto rate = then.bucket_.rate();
  for (auto step = then.next_step_; rate < config_.rate; step += step_time_) {
    const auto gain = (step - at).count() * rate;
    if (gain >= missing)
      break;
    missing -= gain;
    at = step;
    rate = std::min(rate + step_, config_.rate);
  }
  return at + time{(missing + rate - 1) / rate};
}

bool adaptive_bucket::comes_before(time now, std::int64_t n, time when) noexcept {
  advance(now);
  if (paused(now) || bucket_.rate() != config_.rate)
    return next_at(now, n) < when;
  const auto left = (when - now).count();
  if (left <= 0)
    return false;
  const auto missing = bucket_.deficit(now, n);
  // Beyond this it would overflow, and every wait in nanoseconds is shorter.
  return missing <= 0 || left - 1 >= std::numeric_limits<std::int64_t>::max() / config_.rate
         || missing <= (left - 1) * config_.rate;
}

void adaptive_bucket::limited(time now, std::optional<time> retry_after) noexcept {
  advance(now);
  const bool another = now >= same_burst_;
  auto until = paused_until_;
  if (retry_after) {
    until = std::max(until, now + std::clamp(*retry_after, time{0}, absurd));
  } else if (another) {
    repeated_ = now - chosen_ended_ < longest_pause ? std::min(repeated_ + 1, 6) : 0;
    chosen_ended_ = now + std::min(first_pause * (1 << repeated_), longest_pause);
    until = std::max(until, chosen_ended_);
  }
  if (another && config_.adaptive) {
    // No lower than a tenth: from there one step of recovery still shows, and work goes on.
    const auto least = std::max<std::int64_t>(1, config_.rate / 10);
    bucket_.set_rate(now, std::max(least, bucket_.rate() / 2));
  }
  if (until > now && until > paused_until_) {
    if (!paused(now))
      (void)bucket_.available(now); // what was earned before the pause
    paused_until_ = until;
    idle_ = true;
  }
  if (another)
    same_burst_ = now + one_burst;
  same_burst_ = std::max(same_burst_, paused_until_);
  next_step_ = std::max(now, paused_until_) + step_time_;
}

std::int64_t adaptive_bucket::current_rate(time now) noexcept {
  advance(now);
  return bucket_.rate();
}

void adaptive_bucket::advance(time now) noexcept {
  if (paused(now))
    return;
  if (idle_) {
    // Only the first call's token comes of a pause. A bucket filled in it would end it with a burst, and that with the
    // next 429.
    bucket_.idle(paused_until_, 1);
    idle_ = false;
  }
  for (; bucket_.rate() < config_.rate && next_step_ <= now; next_step_ += step_time_)
    bucket_.set_rate(next_step_, std::min(bucket_.rate() + step_, config_.rate));
}

} // namespace troupe
