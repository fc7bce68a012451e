#include "storage/postgres/address.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace troupe::storage::postgres {
namespace {

std::string percent_decoded(std::string_view text) {
  auto plain = std::string{};
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto byte = 0U;
    if (text[i] == '%' && i + 2 < text.size()
        && std::from_chars(&text[i + 1], &text[i + 1] + 2, byte, 16).ptr == &text[i + 1] + 2) {
      plain += static_cast<char>(byte);
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  auto out = std::string{};
  for (const auto c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.append(1, '%').append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
  }
  return out;
}

void keep_secret(address& a, std::string_view secret) {
  if (secret.empty())
    return;
  a.secrets.emplace_back(secret);
  if (auto plain = percent_decoded(secret); plain != secret)
    a.secrets.push_back(std::move(plain));
}

} // namespace

result<address> parse_address(
  const std::string& text, std::chrono::milliseconds connect_timeout, const std::string& password) {
  const auto expected = [] {
    return fail(ec::config_invalid, "expected an address such as postgres://user:password@host:5432/database");
  };
  auto rest = std::string_view{text};
  if (const auto scheme = rest.find("://");
      scheme == std::string_view::npos
      || (rest.substr(0, scheme) != "postgres" && rest.substr(0, scheme) != "postgresql"))
    return expected();
  else
    rest.remove_prefix(scheme + 3);
  auto parsed = address{};
  auto options = std::string_view{};
  if (const auto mark = rest.find('?'); mark != std::string_view::npos) {
    options = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  // The last @: a password may hold one that nobody encoded.
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    const auto user = rest.substr(0, at);
    if (const auto colon = user.find(':'); colon != std::string_view::npos)
      keep_secret(parsed, user.substr(colon + 1));
    rest.remove_prefix(at + 1);
  }
  if (rest.find_first_of(" \t\r\n") != std::string_view::npos)
    return expected();
  parsed.shown = "postgres://" + std::string{rest};
  const auto has = [&](std::string_view name) {
    return ('&' + std::string{options}).find('&' + std::string{name} + '=') != std::string::npos;
  };
  for (std::size_t at = 0; at < options.size();) {
    const auto end = std::min(options.find('&', at), options.size());
    const auto option = options.substr(at, end - at);
    if (option.starts_with("password=") || option.starts_with("sslpassword="))
      keep_secret(parsed, option.substr(option.find('=') + 1));
    at = end + 1;
  }
  parsed.complete = text;
  auto add = [&, first = options.empty()](std::string_view name, const std::string& value) mutable {
    if (has(name))
      return;
    const auto open = parsed.complete.find('?') == std::string::npos;
    parsed.complete += (open ? "?" : first ? "" : "&") + std::string{name} + '=' + value;
    first = false;
  };
  if (!password.empty() && parsed.secrets.empty()) {
    const auto encoded = percent_encoded(password);
    keep_secret(parsed, encoded);
    add("password", encoded);
  }
  // libpq counts whole seconds and takes 1 for 2.
  add("connect_timeout", std::to_string(std::max<std::int64_t>(2, (connect_timeout.count() + 999) / 1000)));
  // A peer whose machine died sends no FIN: without these a call would wait for the kernel's two hours.
  add("keepalives_idle", "10");
  add("keepalives_interval", "5");
  add("keepalives_count", "3");
  add("tcp_user_timeout", "20000");
  add("application_name", "troupe");
  return parsed;
}

std::string redact(std::string message, const address& from) {
  for (const auto& secret : from.secrets)
    for (auto at = message.find(secret); at != std::string::npos; at = message.find(secret, at + 3))
      message.replace(at, secret.size(), "***");
  return message;
}

} // namespace troupe::storage::postgres
