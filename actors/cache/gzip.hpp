// gzip (RFC 1952) of whole strings, by libdeflate. Pure: the same bytes in give the same bytes out (no time stamp).
#pragma once

#include <string>
#include <string_view>

namespace troupe {

/// Compresses. `level` 1 (fast) to 12 (small); 6 is the library's own balance, about 5 us a kB of JSON. Keeps a
/// compressor for each thread and level that it has used: 300 kB, of level 1 half of that.
[[nodiscard]] std::string gzip(std::string_view text, int level);

} // namespace troupe
