// What somebody refuses again and again: how long to wait before the next try, and what of it is worth a line in the
// log. Pure.
#pragma once

#include "messages/errors.hpp"

#include <chrono>

namespace troupe {

class refusals {
public:
  /// A second, two, four and so on: what is away for a minute is found soon, what is away for a day is not hammered.
  static constexpr std::chrono::milliseconds first_pause{1'000};
  static constexpr std::chrono::milliseconds longest_pause{30'000};

  struct verdict {
    std::chrono::milliseconds pause{0}; ///< before the next try
    int alike = 0;                      ///< so many in a row say the same, this one included
    bool say = false;                   ///< the first, the second, the fourth, the eighth of those
  };

  [[nodiscard]] verdict refused(const error& why);

  /// Something succeeded.
  void went_on() { *this = {}; }

private:
  error last_{ec::none, {}};
  int alike_ = 0;
  std::chrono::milliseconds pause_{0};
};

} // namespace troupe
