// When to warn that many wait (S4-42): once an episode, which starts above `high` and ends below `low`. Two marks, so
// that a queue that hovers about one of them is one episode and one line in the log.
#pragma once

#include <cstddef>

namespace troupe {

class pending_alarm {
public:
  static constexpr std::size_t high = 100; // S4-42
  static constexpr std::size_t low = 50;   // half of it: the queue has really drained

  /// So many wait now. True: say so.
  [[nodiscard]] bool rises(std::size_t waiting) noexcept {
    if (waiting < low)
      raised_ = false;
    if (waiting <= high || raised_)
      return false;
    raised_ = true;
    return true;
  }

private:
  bool raised_ = false;
};

} // namespace troupe
