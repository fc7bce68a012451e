#include "actors/provider/call_budget.hpp"

#include <algorithm>

namespace troupe {

call_budget::counts& call_budget::slice(time now) noexcept {
  const auto second = second_of(now);
  auto& s = slices_[static_cast<std::size_t>(second % seconds)];
  if (s.second != second)
    s = {second, 0, 0};
  return s;
}

bool call_budget::withdraw(time now) noexcept {
  if (left(now) < 1)
    return false;
  slice(now).spent += call;
  return true;
}

std::int64_t call_budget::left(time now) const noexcept {
  const auto newest = second_of(now);
  std::int64_t balance = floor_ * seconds * call;
  for (const auto& s : slices_)
    if (s.second > newest - seconds && s.second <= newest)
      balance += s.earned - s.spent;
  return std::max<std::int64_t>(0, balance / call);
}

} // namespace troupe
