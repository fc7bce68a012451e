// Book numbers as the catalogue needs them: checked, in one canonical form (ISBN-13, digits alone), and back to ISBN-10
// for the providers that answer with both. Check digits as in ISO 2108.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::replay {

/// Reads an ISBN-10 or ISBN-13 (978 or 979), hyphens and spaces allowed, and gives its 13 digits; nothing when the
/// length, a character or the check digit is wrong.
[[nodiscard]] std::optional<std::string> to_isbn13(std::string_view text);

/// The ISBN-10 of a valid ISBN-13; empty for 979, which has none.
[[nodiscard]] std::string to_isbn10(std::string_view isbn13);

} // namespace troupe::replay
