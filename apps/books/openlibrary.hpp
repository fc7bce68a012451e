// Open Library (https://openlibrary.org/developers/api): searches by /search.json, details by /api/books with
// jscmd=data, the one call that gives an edition with its authors' names. The mapper also reads the bodies of single
// editions and works, and lists of them.
#pragma once

#include "actors/provider/api.hpp"
#include "apps/books/mapping.hpp"

#include <string_view>

namespace troupe::books {

/// The provider "openlibrary", for the routes "search" (text: normalised query) and "details" (text: ISBN-13). Its url
/// is https://openlibrary.org.
[[nodiscard]] upstream_api openlibrary_api();

/// Maps the body of a successful answer: search `docs`, the object of api/books, an edition, a work, or `entries` of
/// either. An empty object means "not found" to api/books only (`details`). Records without a title are skipped; if
/// none has one, if there is no list, or if the body is an author's, that is ec::provider_malformed.
///
/// A search document is a *work* with many editions: its publisher and language count only where all editions share
/// them, its date is the first edition's, and its ISBN is the first valid one listed, the rest being `other_isbns`.
/// Editions and works name their authors by key only; those authors stay unknown.
[[nodiscard]] result<found_page> page_from_openlibrary(std::string_view body, bool details);

} // namespace troupe::books
