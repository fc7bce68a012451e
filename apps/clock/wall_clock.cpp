#include "apps/clock/wall_clock.hpp"

#include <chrono>
#include <fmt/chrono.h>

namespace troupe {

std::int64_t wall_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string rfc3339(std::int64_t ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds{ms}};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  return fmt::format(
    "{:%FT%T}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), (at - seconds).count());
}

} // namespace troupe
