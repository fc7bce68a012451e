// What the tests of the book mappers share: answers to map, and what came of them.
#pragma once

#include "actors/provider/api.hpp"
#include "apps/books/body.hpp"
#include "apps/books/book.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace troupe::books::testing {

inline http_response answer(int status, std::string body, std::string type = "application/json") {
  http_response a;
  a.status = status;
  a.content_type = std::move(type);
  a.body = blob{std::move(body)};
  return a;
}

inline question search(std::string text, int limit = 20) {
  return {"search", std::move(text), limit, ""};
}

inline question details(std::string isbn13) {
  return {"details", std::move(isbn13), 1, ""};
}

/// The books of a mapped answer; the test has to know that there are some.
inline const std::vector<book>& books_of(const result<records_ptr>& mapped) {
  return dynamic_cast<const book_list&>(*mapped.value()).books;
}

/// "2 records", or the error's name and message.
inline std::string outcome(const result<records_ptr>& mapped) {
  if (mapped)
    return std::to_string(mapped.value()->count()) + " records";
  return std::string{to_string(mapped.error().code)} + ": " + mapped.error().message;
}

/// What the mappers' parser makes of a text, as nlohmann's document; nothing where it finds an error.
inline std::optional<nlohmann::json> parsed(std::string_view text) {
  const auto body = parse_body("test", text);
  if (!body)
    return std::nullopt;
  return nlohmann::json::parse(simdjson::minify(body.value()));
}

} // namespace troupe::books::testing
