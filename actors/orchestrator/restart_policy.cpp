#include "actors/orchestrator/restart_policy.hpp"

namespace troupe {

std::string_view to_string(circuit_state s) noexcept {
  switch (s) {
  case circuit_state::closed:
    return "closed";
  case circuit_state::open:
    return "open";
  case circuit_state::half_open:
    return "half_open";
  }
  return "closed";
}

restart_policy::leave restart_policy::may_call(time now) noexcept {
  switch (state_) {
  case circuit_state::closed:
    return leave::call;
  case circuit_state::open:
    if (now < open_until_)
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
  open_until_ = now + open_;
  ++trips_;
  transition_to(circuit_state::open);
  return true;
}

bool restart_policy::probe_succeeded(std::uint64_t generation) noexcept {
  if (generation != generation_ || state_ != circuit_state::half_open)
    return false;
  transition_to(circuit_state::closed);
  return true;
}

void restart_policy::probe_cancelled(std::uint64_t generation) noexcept {
  if (generation == generation_ && state_ == circuit_state::half_open)
    probing_ = false;
}

std::chrono::nanoseconds restart_policy::wait(time now) const noexcept {
  if (state_ != circuit_state::open || now >= open_until_)
    return std::chrono::nanoseconds::zero();
  return open_until_ - now;
}

void restart_policy::transition_to(circuit_state next) noexcept {
  state_ = next;
  probing_ = false;
}

} // namespace troupe
