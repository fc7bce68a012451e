// What a client chose to see of a list of books: at most so many, in one language, with some members only. Works on the
// JSON of the platform's envelope. Pure.
#pragma once

#include "messages/result.hpp"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// The books of an envelope's `data`: the list itself, or that of an author's page; null: there is none.
[[nodiscard]] nlohmann::json* books_in(nlohmann::json& envelope);

/// Leaves out books in another language than the first that says one. How many were left out.
std::size_t leave_out_translations(nlohmann::json& books);

/// "title,authors": names of a book's members, each once. bad_request names the one that there is none of.
[[nodiscard]] result<std::vector<std::string>> parse_members(std::string_view list);

/// Keeps those members alone.
void keep_members(nlohmann::json& books, const std::vector<std::string>& names);

/// Where a reader of a list is: in which page of the providers', and how many of its new books it has had.
struct list_place {
  std::int64_t page = 1;
  std::int64_t offset = 0;
  friend bool operator==(const list_place&, const list_place&) = default;
};

/// An opaque word for a place in the list under a cache key.
[[nodiscard]] std::string cursor_of(std::string_view key, const list_place& place);

/// The place that a cursor means; bad_request when it is none, or one of another list.
[[nodiscard]] result<list_place> place_at(std::string_view cursor, std::string_view key);

} // namespace troupe
