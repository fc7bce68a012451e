#include "apps/warmer/refusals.hpp"

#include <algorithm>
#include <bit>

namespace troupe {

refusals::verdict refusals::refused(const error& why) {
  if (why.code != last_.code || why.message != last_.message) {
    last_ = why;
    alike_ = 0;
  }
  ++alike_;
  pause_ = std::clamp(2 * pause_, first_pause, longest_pause);
  return {pause_, alike_, std::has_single_bit(static_cast<unsigned>(alike_))};
}

} // namespace troupe
