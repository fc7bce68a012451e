// The book application's routes, as the orchestrator knows them.
#pragma once

#include "actors/orchestrator/route.hpp"

#include <vector>

namespace troupe::books {

/// "search" (a list), "details" (one object) and "author" (`{"author","page","page_size","more","books"}`), each of
/// Google Books, Open Library and, where there is a key for it, ISBNdb, in this order of preference; ISBNdb comes first
/// for authors, because it lists what somebody has written and the others search for it. "elsewhere.author" is an
/// author whom ISBNdb has been asked for already; "search_page" is a page of a search that is read to its end, of which
/// nothing is cut off (`{"more","books"}`). `render` writes the JSON of `data`; for details that nobody knows it is
/// `null`, which no client sees (404).
[[nodiscard]] std::vector<route> routes(bool with_isbndb);

} // namespace troupe::books
