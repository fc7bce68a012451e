#include "storage/objects.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/core.h>
#include <set>

namespace troupe::storage {
namespace {

auto bad(const std::string& text) {
  return fail(ec::bad_request, text);
}

/// The index of the first byte that is not part of well-formed UTF-8 (Unicode 15, table 3-7), or npos.
std::size_t first_bad_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
    const auto lead = byte(i);
    const auto between = [](unsigned b, unsigned low, unsigned high) { return b >= low && b <= high; };
    std::size_t length = 0;
    if (lead < 0x80)
      length = 1;
    else if (between(lead, 0xc2, 0xdf))
      length = 2;
    else if (between(lead, 0xe0, 0xef))
      length = between(byte(i + 1), lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) ? 3 : 0;
    else if (between(lead, 0xf0, 0xf4))
      length = between(byte(i + 1), lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) ? 4 : 0;
    if (length == 0)
      return i;
    for (std::size_t rest = 1; rest < length; ++rest)
      if (!between(byte(i + rest), 0x80, 0xbf))
        return i;
    i += length;
  }
  return std::string_view::npos;
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// A value that can travel in a header field: UTF-8 on one line, no white space at its ends (HTTP would drop that).
result<void> check_value(const std::string& field, std::string_view value) {
  if (const auto at = first_bad_utf8(value); at != std::string_view::npos)
    return bad(field + ": byte " + std::to_string(at) + ": expected UTF-8");
  const auto control = std::find_if(value.begin(), value.end(), is_control);
  if (control != value.end())
    return bad(
      field + ": byte " + std::to_string(control - value.begin()) + ": expected text without control characters");
  if (!value.empty() && (value.front() == ' ' || value.back() == ' '))
    return bad(field + ": expected no space at the beginning or end");
  return ok();
}

bool is_token_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
         || (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}

std::string lower(std::string_view text) {
  auto out = std::string{text};
  std::transform(out.begin(), out.end(), out.begin(),
    [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

result<void> check_custom(const fields& custom) {
  auto seen = std::set<std::string>{};
  std::size_t total = 0;
  for (std::size_t i = 0; i < custom.size(); ++i) {
    const auto& [name, value] = custom[i];
    const auto place = fmt::format("custom metadata {}", i + 1);
    if (name.empty() || name.size() > 128 || !std::all_of(name.begin(), name.end(), is_token_character))
      return bad(fmt::format("{}: name: expected 1 to 128 letters, digits or !#$%&'*+-.^_`|~", place));
    if (!seen.insert(lower(name)).second)
      return bad(fmt::format("{}: name: expected each name once (whatever its case), got {} again", place, name));
    if (auto fine = check_value(fmt::format("{} ({})", place, name), value); !fine)
      return fine;
    total += name.size() + value.size();
  }
  if (total > max_custom_metadata_bytes)
    return bad("custom metadata: expected at most " + std::to_string(max_custom_metadata_bytes)
               + " bytes of names and values together, got " + std::to_string(total));
  return ok();
}

/// An entity tag's characters (RFC 9110 8.8.3), so that it can stand between quotes.
result<void> check_etag(const std::string& field, std::string_view etag) {
  const auto fits = [](char c) { return c > 0x20 && c != '"' && c != 0x7f; };
  if (etag.size() > 256 || !std::all_of(etag.begin(), etag.end(), fits))
    return bad(field + ": expected * or one ETag without quotes, at most 256 printable ASCII characters");
  return ok();
}

result<void> check_conditions(const preconditions& only) {
  if (auto fine = check_etag("if_match", only.if_match); !fine)
    return fine;
  return check_etag("if_none_match", only.if_none_match);
}

result<void> check_key(std::string_view key) {
  if (key.empty() || key.size() > max_object_key_bytes)
    return bad(
      "key: expected 1 to " + std::to_string(max_object_key_bytes) + " bytes, got " + std::to_string(key.size()));
  if (const auto at = first_bad_utf8(key); at != std::string_view::npos)
    return bad("key: byte " + std::to_string(at) + ": expected UTF-8");
  if (const auto at = key.find('\0'); at != std::string_view::npos)
    return bad("key: byte " + std::to_string(at) + ": expected no NUL");
  return ok();
}

result<void> check(const put_options& options) {
  const auto& http = options.http;
  for (const auto& [name, value] : {std::pair{"content_type", &http.content_type},
         {"cache_control", &http.cache_control}, {"content_disposition", &http.content_disposition},
         {"content_encoding", &http.content_encoding}, {"content_language", &http.content_language}}) {
    if (value->size() > max_http_metadata_bytes)
      return bad(std::string{name} + ": expected at most " + std::to_string(max_http_metadata_bytes) + " bytes, got "
                 + std::to_string(value->size()));
    if (auto fine = check_value(name, *value); !fine)
      return fine;
    // Fields of HTTP itself have their own ways to say more (RFC 8187), which are the caller's to use.
    if (const auto at = std::find_if(value->begin(), value->end(), [](char c) { return c < 0; }); at != value->end())
      return bad(std::string{name} + ": byte " + std::to_string(at - value->begin()) + ": expected ASCII");
  }
  if (auto fine = check_custom(options.custom); !fine)
    return fine;
  const auto is_hex = [](char c) { return std::strchr("0123456789abcdefABCDEF", c) != nullptr && c != '\0'; };
  if (!options.sha256.empty()
      && (options.sha256.size() != 64 || !std::all_of(options.sha256.begin(), options.sha256.end(), is_hex)))
    return bad("sha256: expected 64 hex digits");
  return check_conditions(options.only);
}

result<void> check(const get_options& options) {
  if (options.range.first < 0)
    return bad("range.first: expected 0 or more, got " + std::to_string(options.range.first));
  if (options.range.count == 0)
    return bad("range.count: expected 1 or more, or a negative number for all that follow, got 0");
  return check_conditions(options.only);
}

result<void> check(const list_options& options) {
  for (const auto& [name, value] : {std::pair{"prefix", &options.prefix}, {"delimiter", &options.delimiter}}) {
    if (value->size() > max_object_key_bytes)
      return bad(std::string{name} + ": expected at most " + std::to_string(max_object_key_bytes) + " bytes, got "
                 + std::to_string(value->size()));
    if (const auto at = first_bad_utf8(*value); at != std::string_view::npos)
      return bad(std::string{name} + ": byte " + std::to_string(at) + ": expected UTF-8");
  }
  if (options.limit < 1 || options.limit > max_listed)
    return bad("limit: expected 1 to " + std::to_string(max_listed) + ", got " + std::to_string(options.limit));
  return ok();
}

template <class Options>
result<void> check(std::string_view key, const Options& options) {
  if (auto fine = check_key(key); !fine)
    return fine;
  return check(options);
}

} // namespace

result<byte_extent> extent_of(const byte_range& range, std::int64_t size) {
  if (range.first == 0 && range.count < 0)
    return byte_extent{0, size};
  if (range.first >= size)
    return bad("range.first: expected less than the object's " + std::to_string(size) + " bytes, got "
               + std::to_string(range.first));
  const auto rest = size - range.first;
  return byte_extent{range.first, range.count < 0 ? rest : std::min(rest, range.count)};
}

bool hold(const preconditions& only, const std::optional<std::string>& etag) noexcept {
  if (!only.if_match.empty() && (!etag || (only.if_match != "*" && only.if_match != *etag)))
    return false;
  return only.if_none_match.empty() || !etag || (only.if_none_match != "*" && only.if_none_match != *etag);
}

byte_source source_of(std::string_view body) {
  return [rest = body](std::span<char> buffer) mutable -> result<std::size_t> {
    const auto count = std::min(rest.size(), buffer.size());
    std::copy_n(rest.data(), count, buffer.data());
    rest.remove_prefix(count);
    return count;
  };
}

result<std::optional<object_info>> objects::put(
  std::string_view key, const byte_source& source, const put_options& options) {
  if (auto fine = check(key, options); !fine)
    return boost::outcome_v2::failure(fine.error());
  return do_put(key, source, options);
}

result<fetched> objects::get(std::string_view key, const byte_sink& sink, const get_options& options) {
  if (auto fine = check(key, options); !fine)
    return boost::outcome_v2::failure(fine.error());
  return do_get(key, sink, options);
}

result<std::optional<object_info>> objects::head(std::string_view key) {
  if (auto fine = check_key(key); !fine)
    return boost::outcome_v2::failure(fine.error());
  return do_head(key);
}

result<void> objects::remove(std::string_view key) {
  if (auto fine = check_key(key); !fine)
    return fine;
  return do_remove(key);
}

result<object_list> objects::list(const list_options& options) {
  if (auto fine = check(options); !fine)
    return boost::outcome_v2::failure(fine.error());
  return do_list(options);
}

result<std::string> objects::presign(presign_method method, std::string_view key, std::chrono::seconds expires) {
  if (auto fine = check_key(key); !fine)
    return boost::outcome_v2::failure(fine.error());
  if (expires < std::chrono::seconds{1} || expires > std::chrono::hours{24 * 7})
    return bad(fmt::format("expires: expected 1 to 604800 seconds, got {}", expires.count()));
  return do_presign(method, key, expires);
}

result<std::string> objects::do_presign(presign_method, std::string_view, std::chrono::seconds) {
  return bad("presign: expected a bucket on an S3 server; this one has no addresses of its own");
}

result<std::optional<whole_object>> get_whole(
  objects& from, std::string_view key, const get_options& options, std::size_t max_bytes) {
  auto body = std::string{};
  auto too_large = false;
  auto got = from.get(
    key,
    [&](const object_info& object, std::string_view bytes) {
      const auto wanted = extent_of(options.range, object.size);
      too_large = (wanted && static_cast<std::size_t>(wanted.value().count) > max_bytes)
                  || body.size() + bytes.size() > max_bytes;
      if (!too_large)
        body.append(bytes);
      return !too_large;
    },
    options);
  if (!got)
    return boost::outcome_v2::failure(got.error());
  if (too_large)
    return fail(ec::answer_too_large, "object " + std::string{key} + ": is larger than the " + std::to_string(max_bytes)
                                        + " bytes that its reader takes");
  if (got.value().how != fetch::complete)
    return std::optional<whole_object>{};
  return std::optional{whole_object{std::move(got.value().object), std::move(body)}};
}

} // namespace troupe::storage
