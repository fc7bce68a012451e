// A complete answer as the tiers outside of memory keep it: what the providers said, from which each tier's body is
// made again, and until when it may be used. Bytes: four that name the format, then, compressed (zstd) when that is
// worth it, the length of a CBOR header (RFC 8949), that header, which has a checksum of `data` (XXH3), and `data` as
// it is. Pure.
#pragma once

#include "messages/outcome.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// From when to when, Unix time.
struct lifespan {
  std::int64_t stored_ms = 0;
  std::int64_t fresh_until_ms = 0;
  std::int64_t dead_ms = 0;

  friend bool operator==(const lifespan&, const lifespan&) = default;
};

struct kept_answer {
  std::string key; ///< of the cache
  outcome what;    ///< data, tag, fetched_ms and how each provider fared; found, not degraded
  lifespan hot;
  lifespan cold;
};

[[nodiscard]] std::string encode(const kept_answer& answer);

/// None when the bytes are damaged, of another format, or of an answer above 64 MiB.
[[nodiscard]] std::optional<kept_answer> decode(std::string_view bytes);

} // namespace troupe
