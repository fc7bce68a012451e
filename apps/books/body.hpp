// Reading what a provider sent: its status, its complaint, its JSON. A parsed body lies in one document that the thread
// reuses, and its values are views into it: nothing is copied but what a book keeps. The readers are lenient about the
// type of a field, as the real APIs demand: what cannot be read is unknown. Of two members with one name the last
// counts, as with most JSON parsers.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"

#include <cstdint>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::books {

/// A value of a parsed body.
using json_value = simdjson::dom::element;

/// A member that may be missing; to the readers below a missing one is like one that cannot be read.
using json_member = std::optional<json_value>;

/// Real bodies nest ten levels at most.
inline constexpr std::size_t max_json_depth = 64;

/// Parses a body; a UTF-8 byte-order mark is skipped, and the whole text is validated (RFC 8259, UTF-8). The value is
/// good until the thread parses its next body. Fails with ec::provider_malformed: HTML, broken or cut-off JSON, a
/// number out of range, nesting deeper than `max_json_depth`.
[[nodiscard]] result<json_value> parse_body(std::string_view provider, std::string_view body);

/// What an answer's status makes of it.
enum class verdict {
  read,    ///< a body to read
  nothing, ///< the provider does not know what was asked (404)
};

/// Judges the status, and the complaint in the body of a failure. Fails with the attempt's own code when there is no
/// complete answer; provider_limited for 429, and for 403 when the body speaks of a quota, a limit or automated
/// queries; provider_refused for the other 4xx and for redirects; provider_failed for 5xx. Messages carry the
/// provider's own.
[[nodiscard]] result<verdict> judge_status(std::string_view provider, const http_response& answer);

/// Judges an error object under status 200, in the same way; verdict::read when there is none.
[[nodiscard]] result<verdict> judge_complaint(std::string_view provider, const json_value& body);

/// "google: items: expected an array, got null"
[[nodiscard]] inline auto malformed(std::string_view provider, std::string message) {
  return fail(ec::provider_malformed, std::string{provider} + ": " + std::move(message));
}

/// "array", for messages.
[[nodiscard]] std::string type_name(const json_value& value);

/// The member; nothing when it is missing or `object` is none.
[[nodiscard]] json_member find(const json_member& object, std::string_view key);

/// Calls `visit` with every member of an array, or with a value that is none, until it returns false.
template <class Visit>
void each(const json_member& value, Visit visit) {
  simdjson::dom::array list;
  if (!value)
    return;
  if (value->get(list)) {
    visit(*value);
    return;
  }
  for (const auto& one : list)
    if (!visit(one))
      return;
}

/// The value in which a text stands: the value itself, `value`, `name` or `key` of an object, the first of an array.
[[nodiscard]] json_value text_in(const json_value& value);

/// The digits of a whole number; empty for anything else.
[[nodiscard]] std::string digits_of(const json_value& value);

/// One text: a string, `{value}`, `{name}`, `{key}`, a whole number, or the first of an array of those; otherwise
/// empty. Gives what `use` makes of it as it was sent: a view, so that only what is kept is copied.
template <class Use>
auto with_text(const json_member& value, Use use) {
  std::string_view sent;
  if (!value || !value->get(sent)) // most texts are strings
    return use(sent);
  const auto text = text_in(*value);
  return text.get(sent) ? use(std::string_view{digits_of(text)}) : use(sent);
}

/// The text as one tidy line.
[[nodiscard]] std::string text_of(const json_member& value);

/// The texts of an array (or a single one), tidied, blank ones and repetitions left out, `most` at most.
[[nodiscard]] std::vector<std::string> texts_of(const json_member& value, std::size_t most);

/// A whole number from 0: an integer, a float without a fraction, digits in a string, or the first of an array; 0
/// otherwise.
[[nodiscard]] std::int64_t number_of(const json_member& value);

/// An https URL of an http, https (in any case) or scheme-relative one; empty for anything else.
[[nodiscard]] std::string https_url(std::string_view url);

} // namespace troupe::books
