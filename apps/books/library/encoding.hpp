// Which encoding a file has, as far as that can be told from its bytes, and its text as UTF-8.
//
// A byte order mark decides. Without one, what is not ASCII does: Latin-1 text is hardly ever well-formed UTF-8, since
// there a letter with an accent would have to be followed by one of the signs in A0..BF. So a text whose sequences are
// well-formed is UTF-8; one that has ill-formed ones too is UTF-8 if those are fewer (a damaged file), else Latin-1.
// Latin-1 is read as Windows-1252, as the web does (WHATWG Encoding 4.2): programs that say the one write the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::books::library {

enum class encoding : std::uint8_t { ascii, utf8, latin1 };

/// "UTF-8"
[[nodiscard]] std::string_view to_string(encoding e) noexcept;

/// What a text is; ascii leaves it open. `cut`: the text is the beginning of a longer one and may end within a
/// character.
[[nodiscard]] encoding guess_encoding(std::string_view text, bool cut) noexcept;

/// UTF-8 of a text in Windows-1252. Total: the five bytes that it does not define become the controls of that number.
[[nodiscard]] std::string from_latin1(std::string_view text);

} // namespace troupe::books::library
