// The service in front of ISBNdb (S2-03, S2-34..36): a leaf, which binds nothing. Its answers come from the cache that
// everybody shares, under keys of its own.
//
//   GET /author/{name}?page&pageSize&language&all   GET /book/{isbn}
//   GET /books/{query}, /search/books?q             GET /health
//
// `all=true` reads up to 40 pages of an author's list; four such lists at once, beyond which it is 503 with
// Retry-After. Methods of the default entrypoint: `author` (name, page, pageSize, language), `book` (isbn), `search`
// (q, maxResults); each returns what its path would.
#pragma once

#include "apps/services/lookups.hpp"

namespace troupe {

inline constexpr std::string_view isbndb_kind = "isbndb";

/// Fills in entrypoints; name, log and the rest are the caller's.
void make_isbndb(service_definition& service, const book_services& books);

} // namespace troupe
