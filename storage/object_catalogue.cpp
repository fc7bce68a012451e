#include "storage/object_catalogue.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace troupe::storage {
namespace {

using json = nlohmann::json;

value bytes_of(std::string_view text) {
  return blob{std::string{text}};
}

std::string to_json(const object_info& info) {
  auto custom = json::array();
  for (const auto& [name, text] : info.custom)
    custom.push_back({name, text});
  const auto& http = info.http;
  return json{{"http", {http.content_type, http.cache_control, http.content_disposition, http.content_encoding,
                         http.content_language}},
    {"custom", std::move(custom)}}
    .dump();
}

/// Whether the text was metadata.
bool from_json(const std::string& text, object_info& info) {
  const auto read = json::parse(text, nullptr, false);
  if (!read.is_object() || !read.contains("http") || !read.contains("custom") || read["http"].size() != 5)
    return false;
  std::string* const http[] = {&info.http.content_type, &info.http.cache_control, &info.http.content_disposition,
    &info.http.content_encoding, &info.http.content_language};
  for (std::size_t i = 0; i < 5; ++i)
    if (const auto& each = read["http"][i]; each.is_string())
      *http[i] = each.get<std::string>();
  for (const auto& each : read["custom"]) {
    if (!each.is_array() || each.size() != 2 || !each[0].is_string() || !each[1].is_string())
      return false;
    info.custom.emplace_back(each[0].get<std::string>(), each[1].get<std::string>());
  }
  return true;
}

template <class T>
T column(const row& r, std::string_view name) {
  const auto* found = r.get<T>(name);
  return found != nullptr ? *found : T{};
}

object_info listed_info(const row& r) {
  auto info = object_info{};
  info.key = std::string{column<blob>(r, "key").view()};
  info.size = column<std::int64_t>(r, "size");
  info.etag = column<std::string>(r, "etag");
  info.modified_ms = column<std::int64_t>(r, "modified_ms");
  info.sha256 = column<std::string>(r, "sha256");
  return info;
}

/// The smallest string above every one that begins with `prefix`. UTF-8 has no byte 0xff, so the last can be counted
/// up.
std::string after_prefix(std::string prefix) {
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

/// The smallest key above this one: keys hold no NUL.
std::string after_key(std::string key) {
  key.push_back('\0');
  return key;
}

/// Where a page begins. A cursor is what the last page ended with: "k" and a key, or "p" and a common prefix.
result<std::string> first_key(const list_options& options) {
  const auto& cursor = options.cursor;
  if (cursor.empty())
    return options.prefix;
  if (cursor.size() < 2 || (cursor[0] != 'k' && cursor[0] != 'p'))
    return fail(ec::bad_request, "cursor: expected one that a list has given");
  return cursor[0] == 'k' ? after_key(cursor.substr(1)) : after_prefix(cursor.substr(1));
}

} // namespace

result<std::optional<catalogued_object>> object_catalogue::find(std::string_view key) {
  auto found = db_.first("SELECT key, body, size, etag, sha256, modified_ms, metadata, checks FROM objects"
                         " WHERE bucket = ? AND key = ?",
    {bucket_, bytes_of(key)});
  if (!found)
    return boost::outcome_v2::failure(found.error());
  if (!found.value())
    return std::optional<catalogued_object>{};
  const auto& r = *found.value();
  auto out =
    catalogued_object{listed_info(r), column<std::string>(r, "body"), std::string{column<blob>(r, "checks").view()}};
  if (!from_json(column<std::string>(r, "metadata"), out.info))
    return boost::outcome_v2::failure(damaged(key, "its metadata cannot be read"));
  return std::optional{std::move(out)};
}

result<bool> object_catalogue::put(const catalogued_object& object, const preconditions& only) {
  const auto& info = object.info;
  auto bound = params{object.body, info.size, info.etag, info.sha256, info.modified_ms, to_json(info),
    bytes_of(object.checks), bucket_, bytes_of(info.key)};
  auto text = std::string{};
  if (!only.if_match.empty()) {
    if (only.if_none_match == "*")
      return false; // some object, and no object
    text = "UPDATE objects SET body = ?, size = ?, etag = ?, sha256 = ?, modified_ms = ?, metadata = ?, checks = ?"
           " WHERE bucket = ? AND key = ?";
    if (only.if_match != "*") {
      text += " AND etag = ?";
      bound.emplace_back(only.if_match);
    }
    if (!only.if_none_match.empty()) {
      text += " AND etag <> ?";
      bound.emplace_back(only.if_none_match);
    }
  } else {
    text = "INSERT INTO objects (body, size, etag, sha256, modified_ms, metadata, checks, bucket, key)"
           " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (bucket, key) DO ";
    if (only.if_none_match == "*") {
      text += "NOTHING";
    } else {
      text += "UPDATE SET body = excluded.body, size = excluded.size, etag = excluded.etag, sha256 = excluded.sha256,"
              " modified_ms = excluded.modified_ms, metadata = excluded.metadata, checks = excluded.checks";
      if (!only.if_none_match.empty()) {
        text += " WHERE objects.etag <> ?";
        bound.emplace_back(only.if_none_match);
      }
    }
  }
  auto changed = db_.run(text, bound);
  if (!changed)
    return boost::outcome_v2::failure(changed.error());
  return changed.value() == 1;
}

result<bool> object_catalogue::remove(std::string_view key, std::string_view body) {
  auto changed = db_.run(
    "DELETE FROM objects WHERE bucket = ? AND key = ? AND body = ?", {bucket_, bytes_of(key), std::string{body}});
  if (!changed)
    return boost::outcome_v2::failure(changed.error());
  return changed.value() == 1;
}

result<object_list> object_catalogue::list(const list_options& options) {
  auto from = first_key(options);
  if (!from)
    return boost::outcome_v2::failure(from.error());
  auto bound = std::max(from.value(), options.prefix);
  auto text = std::string{"SELECT key, size, etag, sha256, modified_ms FROM objects WHERE bucket = ? AND key >= ?"};
  auto end = params{};
  if (!options.prefix.empty()) {
    text += " AND key < ?";
    end.push_back(bytes_of(after_prefix(options.prefix)));
  }
  text += " ORDER BY key LIMIT ?";

  auto page = object_list{};
  auto last = std::string{}; // the cursor behind what the page holds so far
  std::int64_t entries = 0;
  for (;;) {
    const auto wanted = options.limit - entries + 1; // one more tells whether there is a next page
    auto asked = params{bucket_, bytes_of(bound)};
    asked.insert(asked.end(), end.begin(), end.end());
    asked.emplace_back(wanted);
    auto rows = db_.all(text, asked);
    if (!rows)
      return boost::outcome_v2::failure(rows.error());
    for (const auto& each : rows.value()) {
      auto info = listed_info(each);
      if (info.key < bound)
        continue; // within the common prefix that this page has just named
      if (entries == options.limit) {
        page.cursor = std::move(last);
        return page;
      }
      const auto at =
        options.delimiter.empty() ? std::string::npos : info.key.find(options.delimiter, options.prefix.size());
      if (at == std::string::npos) {
        bound = after_key(info.key);
        last = "k" + info.key;
        page.objects.push_back(std::move(info));
      } else {
        page.common_prefixes.push_back(info.key.substr(0, at + options.delimiter.size()));
        bound = after_prefix(page.common_prefixes.back());
        last = "p" + page.common_prefixes.back();
      }
      ++entries;
    }
    if (static_cast<std::int64_t>(rows.value().size()) < wanted)
      return page;
  }
}

} // namespace troupe::storage
