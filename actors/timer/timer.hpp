// How an actor is woken in time: one tick for all that it waits for.
#pragma once

#include "actors/timer/deadlines.hpp"
#include "messages/atoms.hpp"

#include <algorithm>

namespace troupe {

/// How long to wait for an answer of an actor of this node: CAF sets no limit. Its time-outs wake its clock's thread at
/// every request and stay in memory until they fire, answered or not; and none is needed: a request carries its
/// deadline, whoever is asked keeps it in a book of his own, answers by then, and answers everybody when he ends. Never
/// across nodes: of a peer that was killed no error comes (DESIGN, CAF's traps).
inline constexpr auto by_its_deadline = caf::infinite;

/// Sends `self` a tick at `when`, unless one comes at least as early.
template <class Self>
void wake_at(Self self, wake_up& a, std::optional<wake_up::time> when) {
  using std::chrono::microseconds;
  if (when && a.set(*when))
    // Never in the past, and never without a pause: a tick that finds nothing due must not spin.
    self->delayed_send(
      self, std::max<std::chrono::nanoseconds>(*when - self->clock().now(), microseconds{1}), tick_atom::value);
}

} // namespace troupe
