// Reading what a request asks for by name: the parameters of a query, of a form, of a typed call. Errors name the
// parameter, what was expected and what came. Of a repeated one the first counts. Pure.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// The value of a parameter; null: it is not there.
[[nodiscard]] const std::string* find_parameter(const fields& parameters, std::string_view name) noexcept;

/// The same, with an absent one as an empty value.
[[nodiscard]] std::string_view parameter_of(const fields& parameters, std::string_view name) noexcept;

/// A whole number from `lowest` to `highest`, else bad_request: `limit: expected a whole number from 1 to 100, got
/// "x"`. `otherwise` when it is not there.
[[nodiscard]] result<std::int64_t> whole_number(
  const fields& parameters, std::string_view name, std::int64_t otherwise, std::int64_t lowest, std::int64_t highest);

/// "true" or "false", else bad_request.
[[nodiscard]] result<bool> parse_flag(const fields& parameters, std::string_view name, bool otherwise);

/// What a client sent, for a message: cut after some 60 bytes.
[[nodiscard]] std::string_view cut_short(std::string_view text) noexcept;

} // namespace troupe
