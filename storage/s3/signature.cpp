#include "storage/s3/signature.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fmt/core.h>
#include <map>
#include <vector>

namespace troupe::storage::s3 {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::string lower(std::string_view text) {
  auto out = std::string{text};
  std::transform(
    out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

/// Without white space at the ends, and one space for each run of them within.
std::string folded(std::string_view value) {
  auto out = std::string{};
  auto gap = false;
  for (const auto c : value) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      gap = !out.empty();
      continue;
    }
    if (gap)
      out.push_back(' ');
    gap = false;
    out.push_back(c);
  }
  return out;
}

std::string scope_of(std::string_view date, const signing_scope& scope) {
  return fmt::format("{}/{}/{}/aws4_request", date.substr(0, 8), scope.region, scope.service);
}

std::string signature_of(const signed_request& request, std::string_view signed_headers, std::string_view payload_hash,
  std::string_view secret, std::string_view date, const signing_scope& scope) {
  const auto text = string_to_sign(canonical_request(request, signed_headers, payload_hash), date, scope);
  return to_hex(as_text(hmac_sha256(as_text(signing_key(secret, date, scope)), text)));
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

} // namespace

std::string uri_encode(std::string_view text, bool keep_slash) {
  constexpr auto digits = std::string_view{"0123456789ABCDEF"};
  auto out = std::string{};
  out.reserve(text.size() * 2);
  for (const auto c : text) {
    const auto unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'
                            || c == '.' || c == '_' || c == '~';
    if (unreserved || (c == '/' && keep_slash)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
  }
  return out;
}

std::optional<std::string> uri_decode(std::string_view text) {
  auto out = std::string{};
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
      return std::nullopt;
    out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
    i += 2;
  }
  return out;
}

std::string query_string(const fields& query) {
  auto out = std::string{};
  for (const auto& [name, value] : query) {
    if (!out.empty())
      out.push_back('&');
    out += fmt::format("{}={}", uri_encode(name, false), uri_encode(value, false));
  }
  return out;
}

std::string canonical_query(const fields& query) {
  auto encoded = fields{};
  for (const auto& [name, value] : query)
    encoded.emplace_back(uri_encode(name, false), uri_encode(value, false));
  std::sort(encoded.begin(), encoded.end());
  auto out = std::string{};
  for (const auto& [name, value] : encoded) {
    if (!out.empty())
      out.push_back('&');
    out.append(name).append("=").append(value);
  }
  return out;
}

std::optional<fields> parse_query(std::string_view encoded) {
  auto out = fields{};
  for (std::size_t start = 0; start < encoded.size();) {
    const auto end = std::min(encoded.find('&', start), encoded.size());
    const auto equals = std::min(encoded.find('=', start), end);
    auto name = uri_decode(encoded.substr(start, equals - start));
    auto value = equals < end ? uri_decode(encoded.substr(equals + 1, end - equals - 1)) : std::string{};
    if (!name || !value)
      return std::nullopt;
    if (end > start)
      out.emplace_back(std::move(*name), std::move(*value));
    start = end + 1;
  }
  return out;
}

std::string amz_date(std::int64_t unix_seconds) {
  const auto time = static_cast<std::time_t>(unix_seconds);
  auto parts = std::tm{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts)};
}

std::optional<std::int64_t> parse_amz_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z')
    return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t digits) {
    auto out = -1;
    const auto* end = text.data() + at + digits;
    const auto [stopped, trouble] = std::from_chars(text.data() + at, end, out);
    return trouble == std::errc{} && stopped == end ? out : -1;
  };
  auto parts = std::tm{};
  parts.tm_year = number(0, 4) - 1900;
  parts.tm_mon = number(4, 2) - 1;
  parts.tm_mday = number(6, 2);
  parts.tm_hour = number(9, 2);
  parts.tm_min = number(11, 2);
  parts.tm_sec = number(13, 2);
  const auto seconds = static_cast<std::int64_t>(::timegm(&parts));
  // What is not a date (month 13, or no digits) does not come back as it was.
  return amz_date(seconds) == text ? std::optional{seconds} : std::nullopt;
}

std::string header_names(const fields& headers) {
  auto names = std::vector<std::string>{};
  for (const auto& each : headers)
    names.push_back(lower(each.first));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  auto out = std::string{};
  for (const auto& each : names)
    out += (out.empty() ? "" : ";") + each;
  return out;
}

std::string canonical_request(
  const signed_request& request, std::string_view signed_headers, std::string_view payload_hash) {
  auto values = std::map<std::string, std::string>{};
  for (const auto& [name, value] : request.headers) {
    const auto [place, is_new] = values.try_emplace(lower(name), folded(value));
    if (!is_new)
      place->second += "," + folded(value);
  }
  auto out = request.method + "\n" + uri_encode(request.path, true) + "\n" + canonical_query(request.query) + "\n";
  for (auto rest = signed_headers; !rest.empty();) {
    const auto end = std::min(rest.find(';'), rest.size());
    const auto name = std::string{rest.substr(0, end)};
    rest.remove_prefix(std::min(end + 1, rest.size()));
    out += name + ":" + values[name] + "\n";
  }
  return out + "\n" + std::string{signed_headers} + "\n" + std::string{payload_hash};
}

std::string string_to_sign(std::string_view canonical, std::string_view date, const signing_scope& scope) {
  return fmt::format("{}\n{}\n{}\n{}", algorithm, date, scope_of(date, scope), to_hex(as_text(sha256(canonical))));
}

sha256_bytes signing_key(std::string_view secret_access_key, std::string_view date, const signing_scope& scope) {
  auto key = hmac_sha256("AWS4" + std::string{secret_access_key}, date.substr(0, 8));
  for (const auto part :
    {std::string_view{scope.region}, std::string_view{scope.service}, std::string_view{"aws4_request"}})
    key = hmac_sha256(as_text(key), part);
  return key;
}

void sign_headers(signed_request& request, std::string_view payload_hash, const credentials& who,
  const signing_scope& scope, std::int64_t now_s) {
  const auto date = amz_date(now_s);
  request.headers.emplace_back("X-Amz-Date", date);
  if (!who.session_token.empty())
    request.headers.emplace_back("X-Amz-Security-Token", who.session_token);
  const auto names = header_names(request.headers);
  const auto signature = signature_of(request, names, payload_hash, who.secret_access_key, date, scope);
  request.headers.emplace_back(
    "Authorization", fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", algorithm, who.access_key_id,
                       scope_of(date, scope), names, signature));
}

void sign_query(signed_request& request, std::string_view payload_hash, std::chrono::seconds expires,
  const credentials& who, const signing_scope& scope, std::int64_t now_s) {
  const auto date = amz_date(now_s);
  const auto names = header_names(request.headers);
  request.query.emplace_back("X-Amz-Algorithm", algorithm);
  request.query.emplace_back("X-Amz-Credential", who.access_key_id + "/" + scope_of(date, scope));
  request.query.emplace_back("X-Amz-Date", date);
  request.query.emplace_back("X-Amz-Expires", std::to_string(expires.count()));
  request.query.emplace_back("X-Amz-SignedHeaders", names);
  if (!who.session_token.empty())
    request.query.emplace_back("X-Amz-Security-Token", who.session_token);
  request.query.emplace_back(
    "X-Amz-Signature", signature_of(request, names, payload_hash, who.secret_access_key, date, scope));
}

} // namespace troupe::storage::s3
