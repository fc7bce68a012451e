// What a user-defined provider is asked: a path with placeholders, "/v1/things/{id}?lang={lang}&key=${secret}", and
// header values with `${secret}`. Whatever stands in for a placeholder is percent-encoded, so that it can neither end a
// segment nor begin another parameter. Pure.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::custom {

class path_template {
public:
  /// A placeholder's name, and whether its value becomes part of the path (else of the query).
  struct use {
    std::string name;
    bool in_path = false;
    friend bool operator==(const use&, const use&) = default;
  };

  path_template() = default;

  /// Error config_invalid: what was expected, and the column in the text (from 1).
  [[nodiscard]] static result<path_template> parse(std::string_view text);

  /// Each placeholder, in order; one that stands twice, twice. The secret is none.
  [[nodiscard]] std::vector<use> uses() const;
  [[nodiscard]] bool uses_secret() const noexcept;

  /// Path and query. A parameter that is not among `params` is empty.
  [[nodiscard]] std::string expand(const fields& params, std::string_view secret) const;

  friend bool operator==(const path_template&, const path_template&) = default;

private:
  struct piece {
    std::string literal; // as it is
    std::string name;    // empty: a literal
    bool secret = false;
    bool in_path = false;
    friend bool operator==(const piece&, const piece&) = default;
  };
  std::vector<piece> pieces_;
};

/// How the secret is written in paths and header values.
inline constexpr std::string_view secret_reference = "${secret}";

/// A header's value with the secret in the place of `${secret}`.
[[nodiscard]] std::string expand_header(std::string_view value, std::string_view secret);

/// A name of a parameter, route, operation or provider: a small letter, then small letters, digits and _; at most 40.
[[nodiscard]] bool is_name(std::string_view text) noexcept;

/// Percent-encodes everything but RFC 3986's unreserved characters.
void append_encoded(std::string& out, std::string_view text);

} // namespace troupe::custom
