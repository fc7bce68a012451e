#include "actors/rate_limiter/lane_queue.hpp"

#include <algorithm>

namespace troupe {

void lane_queue::add(const waiter& w) {
  auto& c = at(w.priority);
  c.by_deadline.emplace(key{w.deadline, w.ticket}, w);
  c.by_arrival.emplace_hint(c.by_arrival.end(), w.ticket, w.deadline);
  ++size_;
}

void lane_queue::remove(const waiter& w) {
  auto& c = at(w.priority);
  // The arrival first: `w` may be the element of the other.
  c.by_arrival.erase(w.ticket);
  size_ -= c.by_deadline.erase(key{w.deadline, w.ticket});
}

const lane_queue::waiter* lane_queue::first() const noexcept {
  for (const auto& c : classes_)
    if (!c.by_deadline.empty())
      return &c.by_deadline.begin()->second;
  return nullptr;
}

const lane_queue::waiter* lane_queue::most_overdue(time now) const noexcept {
  const waiter* most = nullptr;
  for (const auto& c : classes_) {
    if (c.by_arrival.empty())
      continue;
    const auto& [ticket, deadline] = *c.by_arrival.begin();
    const auto& w = c.by_deadline.find(key{deadline, ticket})->second;
    if (w.overdue().first <= now && (most == nullptr || w.overdue() < most->overdue()))
      most = &w;
  }
  return most;
}

std::optional<lane_queue::time> lane_queue::next_deadline() const noexcept {
  std::optional<time> next;
  for (const auto& c : classes_)
    if (!c.by_deadline.empty()) {
      const auto deadline = c.by_deadline.begin()->first.first;
      next = next ? std::min(*next, deadline) : deadline;
    }
  return next;
}

const lane_queue::waiter* lane_queue::too_late(time then) const noexcept {
  for (const auto& c : classes_)
    if (!c.by_deadline.empty() && c.by_deadline.begin()->first.first <= then)
      return &c.by_deadline.begin()->second;
  return nullptr;
}

} // namespace troupe
