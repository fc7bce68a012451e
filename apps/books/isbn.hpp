// An International Standard Book Number (ISO 2108). A value of this type is always valid: its check digit was verified.
// The canonical form is ISBN-13; ISBN-10 is the same book's older name, and exists for the prefix 978 only.
#pragma once

#include "messages/result.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::books {

class isbn {
public:
  /// Reads an ISBN-10 or ISBN-13, with or without hyphens and spaces (also the typographic ones that pasted text has),
  /// `x` in either case. Fails with ec::bad_request and says what is wrong: the number of characters, the character and
  /// its place, the prefix, or the check digit that was expected and the one found.
  [[nodiscard]] static result<isbn> parse(std::string_view text);

  /// Thirteen digits.
  [[nodiscard]] std::string_view isbn13() const noexcept { return {digits_.data(), digits_.size()}; }

  /// Ten characters, the last perhaps `X`; empty for the prefix 979, which has no ISBN-10.
  [[nodiscard]] std::string isbn10() const;

  /// The thirteen digits as a number, for sets of them.
  [[nodiscard]] std::uint64_t number() const noexcept;

  friend bool operator==(const isbn&, const isbn&) = default;
  friend auto operator<=>(const isbn&, const isbn&) = default;

private:
  explicit isbn(const std::array<char, 13>& digits) noexcept : digits_{digits} {}

  std::array<char, 13> digits_;
};

} // namespace troupe::books
