// gzip (RFC 1952) through zlib, of whole strings. Pure: the same bytes in give the same bytes out (no time stamp).
#pragma once

#include <string>
#include <string_view>

namespace troupe::http {

/// Compresses. `level` 1 (fast) to 9 (small); 6 is zlib's own balance, about 15 us a kB of JSON.
[[nodiscard]] std::string gzip(std::string_view text, int level = 6);

} // namespace troupe::http
