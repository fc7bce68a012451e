// Reading what a provider sent: its status, its complaint, its JSON. Parsing keeps only what a mapper reads: everything
// under another key is skipped, and nesting is bounded, so that a large or hostile body costs little. The readers are
// lenient about the type of a field, as the real APIs demand: what cannot be read is unknown.
#pragma once

#include "apps/books/json_reader.hpp"
#include "messages/result.hpp"
#include "messages/types.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::books {

/// Parses a body; a UTF-8 byte-order mark is skipped. Fails with ec::provider_malformed: HTML, broken or cut-off JSON
/// (with the byte), nesting deeper than 64.
[[nodiscard]] result<nlohmann::json> parse_body(std::string_view provider, std::string_view body, key_filter wanted);

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
[[nodiscard]] result<verdict> judge_complaint(std::string_view provider, const nlohmann::json& body);

/// "google: items: expected an array, got null"
[[nodiscard]] inline auto malformed(std::string_view provider, std::string message) {
  return fail(ec::provider_malformed, std::string{provider} + ": " + std::move(message));
}

/// The member, or nullptr when it is missing or `object` is none.
[[nodiscard]] const nlohmann::json* find(const nlohmann::json& object, const char* key);

/// One text: a string, `{value}`, `{name}`, `{key}`, a number, or the first of an array of those; otherwise empty.
/// As it was sent.
[[nodiscard]] std::string raw_text(const nlohmann::json& value);

/// The same as one tidy line.
[[nodiscard]] std::string tidy_text(const nlohmann::json& value);

/// The member's text as one tidy line; empty when it is missing.
[[nodiscard]] std::string text_of(const nlohmann::json& object, const char* key);

/// The texts of an array (or a single one), tidied, blank ones and repetitions left out, `most` at most.
[[nodiscard]] std::vector<std::string> texts_of(const nlohmann::json& object, const char* key, std::size_t most);

/// A whole number from 0: an integer, a float without a fraction, digits in a string, or the first of an array; 0
/// otherwise.
[[nodiscard]] std::int64_t number_of(const nlohmann::json& value);

/// An https URL of an http, https (in any case) or scheme-relative one; empty for anything else.
[[nodiscard]] std::string https_url(std::string_view url);

} // namespace troupe::books
