#include "storage/cache_aside.hpp"

#include <charconv>

namespace troupe::storage {
namespace {

constexpr std::string_view opening = R"({"cached_at":)";
// What a claim has for metadata; a value's begins with a brace.
constexpr std::string_view claim = "claim";

std::string cached_at(std::int64_t now_ms) {
  return std::string{opening} + std::to_string(now_ms) + '}';
}

std::int64_t read_cached_at(std::string_view metadata) {
  auto when = std::int64_t{0};
  if (metadata.starts_with(opening))
    std::from_chars(metadata.data() + opening.size(), metadata.data() + metadata.size(), when);
  return when;
}

} // namespace

result<cached_value> get_or_fetch(kv& cache, std::string_view space, std::string_view key,
  const std::function<result<blob>()>& fetch, std::int64_t now_ms, std::int64_t ttl_ms) {
  auto held = cache.get(space, key, now_ms);
  if (!held && held.error().code == ec::bad_request)
    return held.as_failure(); // the caller's mistake, not the cache's
  if (held && held.value())
    return cached_value{std::move(held.value()->value), true, read_cached_at(held.value()->metadata)};
  auto fresh = fetch();
  if (!fresh)
    return fresh.as_failure();
  if (held) // one that cannot be read is not asked a second time
    static_cast<void>(
      cache.put(space, {std::string{key}, fresh.value(), cached_at(now_ms), ttl_ms, {}}, now_ms).has_value());
  return cached_value{std::move(fresh.value()), false, now_ms};
}

result<std::optional<blob>> cache_aside::find(std::string_view key, std::int64_t now_ms, const reader& read) {
  const auto held = cache_.get(settings_.space, key, now_ms);
  if (held && held.value() && held.value()->metadata != claim)
    return std::optional{held.value()->value};
  auto mine = std::optional<std::int64_t>{};
  if (held && !held.value()) {
    auto claimed = cache_.compare_and_set(
      settings_.space, {std::string{key}, {}, std::string{claim}, settings_.claim_ms, {}}, 0, now_ms);
    if (claimed)
      mine = claimed.value();
  }
  auto found = read();
  if (!mine)
    return found;
  if (found && found.value())
    // Too large for the cache, or the claim is gone: then it is simply not kept.
    static_cast<void>(cache_
                        .compare_and_set(settings_.space,
                          {std::string{key}, *found.value(), cached_at(now_ms), settings_.ttl_ms, {}}, *mine, now_ms)
                        .has_value());
  // Nothing to keep: the claim ends by itself. Erasing it here could erase another's newer one.
  return found;
}

result<bool> cache_aside::save(std::string_view key, const writer& write) {
  auto written = write();
  const auto cleared = cache_.erase(settings_.space, key).has_value();
  if (!written)
    return written.as_failure();
  return cleared;
}

result<bool> cache_aside::save_through(
  std::string_view key, const blob& value, std::int64_t now_ms, const writer& write) {
  const auto claimed =
    cache_.put(settings_.space, {std::string{key}, {}, std::string{claim}, settings_.claim_ms, {}}, now_ms);
  auto written = write();
  if (written && claimed) {
    const auto kept = cache_.compare_and_set(
      settings_.space, {std::string{key}, value, cached_at(now_ms), settings_.ttl_ms, {}}, claimed.value(), now_ms);
    if (kept && kept.value())
      return true;
  }
  const auto cleared = cache_.erase(settings_.space, key).has_value();
  if (!written)
    return written.as_failure();
  return cleared;
}

} // namespace troupe::storage
