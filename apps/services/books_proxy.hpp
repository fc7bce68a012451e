// The service that searches books in all providers at once (S2-02, S2-37..41): it binds ISBNdb's service for what an
// author has written, and goes on without it when that fails (S2-53, S2-69).
//
//   GET /search/auto?q          an ISBN, an author or a title, as q looks (books/classify.hpp)
//   GET /search/title?q, /search/author?q, /search/isbn?isbn
//   GET /api/v2/books/search?q, /api/v2/books/{isbn}   as the bridge's own
//   GET /api/v3/books/search?q&limit&cursor&fields      RFC 9457 errors, paging by cursor, members chosen by name
//   GET /health
//
// Of the /search paths: `maxResults` books at most; `includeTranslations=false` leaves out what is in another language
// than the first hit; `force=true` asks the providers whatever is cached. The method `search` of the default entrypoint
// takes the same arguments and `kind` ("auto", "title", "author", "isbn").
#pragma once

#include "apps/services/lookups.hpp"

namespace troupe {

inline constexpr std::string_view books_proxy_kind = "books-proxy";
inline constexpr std::string_view isbndb_binding = "ISBNDB_WORKER";

/// Fills in entrypoints; name, log, bindings and the rest are the caller's.
void make_books_proxy(service_definition& service, const book_services& books);

} // namespace troupe
