// The date format of HTTP (RFC 9110 5.6.7, IMF-fixdate). Pure: the time is an argument.
#pragma once

#include <cstdint>
#include <string>

namespace troupe::http {

/// "Sun, 06 Nov 1994 08:49:37 GMT" of seconds since 1970-01-01T00:00:00Z; years 0 to 9999.
[[nodiscard]] std::string http_date(std::int64_t unix_seconds);

} // namespace troupe::http
