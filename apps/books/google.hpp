// Google Books, API v1 (https://developers.google.com/books/docs/v1/reference/volumes): searches, and details by an
// `isbn:` search, which needs no volume id.
#pragma once

#include "actors/provider/api.hpp"
#include "apps/books/mapping.hpp"

#include <string_view>

namespace troupe::books {

/// The provider "google", for the routes "search" (text: normalised query) and "details" (text: ISBN-13). Its url is
/// https://www.googleapis.com.
[[nodiscard]] upstream_api google_api();

/// Maps the body of a successful answer: a volume list, or one volume. A list without `items` is empty if it has
/// `totalItems`. Volumes without a title are skipped; if none has one, or if there is neither list nor volume, that is
/// ec::provider_malformed.
[[nodiscard]] result<found_page> page_from_google(std::string_view body);

} // namespace troupe::books
