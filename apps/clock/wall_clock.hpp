// The wall clock, and its times as text.
#pragma once

#include <cstdint>
#include <string>

namespace troupe {

/// Unix time in milliseconds.
[[nodiscard]] std::int64_t wall_ms();

/// "2026-11-22T10:14:03.120Z" (RFC 3339), of Unix milliseconds.
[[nodiscard]] std::string rfc3339(std::int64_t ms);

} // namespace troupe
