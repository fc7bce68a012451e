// Percent-encoding (RFC 3986 2.1) of paths and queries, in both directions. Pure.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"

#include <string>
#include <string_view>

namespace troupe::http {

/// Decodes the escapes of a path or of one segment of it; '+' stays. "%2F" becomes '/': split into segments first where
/// that matters. Error ec::bad_request: a '%' without two hexadecimal digits behind it, or an encoded NUL.
[[nodiscard]] result<std::string> decode_path(std::string_view escaped);

/// Splits a query (without its '?') at '&' and '=' and decodes names and values, in order; '+' is a space (the HTML
/// form encoding). "a" and "a=" both give an empty value, empty pairs are skipped. Errors as decode_path().
[[nodiscard]] result<fields> parse_query(std::string_view query);

/// Escapes everything but RFC 3986's unreserved characters: right for one path segment, one query name or value.
[[nodiscard]] std::string encode(std::string_view text);

} // namespace troupe::http
