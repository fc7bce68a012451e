// A client's own deadline, from its X-Request-Timeout header: "1500ms", "2s". Time spent queued counts.
#pragma once

#include "messages/result.hpp"

#include <chrono>
#include <string_view>

namespace troupe {

/// The header's value, but no more than `longest`; `longest` for an empty one. Errors name the header and what was
/// expected.
[[nodiscard]] result<std::chrono::microseconds> deadline_of(std::string_view header, std::chrono::microseconds longest);

} // namespace troupe
