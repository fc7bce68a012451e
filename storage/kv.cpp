#include "storage/kv.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <unordered_map>

namespace troupe::storage {
namespace {

auto refuse(std::string_view field, std::string_view expected, const std::string& got) {
  return fail(ec::bad_request, std::string{field} + ": expected " + std::string{expected} + ", got " + got);
}

result<void> check_size(std::string_view field, std::size_t size, std::size_t least, std::size_t most) {
  if (size >= least && size <= most)
    return ok();
  return refuse(field, (least > 0 ? std::to_string(least) + " to " : "at most ") + std::to_string(most) + " bytes",
    std::to_string(size));
}

result<void> check_space(std::string_view space) {
  // It is text in every back-end, and PostgreSQL's text holds no NUL.
  if (space.find('\0') != std::string_view::npos)
    return refuse("namespace", "a text without NUL bytes", "one");
  return check_size("namespace", space.size(), 1, kv_limits::namespace_bytes);
}

constexpr std::ptrdiff_t offset(std::size_t n) {
  return static_cast<std::ptrdiff_t>(n);
}

result<void> check_key(std::string_view key) {
  return check_size("key", key.size(), 1, kv_limits::key_bytes);
}

result<void> check_place(std::string_view space, std::string_view key) {
  if (auto good = check_space(space); !good)
    return good;
  return check_key(key);
}

/// When a write expires: `never` without TTL and expiry.
result<std::int64_t> expiry(
  std::optional<std::int64_t> ttl_ms, std::optional<std::int64_t> expires_ms, std::int64_t now_ms) {
  constexpr auto latest = std::numeric_limits<std::int64_t>::max();
  if (ttl_ms && expires_ms)
    return refuse("expiry", "a TTL or a time", "both");
  if (ttl_ms) {
    if (*ttl_ms <= 0)
      return refuse("ttl", "more than 0 ms", std::to_string(*ttl_ms));
    return *ttl_ms > latest - now_ms ? latest : now_ms + *ttl_ms;
  }
  if (expires_ms && *expires_ms <= now_ms)
    return refuse(
      "expiry", "a time after " + std::to_string(now_ms) + " (now in Unix ms)", std::to_string(*expires_ms));
  return expires_ms.value_or(latest);
}

result<std::int64_t> check_write(const kv_write& what, std::int64_t now_ms) {
  if (auto good = check_key(what.key); !good)
    return good.as_failure();
  if (auto good = check_size("value", what.value.view().size(), 0, kv_limits::value_bytes); !good)
    return good.as_failure();
  if (auto good = check_size("metadata", what.metadata.size(), 0, kv_limits::metadata_bytes); !good)
    return good.as_failure();
  if (what.metadata.find('\0') != std::string::npos)
    return refuse("metadata", "a text without NUL bytes", "one");
  return expiry(what.ttl_ms, what.expires_ms, now_ms);
}

result<void> check_count(std::size_t count) {
  if (count <= kv_limits::bulk_keys)
    return ok();
  return refuse("bulk", "at most " + std::to_string(kv_limits::bulk_keys) + " keys", std::to_string(count));
}

/// What is wrong with one of many names its place.
template <class Failed>
auto at_place(const Failed& failed, std::size_t index) {
  return fail(failed.error().code, "item " + std::to_string(index + 1) + ": " + failed.error().message);
}

result<void> check_keys(std::string_view space, const std::vector<std::string>& keys) {
  if (auto good = check_space(space); !good)
    return good;
  if (auto good = check_count(keys.size()); !good)
    return good;
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (auto good = check_key(keys[i]); !good)
      return at_place(good, i);
  return ok();
}

} // namespace

std::optional<std::int64_t> canonical_number(std::string_view text) noexcept {
  auto number = std::int64_t{0};
  const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (trouble != std::errc{} || end != text.data() + text.size())
    return {};
  const auto digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.starts_with('0') && text != "0")
    return {};
  return number;
}

error kv::not_addable() {
  return {ec::bad_request, "value: expected a whole number whose sum fits 64 bits"};
}

result<std::optional<kv_entry>> kv::get(std::string_view space, std::string_view key, std::int64_t now_ms) {
  if (auto good = check_place(space, key); !good)
    return good.as_failure();
  return do_get(space, key, now_ms);
}

result<std::int64_t> kv::put(std::string_view space, const kv_write& what, std::int64_t now_ms) {
  if (auto good = check_space(space); !good)
    return good.as_failure();
  const auto expires = check_write(what, now_ms);
  if (!expires)
    return expires.as_failure();
  return do_put(space, {what.key, &what.value, what.metadata, expires.value()}, now_ms);
}

