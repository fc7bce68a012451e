// Secrets: API keys and tokens. They come from the environment or from a file that only its owner can read, under the
// same names, and never from the configuration file or the command line (other users see those). No error repeats one.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::config {

/// A text that is only ever shown on purpose: there is no way to print one but `reveal`.
class secret {
public:
  secret() = default;
  explicit secret(std::string text) : text_{std::move(text)} {}

  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  [[nodiscard]] const std::string& reveal() const noexcept { return text_; }

private:
  std::string text_;
};

struct secrets {
  secret admin_token;                                       ///< TROUPE_ADMIN_TOKEN; empty: loopback alone may operate
  secret storage_password;                                  ///< TROUPE_SECRET_STORAGE_PASSWORD, of storage.url
  std::map<std::string, secret, std::less<>> provider_keys; ///< TROUPE_SECRET_GOOGLE_KEY -> "google"; only those given
};

using environment = std::map<std::string, std::string, std::less<>>;

/// The providers that are built in.
[[nodiscard]] std::vector<std::string> built_in_providers();

/// The name under which a provider's key is given: "google" -> "TROUPE_SECRET_GOOGLE_KEY".
[[nodiscard]] std::string key_name(std::string_view provider);

/// The names under which secrets are given.
[[nodiscard]] std::vector<std::string> secret_names(const std::vector<std::string>& providers = built_in_providers());

/// Whether an unknown setting's key looks like the place for a secret.
[[nodiscard]] bool looks_secret(std::string_view key);

/// What to tell somebody who put one there.
[[nodiscard]] std::string where_secrets_belong();

/// Reads `file` (NAME=value lines; blank lines and lines that begin with # are skipped), then the environment, which
/// wins. Errors are appended, one line each: a file that cannot be read or that others than its owner may touch, an
/// unknown name with the nearest known one, an empty value or one with control characters.
[[nodiscard]] secrets read_secrets(const std::optional<std::string>& file, const environment& env,
  std::vector<std::string>& errors, const std::vector<std::string>& providers = built_in_providers());

} // namespace troupe::config
