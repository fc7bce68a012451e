// The one function that names what is cached, for reading, writing and warming (DECISIONS C-03): `namespace:entity:id`.
// Two different questions never share a key: what has a meaning in a key is percent-encoded in an id.
#pragma once

#include "messages/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::books {

/// The public key of a question: "search:query:swift+programming" for a normalised query (spaces become `+`; `+`, `%`,
/// `|` and control characters are percent-encoded), "book:isbn:9780134685991" for details of an ISBN-13,
/// "author:name:..." for the key of a name (author_key). Any other
/// route is a namespace of its own: "route:query:...".
[[nodiscard]] std::string cache_key(std::string_view route, std::string_view text);

/// The key under which one answer lies in the tiers: the public key, then what else the answer depends on:
/// "search:query:dune|merge|20|c1" (strategy, limit, version of the configuration).
[[nodiscard]] std::string variant_key(
  std::string_view key, strategy s, std::int32_t limit, std::int64_t config_version);

} // namespace troupe::books
