// What the book domain does with text: one normal form of a query, keys by which two providers' records are recognised
// as the same book, plain text from HTML, language codes and years. All functions are pure, keep every script, and give
// well-formed UTF-8. Input from outside (a query) is refused when it is ill-formed; input that a JSON parser has let
// through is well-formed already.
#pragma once

#include "messages/result.hpp"

#include <string>
#include <string_view>

namespace troupe::books {

/// The normal form of a query: NFKC with case folding (toNFKC_Casefold, Unicode 3.13: also drops what is invisible,
/// such as soft hyphens), all white space collapsed to single spaces and trimmed. Idempotent; empty when nothing is
/// left. Fails with ec::bad_request for ill-formed UTF-8.
[[nodiscard]] result<std::string> normalise(std::string_view text);

/// A title's key for recognising the same book: normalised, punctuation dropped, `&` as "and", a leading English
/// article dropped. Never empty for a title that is not blank: "The", "?" and titles in any script keep a key of their
/// own. Signs that tell titles apart (C++, C#, 100%) stay.
[[nodiscard]] std::string match_key(std::string_view title);

/// The same for a person: letters and digits alone, "Last, First" turned round, titles such as "Ph.D." dropped, so that
/// "J. R. R. Tolkien", "J.R.R. Tolkien" and "Tolkien, J. R. R." are one.
[[nodiscard]] std::string author_key(std::string_view name);

/// Whether there is anything in it but spaces and punctuation.
[[nodiscard]] bool has_letters(std::string_view text);

/// One line: white space collapsed and trimmed, control characters dropped.
[[nodiscard]] std::string tidy(std::string_view text);

/// Printing ASCII without spaces at the ends or two in a row: `tidy` leaves that as it is, and nearly all text is that.
[[nodiscard]] bool is_tidy_ascii(std::string_view text) noexcept;

/// Plain text (not HTML: `<` may occur) of an HTML fragment: tags dropped, block tags and <br> as line breaks,
/// character references decoded once (HTML Living Standard 13.2.5.80, the Latin-1 names and the usual typographic
/// ones).
[[nodiscard]] std::string html_to_text(std::string_view html);

/// A language as BCP 47 writes it: `eng`, `/languages/eng` and `en` are "en", `pt_br` is "pt-BR", `ger` and `deu` are
/// "de". A three-letter code without a shorter form stays as it is; what is no code, and "und", is empty.
[[nodiscard]] std::string language_code(std::string_view code);

/// The year in a date of any shape ("2007", "2015-11-23", "1873*", "July 28, 2008"): the first run of four digits, or
/// the first half of a run of eight, from 1000 to 2999; 0 when there is none.
[[nodiscard]] int year_of(std::string_view date) noexcept;

/// Percent-encodes all but the unreserved characters (RFC 3986 2.3), for a component of a URL.
[[nodiscard]] std::string percent_encode(std::string_view text);

} // namespace troupe::books
