// The JSON body of a request, read member by member: each known by name, each at most once. Errors are bad_request and
// name the place as a path into the body, what came and what was expected: operations[3].provider: unknown provider
// "x"; expected google or ... Pure; parsed by simdjson: a body of 100,000 operations takes milliseconds, where a tree
// of nlohmann's takes half a second.
#pragma once

#include "messages/result.hpp"

#include <cstddef>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::json_body {

using simdjson::dom::element;

/// Parses a body of at most 16 levels. What it gives lives in `parser`. Error bad_request: no JSON; overloaded: no
/// memory.
[[nodiscard]] result<element> parse(simdjson::dom::parser& parser, std::string_view body);

/// An object whose members are known by name, each at most once.
struct members {
  std::string path; ///< with its dot, or empty
  std::vector<std::pair<std::string_view, element>> all;

  [[nodiscard]] std::optional<element> find(std::string_view name) const;
};

/// The object at `path` (empty: the body itself), whose members may have the names in `known` and no others.
[[nodiscard]] result<members> read_members(
  const element& e, const std::string& path, const std::vector<std::string>& known);

/// "an object", "a list", "a text", "true or false", "null", "a number".
[[nodiscard]] std::string kind(const element& e);

/// What came, in quotes, and cut to 60 bytes between two characters.
[[nodiscard]] std::string quoted(std::string_view text);

/// "search, details or now".
[[nodiscard]] std::string listed(const std::vector<std::string>& words);

/// The error about one place.
[[nodiscard]] inline auto wrong(const std::string& path, const std::string& what) {
  return fail(ec::bad_request, path + ": " + what);
}

[[nodiscard]] inline auto wrong_kind(const std::string& path, std::string_view expected, const element& e) {
  return wrong(path, "expected " + std::string{expected} + ", got " + kind(e));
}

} // namespace troupe::json_body
