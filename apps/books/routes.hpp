// The book application's routes, as the orchestrator knows them.
#pragma once

#include "actors/orchestrator/route.hpp"

#include <vector>

namespace troupe::books {

/// "search" (a list) and "details" (one object), each of Google Books and Open Library, in this order of preference.
/// `render` writes the JSON of `data`; for details that nobody knows it is `null`, which no client sees (404).
[[nodiscard]] std::vector<route> routes();

} // namespace troupe::books
