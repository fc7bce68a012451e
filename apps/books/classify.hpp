// What somebody means who typed one line into one field: an ISBN, a person, or a title (S2-37, S2-38). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::books {

enum class query_kind : std::uint8_t {
  isbn,   ///< a valid one, in any spelling
  author, ///< written as people's names are
  title,  ///< all else
};

[[nodiscard]] std::string_view to_string(query_kind k) noexcept;

/// An ISBN is one whose check digit is right. A name is two to five words, each with a capital at its beginning or an
/// initial ("J.R.R.", "K"), particles ("de", "van", "Le") and generations ("Jr.") aside, or the same as "Last, First";
/// without digits and without the small words of titles ("of", "and", "the"). Names in scripts without capitals, and
/// titles such as "Great Expectations", cannot be told apart by their looks: the first are titles, the second names;
/// who finds nothing under a name asks for the title.
[[nodiscard]] query_kind classify(std::string_view query);

} // namespace troupe::books
