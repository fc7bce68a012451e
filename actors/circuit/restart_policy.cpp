#include "actors/circuit/restart_policy.hpp"

#include <algorithm>

namespace troupe {

std::string_view to_string(circuit_state s) noexcept {
  switch (s) {
  case circuit_state::closed:
    return "closed";
  case circuit_state::open:
    return "open";
  case circuit_state::half_open:
    return "half_open";
  case circuit_state::ramping:
    return "ramping";
  }
  return "closed";
}

restart_policy::leave restart_policy::may_call(time now) noexcept {
  switch (state_) {
  case circuit_state::closed:
    return leave::call;
  case circuit_state::ramping:
    return in_share(now) ? leave::call : leave::no;
  case circuit_state::open:
    if (held_ || now < open_until_)
      return leave::no;
    transition_to(circuit_state::half_open);
    break;
  case circuit_state::half_open:
    if (probing_)
      return leave::no;
    break;
  }
  probing_ = true;
  return leave::probe;
}

bool restart_policy::died(std::uint64_t generation, time now) noexcept {
  if (generation != generation_ || state_ == circuit_state::open)
    return false;
  ++trips_;
  ++trips_in_a_row_;
  open_until_ = now + next_open_time();
  transition_to(circuit_state::open);
  return true;
}

bool restart_policy::probe_succeeded(std::uint64_t generation, time now) noexcept {
  if (generation != generation_ || state_ != circuit_state::half_open || !probing_)
    return false;
  probing_ = false;
  if (++successes_ < cfg_.successes)
    return false;
  transition_to(circuit_state::ramping);
  ramp_since_ = now;
  return true;
}

void restart_policy::probe_cancelled(std::uint64_t generation) noexcept {
  if (generation == generation_ && state_ == circuit_state::half_open)
    probing_ = false;
}

void restart_policy::trip() noexcept {
  if (state_ != circuit_state::open)
    ++trips_;
  transition_to(circuit_state::open);
  held_ = true;
}

void restart_policy::reset() noexcept {
  transition_to(circuit_state::closed);
  trips_in_a_row_ = 0;
}

std::chrono::nanoseconds restart_policy::wait(time now) const noexcept {
  if (state_ != circuit_state::open)
    return std::chrono::nanoseconds::zero();
  return held_ ? cfg_.open : std::max(open_until_ - now, std::chrono::nanoseconds::zero());
}

void restart_policy::transition_to(circuit_state next) noexcept {
  state_ = next;
  probing_ = false;
  held_ = false;
  successes_ = 0;
  credit_ = 100; // the first call of a ramp goes through
}

std::chrono::nanoseconds restart_policy::next_open_time() noexcept {
  auto length = cfg_.open;
  for (int i = 1; i < trips_in_a_row_ && length < cfg_.longest; ++i)
    length *= 2;
  length = std::min(length, std::max(cfg_.longest, cfg_.open));
  if (cfg_.jitter_percent == 0)
    return length;
  const auto percent = std::uniform_int_distribution<int>{-cfg_.jitter_percent, cfg_.jitter_percent}(random_);
  return length + length / 100 * percent;
}

bool restart_policy::in_share(time now) noexcept {
  const auto step = cfg_.ramp_step.count() > 0 ? static_cast<std::size_t>((now - ramp_since_) / cfg_.ramp_step)
                                               : cfg_.ramp.size(); // no ramp
  if (step >= cfg_.ramp.size()) {
    reset();
    return true;
  }
  if (credit_ < 100)
    credit_ += cfg_.ramp[step];
  if (credit_ < 100)
    return false;
  credit_ -= 100;
  return true;
}

} // namespace troupe
