#include "apps/config/secrets.hpp"

#include "apps/config/config.hpp"
#include "apps/config/nearest.hpp"
#include "apps/config/schema.hpp"
#include "apps/config/text_file.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <unistd.h>

namespace troupe::config {
namespace {

constexpr std::string_view admin_token_name = "TROUPE_ADMIN_TOKEN";
constexpr std::string_view storage_password_name = "TROUPE_SECRET_STORAGE_PASSWORD";

using names = std::vector<std::string>;

secret* place_of(std::string_view name, secrets& in, const names& providers) {
  if (name == admin_token_name)
    return &in.admin_token;
  if (name == storage_password_name)
    return &in.storage_password;
  for (const auto& provider : providers)
    if (name == key_name(provider))
      return &in.provider_keys[provider];
  return nullptr;
}

/// A value goes into header fields and URLs: a control character in it is a slip, or an attack.
bool is_usable(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
  });
}

void take(std::string_view name, std::string_view text, const std::string& where, secrets& in,
  std::vector<std::string>& errors, const names& providers) {
  if (auto probe = secrets{}; place_of(name, probe, providers) == nullptr) {
    errors.push_back(
      where + std::string{name} + ": no such secret; the nearest is " + nearest(name, secret_names(providers)).name);
    return;
  }
  if (!is_usable(text)) {
    errors.push_back(where + std::string{name} + ": expected a text without control characters that is not empty");
    return;
  }
  *place_of(name, in, providers) = secret{std::string{text}};
}

std::string_view trimmed(std::string_view text) {
  const auto start = std::min(text.find_first_not_of(" \t\r"), text.size());
  text.remove_prefix(start);
  return text.substr(0, text.find_last_not_of(" \t\r") + 1);
}

void read_file(const std::string& path, secrets& in, std::vector<std::string>& errors, const names& providers) {
  auto reason = std::string{};
  const auto file = read_text_file(path, reason);
  if (!file) {
    errors.push_back(path + ": " + reason);
    return;
  }
  if ((file->mode & 0177U) != 0) {
    errors.push_back(
      fmt::format("{}: expected mode 0600 (a secrets file is its owner's alone), got {:04o}: chmod 600 it,"
                  " and change the secrets if others may have read them",
        path, file->mode));
    return;
  }
  if (file->owner != ::geteuid() && file->owner != 0) {
    errors.push_back(
      path + ": expected a file of the user that runs this program, got one of user id " + std::to_string(file->owner));
    return;
  }
  auto number = 0;
  for (auto rest = std::string_view{file->text}; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    if (line.empty() || line.front() == '#')
      continue;
    const auto where = path + ":" + std::to_string(number) + ": ";
    const auto equals = line.find('=');
    const auto name = trimmed(line.substr(0, equals));
    // A line without a name may be a secret by itself: it is not repeated.
    const auto nameable = !name.empty() && name.starts_with("TROUPE_")
                          && name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string_view::npos;
    if (equals == std::string_view::npos || !nameable)
      errors.push_back(where + "expected NAME=value with a name such as TROUPE_SECRET_GOOGLE_KEY");
    else
      take(name, trimmed(line.substr(equals + 1)), where, in, errors, providers);
  }
}

} // namespace

std::vector<std::string> built_in_providers() {
  auto list = names{};
  for (const auto& [provider, ignored] : default_providers())
    list.push_back(provider);
  return list;
}

// Each provider may have a key; which of them need one, they know themselves.
std::string key_name(std::string_view provider) {
  return environment_name("secret." + std::string{provider} + ".key");
}

std::vector<std::string> secret_names(const names& providers) {
  auto list = names{std::string{admin_token_name}, std::string{storage_password_name}};
  for (const auto& provider : providers)
    list.push_back(key_name(provider));
  return list;
}

bool looks_secret(std::string_view key) {
  auto lower = std::string{key};
  for (auto& c : lower)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  constexpr std::array<std::string_view, 5> words{"key", "token", "secret", "password", "credential"};
  return std::any_of(words.begin(), words.end(), [&](auto word) { return lower.find(word) != std::string::npos; });
}

std::string where_secrets_belong() {
  auto names = std::string{};
  for (const auto& name : secret_names())
    names.append(names.empty() ? "" : ", ").append(name);
  return "secrets belong in the environment (" + names
         + ") or, under the same names, in a file of mode 0600 that TROUPE_SECRETS_FILE names";
}

secrets read_secrets(const std::optional<std::string>& file, const environment& env, std::vector<std::string>& errors,
  const names& providers) {
  auto found = secrets{};
  if (file)
    read_file(*file, found, errors, providers);
  for (const auto& [name, text] : env)
    if (name == admin_token_name || name.starts_with("TROUPE_SECRET_"))
      take(name, text, "", found, errors, providers);
  return found;
}

} // namespace troupe::config
