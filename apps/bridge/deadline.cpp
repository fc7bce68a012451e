#include "apps/bridge/deadline.hpp"

#include "apps/config/values.hpp"

#include <algorithm>
#include <string>

namespace troupe {

result<std::chrono::microseconds> deadline_of(std::string_view header, std::chrono::microseconds longest) {
  if (header.empty())
    return longest;
  config::duration asked{};
  if (!config::parse(header, asked) || asked <= config::duration{0})
    return fail(ec::bad_request, "X-Request-Timeout: expected a duration above 0 such as 1500ms or 2s, got \""
                                   + std::string{header.substr(0, 40)} + "\"");
  return std::min(std::chrono::duration_cast<std::chrono::microseconds>(asked), longest);
}

} // namespace troupe
