// Text taken apart. Mostly into the tokens that searches compare: words, case-folded. ASCII is folded here; text of
// other scripts goes through Unicode NFKC case folding, so that the query "мастер" finds the title "Мастер". Text that
// is not UTF-8 is folded as far as it is ASCII.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::replay {

/// The distinct words of a text, in order of first appearance. A word is a run of ASCII letters and digits and of
/// characters of other scripts; an apostrophe joins ("Ender's" is `enders`), all other punctuation separates.
[[nodiscard]] std::vector<std::string> words(std::string_view text);

/// Takes the part of `text` up to the separator away from it, and the separator too. Without one, all of it.
[[nodiscard]] inline std::string_view take_until(std::string_view& text, char separator) noexcept {
  const auto end = text.find(separator);
  const auto part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return part;
}

/// True when every byte belongs to a well-formed UTF-8 character (RFC 3629).
[[nodiscard]] bool is_utf8(std::string_view text);

} // namespace troupe::replay
