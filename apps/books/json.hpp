// The one codec of a book: JSON as clients see it, and back. What the database keeps is what clients get. Unknown
// fields are left out, never null.
#pragma once

#include "apps/books/book.hpp"
#include "messages/result.hpp"

#include <span>
#include <string>
#include <string_view>

namespace troupe::books {

/// Appends a JSON string with its quotes (RFC 8259 7). Ill-formed UTF-8 becomes U+FFFD: the output is always valid.
void append_json(std::string& out, std::string_view text);

/// Appends one object.
void append_json(std::string& out, const book& b);

/// One object.
[[nodiscard]] std::string to_json(const book& b);

/// An array of objects.
[[nodiscard]] std::string to_json(std::span<const book> list);

/// Reads what `to_json` wrote; unknown members are skipped. Fails with ec::storage_failed (it is what we stored that
/// cannot be read) and names the member and what was expected.
[[nodiscard]] result<book> book_from_json(std::string_view text);

} // namespace troupe::books
