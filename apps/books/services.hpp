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
/// That nobody of that name has written anything is kept for as long as what somebody has.
/// @param route "author" (whoever knows), "elsewhere.author" or "isbndb.author"
[[nodiscard]] result<inquiry> parse_author(
  std::string_view route, std::string_view name, const fields& query, const endpoint_defaults& defaults);

/// Titles: `/search/title?q&maxResults&page`, `/books/{query}`, `/search/books?q`. `maxResults` (also `limit` and
/// `pageSize`) overrides the default (S2-84).
/// @param route "search" or "isbndb.search"
[[nodiscard]] result<inquiry> parse_titles(
  std::string_view route, std::string_view text, const fields& query, const endpoint_defaults& defaults);

/// A search that is read to its end: so many books each provider is asked for at once, and so many pages of each at
/// most, which is all that Google Books gives of one list.
inline constexpr std::int64_t most_title_pages = 25;

/// One page of such a search: of all providers, in pages of the default limit, whatever of it a reader wants at once,
/// so that all readers share them.
/// @param page from 1 to most_title_pages
[[nodiscard]] result<inquiry> parse_title_page(
  std::string_view text, std::int64_t page, const endpoint_defaults& defaults);

/// One book: `/book/{isbn}`, `/search/isbn`.
/// @param route "details" or "isbndb.details"
[[nodiscard]] result<inquiry> parse_book(
  std::string_view route, const std::string& isbn, const fields& query, const endpoint_defaults& defaults);

} // namespace troupe::books
