// The body of a request to a user-defined route with method = "POST". Pure.
#pragma once

#include "apps/custom/definition.hpp"
#include "messages/result.hpp"
#include "messages/types.hpp"

#include <cstddef>
#include <string_view>

namespace troupe::custom {

/// Bytes of such a body: ten of the longest texts, each character escaped.
inline constexpr std::size_t longest_body = 64'000;

/// Reads the parameters that the route's path does not give from a JSON object, as parse_request takes them: a text
/// parameter is a text there, an integer a whole number, and of an enum also a number, true or false if a choice is
/// spelled so. A body that is empty or blank has no members. Error bad_request: no JSON object ("body: ..."), or the
/// name of a member that is unknown, given twice or of another type.
[[nodiscard]] result<fields> parse_body(const route_definition& r, std::string_view body);

} // namespace troupe::custom
