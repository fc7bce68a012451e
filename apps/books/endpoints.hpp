// How the book library's public requests are understood: parameters in, an inquiry (question, cache key, strategy) out.
// Pure; errors name the parameter, what came and what was expected. Unknown parameters are ignored, as the web expects;
// of a repeated one the first counts.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"

#include <cstdint>
#include <string>

namespace troupe::books {

struct endpoint_defaults {
  strategy search = strategy::merge;
  strategy details = strategy::merge;
  std::int32_t limit = 40;           // S2-33
  std::int32_t max_limit = 40;       // what Google Books gives at once (maxResults)
  std::size_t max_query_bytes = 512; // longer than any title; keeps keys and logs short
  std::int64_t config_version = 1;   // part of every key
};

/// GET /api/v2/books/search?q=&limit=&strategy= (S0-45..48). A missing or blank q is "Missing query parameter" (S0-46).
[[nodiscard]] result<inquiry> parse_search(const fields& query, const endpoint_defaults& defaults);

/// GET /api/v2/books/{isbn}?strategy= (S0-49). Takes ISBN-10 and ISBN-13 with hyphens or without.
[[nodiscard]] result<inquiry> parse_details(
  const fields& query, const std::string& isbn, const endpoint_defaults& defaults);

} // namespace troupe::books
