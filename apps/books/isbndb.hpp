// ISBNdb, API v2 (https://isbndb.com/isbndb-api-documentation-v2): searches, one book by its ISBN, and what an author
// has written. Records are editions, each with an ISBN, which is also its id.
#pragma once

#include "actors/provider/api.hpp"
#include "apps/books/mapping.hpp"

#include <string_view>

namespace troupe::books {

/// The provider "isbndb". Its url is https://api2.isbndb.com; the key goes in the header `Authorization`, as it is.
/// Routes:
///  - "search" (text: normalised query): GET /books/{query}
///  - "details" (text: ISBN-13): GET /book/{isbn}
///  - "author" (text: a name): GET /author/{name}, parameter `language` (BCP 47) if it is given
/// The lists come in pages of `limit`; parameter `page` counts from 1, which it is unless given.
[[nodiscard]] upstream_api isbndb_api();

/// Maps the body of a successful answer: `book`, or a list in `books` or `data` (of a search, an author, a publisher).
/// "Unable to locate" is an empty answer. Records without a title are skipped; if none has one, or if there is neither
/// book nor list, that is ec::provider_malformed.
///
/// The noise of the real answers is cleaned away: authors in two halves ("Smith", "Frank"), turned round or with their
/// degrees ("Nelson, Bob, Ph.D."), percent-encoded, or `~autofilled~`; dates as numbers; "" and [] for what is not
/// known; a synopsis under any of its names.
[[nodiscard]] result<found_page> page_from_isbndb(std::string_view body);

} // namespace troupe::books
