#include "actors/rate_limiter/token_bucket.hpp"

#include <algorithm>

namespace troupe {
namespace {

constexpr std::int64_t max_units = std::int64_t{1} << 62;

} // namespace

token_bucket::token_bucket(token_rate rate, std::int64_t burst, time now) noexcept
    : tokens_{std::max<std::int64_t>(rate.tokens, 1)}, unit_{std::max<std::int64_t>(rate.period.count(), 1)},
      full_{std::clamp<std::int64_t>(burst, 1, std::max<std::int64_t>(1, max_units / unit_)) * unit_}, level_{full_},
      at_{now} {}

bool token_bucket::take(time now, std::int64_t n) noexcept {
  if (n > available(now))
    return false;
  level_ -= n * unit_;
  return true;
}

std::int64_t token_bucket::available(time now) noexcept {
  refill(now, full_);
  return level_ / unit_;
}

token_bucket::time token_bucket::next_at(time now, std::int64_t n) noexcept {
  refill(now, full_);
  if (n > full_ / unit_)
    return time::max();
  const auto missing = n * unit_ - level_;
  if (missing <= 0)
    return now;
  return at_ + time{(missing + tokens_ - 1) / tokens_};
}

void token_bucket::set_rate(time now, std::int64_t tokens) noexcept {
  refill(now, full_);
  tokens_ = std::max<std::int64_t>(tokens, 1);
}

void token_bucket::idle(time now, std::int64_t tokens) noexcept {
  refill(now, std::clamp(level_, std::min(full_, tokens * unit_), full_));
}

std::int64_t token_bucket::deficit(time now, std::int64_t n) noexcept {
  refill(now, full_);
  return n > max_units / unit_ ? max_units : n * unit_ - level_;
}

void token_bucket::refill(time now, std::int64_t ceiling) noexcept {
  if (now <= at_)
    return;
  const auto elapsed = (now - at_).count();
  // Compared before it is multiplied: years of idleness must not overflow.
  if (elapsed >= (ceiling - level_ + tokens_ - 1) / tokens_)
    level_ = ceiling;
  else
    level_ += elapsed * tokens_;
  at_ = now;
}

} // namespace troupe
