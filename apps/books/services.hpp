// How the questions of the three book services are understood (S2-37..40, S2-83..85): parameters in, an inquiry out.
// Pure. Every caller, be it a client, a service or the warmer, comes through here, so that what one has fetched the
// other finds (DECISIONS C-03).
#pragma once

#include "apps/books/endpoints.hpp"
#include "messages/result.hpp"
#include "messages/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::books {

/// Of /author/{name} (S2-35, S2-85).
inline constexpr std::int32_t default_page_size = 50;
inline constexpr std::int32_t most_page_size = 50;
inline constexpr std::string_view default_language = "en";
/// Pages of one list at most: with 50 a page more than anybody has written.
inline constexpr std::int64_t most_pages = 200;

/// What somebody has written: `/author/{name}?page&pageSize&language`. An empty language: any.
/// @param route "author" (whoever knows) or "isbndb.author"
[[nodiscard]] result<inquiry> parse_author(
  std::string_view route, std::string_view name, const fields& query, const endpoint_defaults& defaults);

/// Titles: `/search/title?q&maxResults&page`, `/books/{query}`, `/search/books?q`. `maxResults` (also `limit` and
/// `pageSize`) overrides the default (S2-84).
/// @param route "search" or "isbndb.search"
[[nodiscard]] result<inquiry> parse_titles(
  std::string_view route, std::string_view text, const fields& query, const endpoint_defaults& defaults);

/// One book: `/book/{isbn}`, `/search/isbn`.
/// @param route "details" or "isbndb.details"
[[nodiscard]] result<inquiry> parse_book(
  std::string_view route, const std::string& isbn, const fields& query, const endpoint_defaults& defaults);

} // namespace troupe::books