result<void> kv::erase(std::string_view space, std::string_view key) {
  if (auto good = check_place(space, key); !good)
    return good;
  return do_erase(space, key);
}

result<kv_page> kv::list(std::string_view space, const kv_query& what, std::int64_t now_ms) {
  if (auto good = check_space(space); !good)
    return good.as_failure();
  for (const auto& [field, text] : {std::pair{"prefix", &what.prefix}, std::pair{"cursor", &what.cursor}})
    if (auto good = check_size(field, text->size(), 0, kv_limits::key_bytes); !good)
      return good.as_failure();
  if (what.limit < 1 || what.limit > kv_limits::page_keys)
    return refuse("limit", "1 to " + std::to_string(kv_limits::page_keys), std::to_string(what.limit));
  // One more than asked for tells whether anything follows.
  auto names = do_list(space, what.prefix, what.cursor, what.limit + 1, now_ms);
  if (!names)
    return names.as_failure();
  auto page = kv_page{std::move(names.value()), {}, true};
  if (page.names.size() > what.limit) {
    page.names.resize(what.limit);
    page.cursor = page.names.back().key;
    page.complete = false;
  }
  return page;
}

result<std::vector<std::optional<kv_entry>>> kv::get_many(
  std::string_view space, const std::vector<std::string>& keys, std::int64_t now_ms) {
  if (auto good = check_keys(space, keys); !good)
    return good.as_failure();
  auto found = std::vector<std::optional<kv_entry>>{};
  found.reserve(keys.size());
  auto bytes = std::size_t{0};
  for (std::size_t from = 0; from < keys.size(); from += kv_limits::keys_at_once) {
    const auto to = std::min(from + kv_limits::keys_at_once, keys.size());
    auto part = do_get_many(space, {keys.begin() + offset(from), keys.begin() + offset(to)}, now_ms);
    if (!part)
      return part.as_failure();
    for (auto& each : part.value()) {
      bytes += each ? each->value.view().size() + each->metadata.size() : 0;
      found.push_back(std::move(each));
    }
    if (bytes > kv_limits::bulk_bytes)
      return fail(ec::answer_too_large, "values: expected at most " + std::to_string(kv_limits::bulk_bytes)
                                          + " bytes together, got more with key " + std::to_string(to)
                                          + "; ask for fewer keys at once");
  }
  return found;
}

result<void> kv::put_many(std::string_view space, const std::vector<kv_write>& writes, std::int64_t now_ms) {
  if (auto good = check_space(space); !good)
    return good;
  if (auto good = check_count(writes.size()); !good)
    return good;
  auto bytes = std::size_t{0};
  auto checked = std::vector<checked_write>{};
  auto place = std::unordered_map<std::string_view, std::size_t>{};
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const auto& each = writes[i];
    const auto expires = check_write(each, now_ms);
    if (!expires)
      return at_place(expires, i);
    bytes += each.key.size() + each.value.view().size() + each.metadata.size();
    const auto write = checked_write{each.key, &each.value, each.metadata, expires.value()};
    if (const auto [known, fresh] = place.emplace(each.key, checked.size()); fresh)
      checked.push_back(write);
    else
      checked[known->second] = write;
  }
  if (auto good = check_size("bulk", bytes, 0, kv_limits::bulk_bytes); !good)
    return good;
  return checked.empty() ? result<void>{ok()} : do_put_many(space, checked, now_ms);
}

result<void> kv::erase_many(std::string_view space, const std::vector<std::string>& keys) {
  if (auto good = check_keys(space, keys); !good)
    return good;
  return keys.empty() ? result<void>{ok()} : do_erase_many(space, keys);
}

result<std::optional<std::int64_t>> kv::compare_and_set(
  std::string_view space, const kv_write& what, std::int64_t expected, std::int64_t now_ms) {
  if (auto good = check_space(space); !good)
    return good.as_failure();
  const auto expires = check_write(what, now_ms);
  if (!expires)
    return expires.as_failure();
  return do_compare_and_set(space, {what.key, &what.value, what.metadata, expires.value()}, expected, now_ms);
}

result<std::int64_t> kv::add(std::string_view space, std::string_view key, std::int64_t delta, std::int64_t now_ms,
  std::optional<std::int64_t> ttl_ms) {
  if (auto good = check_place(space, key); !good)
    return good.as_failure();
  const auto expires = expiry(ttl_ms, {}, now_ms);
  if (!expires)
    return expires.as_failure();
  return do_add(space, key, delta, now_ms, expires.value());
}

result<std::int64_t> kv::sweep(std::int64_t now_ms, std::int64_t limit) {
  if (limit < 1)
    return refuse("limit", "1 or more", std::to_string(limit));
  return do_sweep(now_ms, limit);
}

} // namespace troupe::storage
