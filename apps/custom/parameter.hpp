// A parameter of a user-defined route, as the configuration writes it: "text 1..100", "int 1..40 = 20", "enum de|en =
// en". What stands behind = is its value where a request has none; without it the parameter is required. Pure.
#pragma once

#include "messages/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::custom {

struct parameter {
  enum class kind : std::uint8_t { text, integer, choice };

  std::string name;
  kind type = kind::text;
  std::int64_t lowest = 0; ///< of an integer; of a text, its length in characters
  std::int64_t highest = 0;
  std::vector<std::string> choices;
  std::optional<std::string> fallback;

  friend bool operator==(const parameter&, const parameter&) = default;
};

/// Longer texts are no parameters: they would make long keys, logs and URLs.
inline constexpr std::int64_t longest_text = 512;

/// Reads a specification; error config_invalid says what was expected.
[[nodiscard]] result<parameter> parse_parameter(std::string_view name, std::string_view specification);

/// Reads a request's value: the one spelling of it (a text without the blanks around it, an integer without zeros in
/// front). Error bad_request names the parameter, what was expected and what came.
[[nodiscard]] result<std::string> parse_value(const parameter& p, std::string_view given);

/// "a text of 1 to 100 characters", "a whole number from 1 to 40", "de or en".
[[nodiscard]] std::string expectation(const parameter& p);

} // namespace troupe::custom
