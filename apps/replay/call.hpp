// One call as an upstream sees it, decoded, and its answer as bytes. Both are plain values, so that everything between
// them (catalogue, recorded bodies) is pure.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::replay {

struct call {
  std::string method;
  std::string path; ///< decoded
  fields params;    ///< decoded, in order; one without '=' has an empty value

  /// The first parameter of that name.
  [[nodiscard]] std::optional<std::string_view> param(std::string_view name) const noexcept;
};

struct reply {
  int status = 200;
  std::string content_type = "application/json";
  blob body;
};

/// A call from its still escaped parts; ec::bad_request when an escape is broken (apps/http/uri.hpp).
[[nodiscard]] result<call> make_call(std::string_view method, std::string_view path, std::string_view query);

/// Which provider a path belongs to, by its name in tags and configuration: google, openlibrary, isbndb, spotify,
/// lastfm or anthropic; "other" when it is nobody's.
[[nodiscard]] std::string_view provider_of(std::string_view path) noexcept;

/// All of those names but "other".
inline constexpr std::array<std::string_view, 6> provider_names{
  "google", "openlibrary", "isbndb", "spotify", "lastfm", "anthropic"};

/// An error answer in the words and the form of that provider (PROVIDERS "Errors"): {error:{code,...}} for google,
/// {status,message} for openlibrary, and so on.
[[nodiscard]] std::string error_body(std::string_view provider, int status);

} // namespace troupe::replay
