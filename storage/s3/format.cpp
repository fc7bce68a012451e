#include "storage/s3/format.hpp"

#include "storage/s3/signature.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <openssl/evp.h>
#include <pugixml.hpp>

namespace troupe::storage::s3 {
namespace {

constexpr std::string_view custom_prefix = "x-amz-meta-";
constexpr std::string_view names_field = "x-amz-meta-troupe-names";
constexpr std::string_view word_start = "=?UTF-8?B?";
constexpr std::string_view word_end = "?=";

std::string lower(std::string_view text) {
  auto out = std::string{text};
  std::transform(
    out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

const unsigned char* raw(std::string_view text) noexcept {
  return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}

/// RFC 2047, section 4.1. Values that look like a word already become one, so that they come back as they were.
std::string to_word(std::string_view value) {
  const auto plain = std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (plain && value.find("=?") == std::string_view::npos)
    return std::string{value};
  auto encoded = std::string((value.size() + 2) / 3 * 4 + 1, '\0');
  const auto length = EVP_EncodeBlock(
    static_cast<unsigned char*>(static_cast<void*>(encoded.data())), raw(value), static_cast<int>(value.size()));
  encoded.resize(static_cast<std::size_t>(length));
  return std::string{word_start} + encoded + std::string{word_end};
}

std::string from_word(std::string_view value) {
  if (!value.starts_with(word_start) || !value.ends_with(word_end) || value.size() < 12)
    return std::string{value};
  const auto encoded = value.substr(word_start.size(), value.size() - word_start.size() - word_end.size());
  auto out = std::string(encoded.size() / 4 * 3, '\0');
  const auto length = EVP_DecodeBlock(
    static_cast<unsigned char*>(static_cast<void*>(out.data())), raw(encoded), static_cast<int>(encoded.size()));
  if (length < 0)
    return std::string{value};
  const auto padding = static_cast<std::size_t>(std::count(encoded.begin(), encoded.end(), '='));
  out.resize(static_cast<std::size_t>(length) - std::min(padding, static_cast<std::size_t>(length)));
  return out;
}

std::int64_t to_number(std::string_view text, std::int64_t otherwise = 0) {
  auto out = std::int64_t{0};
  const auto [stopped, trouble] = std::from_chars(text.data(), text.data() + text.size(), out);
  return trouble == std::errc{} && stopped == text.data() + text.size() ? out : otherwise;
}

/// Unix time in milliseconds, by strptime's format; fractions of a second are left out. 0 when it is no such time.
std::int64_t to_ms(const std::string& text, const char* format) {
  auto parts = std::tm{};
  return ::strptime(text.c_str(), format, &parts) != nullptr ? std::int64_t{::timegm(&parts)} * 1000 : 0;
}

/// Gives custom metadata the capitals that the field of names keeps.
void restore_case(fields& custom, std::string_view names) {
  while (!names.empty()) {
    const auto end = std::min(names.find(','), names.size());
    const auto name = names.substr(0, end);
    names.remove_prefix(std::min(end + 1, names.size()));
    for (auto& each : custom)
      if (each.first == lower(name))
        each.first = name;
  }
}

/// A key or prefix of a list, which is percent-encoded when the list says so (and then has + for a space).
std::string decoded(std::string text, bool encoded) {
  if (!encoded)
    return text;
  std::replace(text.begin(), text.end(), '+', ' ');
  auto out = uri_decode(text);
  return out ? std::move(*out) : text;
}

} // namespace

fields to_headers(const put_options& options) {
  auto out = fields{};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty())
      out.emplace_back(name, value);
  };
  add("Content-Type", options.http.content_type);
  add("Cache-Control", options.http.cache_control);
  add("Content-Disposition", options.http.content_disposition);
  add("Content-Encoding", options.http.content_encoding);
  add("Content-Language", options.http.content_language);
  auto names = std::string{};
  for (const auto& [name, value] : options.custom) {
    out.emplace_back(std::string{custom_prefix} + lower(name), to_word(value));
    if (lower(name) != name)
      names += (names.empty() ? "" : ",") + name;
  }
  add(names_field.data(), names);
  return out;
}

object_info from_headers(std::string_view key, const fields& headers) {
  auto out = object_info{};
  out.key = key;
  auto names = std::string_view{};
  for (const auto& [name, value] : headers) {
    if (name == "content-length")
      out.size = to_number(value);
    else if (name == "etag")
      out.etag = unquoted(value);
    else if (name == "last-modified")
      out.modified_ms = to_ms(value, "%a, %d %b %Y %H:%M:%S GMT"); // RFC 9110 5.6.7
    else if (name == "content-type")
      out.http.content_type = value;
    else if (name == "cache-control")
      out.http.cache_control = value;
    else if (name == "content-disposition")
      out.http.content_disposition = value;
    else if (name == "content-encoding")
      out.http.content_encoding = value;
    else if (name == "content-language")
      out.http.content_language = value;
    else if (name == names_field)
      names = value;
    else if (name.starts_with(custom_prefix))
      out.custom.emplace_back(name.substr(custom_prefix.size()), from_word(value));
  }
  for (const auto& [name, value] : headers) // a part's content-length is not the object's size
    if (const auto range = name == "content-range" ? parse_content_range(value) : std::nullopt)
      out.size = range->size;
  restore_case(out.custom, names);
  std::sort(out.custom.begin(), out.custom.end());
  return out;
}

std::string unquoted(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    etag = etag.substr(1, etag.size() - 2);
  return std::string{etag};
}

std::optional<content_range> parse_content_range(std::string_view text) {
  constexpr auto unit = std::string_view{"bytes "};
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  if (!text.starts_with(unit) || dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
    return std::nullopt;
  const auto out = content_range{to_number(text.substr(unit.size(), dash - unit.size()), -1),
    to_number(text.substr(dash + 1, slash - dash - 1), -1), to_number(text.substr(slash + 1), -1)};
  return out.first >= 0 && out.last >= out.first && out.size > out.last ? std::optional{out} : std::nullopt;
}

std::optional<object_list> parse_list(std::string_view xml) {
  auto document = pugi::xml_document{};
  if (!document.load_buffer(xml.data(), xml.size(), pugi::parse_default | pugi::parse_ws_pcdata_single))
    return std::nullopt;
  const auto root = document.child("ListBucketResult");
  if (!root)
    return std::nullopt;
  const auto encoded = std::string_view{root.child_value("EncodingType")} == "url";
  auto out = object_list{};
  for (const auto& each : root.children("Contents")) {
    auto info = object_info{};
    info.key = decoded(each.child_value("Key"), encoded);
    info.size = to_number(each.child_value("Size"));
    info.etag = unquoted(each.child_value("ETag"));
    info.modified_ms = to_ms(each.child_value("LastModified"), "%Y-%m-%dT%H:%M:%S");
    out.objects.push_back(std::move(info));
  }
  for (const auto& each : root.children("CommonPrefixes"))
    out.common_prefixes.push_back(decoded(each.child_value("Prefix"), encoded));
  if (std::string_view{root.child_value("IsTruncated")} == "true")
    out.cursor = root.child_value("NextContinuationToken");
  return out;
}

s3_error parse_error(std::string_view xml) {
  auto document = pugi::xml_document{};
  if (!document.load_buffer(xml.data(), xml.size()))
    return {};
  const auto root = document.child("Error");
  return {root.child_value("Code"), root.child_value("Message")};
}

std::string root_text(std::string_view xml, std::string_view element) {
  auto document = pugi::xml_document{};
  if (!document.load_buffer(xml.data(), xml.size()))
    return {};
  return document.document_element().child_value(std::string{element}.c_str());
}

std::string complete_upload(const std::vector<std::string>& etags) {
  auto out = std::string{"<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"};
  for (std::size_t i = 0; i < etags.size(); ++i)
    out +=
      "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>&quot;" + etags[i] + "&quot;</ETag></Part>";
  return out + "</CompleteMultipartUpload>";
}

} // namespace troupe::storage::s3
