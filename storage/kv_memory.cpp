#include "storage/kv_memory.hpp"

namespace troupe::storage {

kv_memory::entries& kv_memory::of(std::string_view space) {
  if (const auto found = spaces_.find(space); found != spaces_.end())
    return found->second;
  return spaces_.emplace(std::string{space}, entries{}).first->second;
}

kv_memory::held* kv_memory::live(std::string_view space, std::string_view key, std::int64_t now_ms) {
  auto& all = of(space);
  const auto found = all.find(key);
  return found != all.end() && found->second.expires_ms > now_ms ? &found->second : nullptr;
}

std::int64_t kv_memory::store(std::string_view space, std::string_view key, held what) {
  auto& all = of(space);
  auto found = all.find(key);
  if (found == all.end())
    found = all.emplace(std::string{key}, held{}).first;
  else
    by_expiry_.erase({found->second.expires_ms, {std::string{space}, std::string{key}}});
  if (what.expires_ms != never)
    by_expiry_.insert({what.expires_ms, {std::string{space}, std::string{key}}});
  what.version = ++versions_;
  found->second = std::move(what);
  return versions_;
}

result<std::optional<kv_entry>> kv_memory::do_get(std::string_view space, std::string_view key, std::int64_t now_ms) {
  const auto* found = live(space, key, now_ms);
  if (found == nullptr)
    return std::optional<kv_entry>{};
  return std::optional{kv_entry{found->value, found->metadata, shown(found->expires_ms), found->version}};
}

result<std::int64_t> kv_memory::do_put(std::string_view space, const checked_write& what, std::int64_t /*now_ms*/) {
  return store(space, what.key, {*what.value, std::string{what.metadata}, what.expires_ms, 0});
}

result<void> kv_memory::do_erase(std::string_view space, std::string_view key) {
  auto& all = of(space);
  if (const auto found = all.find(key); found != all.end()) {
    by_expiry_.erase({found->second.expires_ms, {std::string{space}, std::string{key}}});
    all.erase(found);
  }
  return ok();
}

result<std::vector<kv_name>> kv_memory::do_list(
  std::string_view space, std::string_view prefix, std::string_view after, std::size_t limit, std::int64_t now_ms) {
  auto names = std::vector<kv_name>{};
  const auto& all = of(space);
  for (auto at = after < prefix ? all.lower_bound(prefix) : all.upper_bound(after);
       at != all.end() && names.size() < limit && at->first.starts_with(prefix); ++at)
    if (at->second.expires_ms > now_ms)
      names.push_back({at->first, at->second.metadata, shown(at->second.expires_ms)});
  return names;
}

result<std::vector<std::optional<kv_entry>>> kv_memory::do_get_many(
  std::string_view space, const std::vector<std::string>& keys, std::int64_t now_ms) {
  auto found = std::vector<std::optional<kv_entry>>{};
  for (const auto& key : keys)
    found.push_back(std::move(do_get(space, key, now_ms).value()));
  return found;
}

result<void> kv_memory::do_put_many(
  std::string_view space, const std::vector<checked_write>& writes, std::int64_t /*now_ms*/) {
  for (const auto& each : writes)
    store(space, each.key, {*each.value, std::string{each.metadata}, each.expires_ms, 0});
  return ok();
}

result<void> kv_memory::do_erase_many(std::string_view space, const std::vector<std::string>& keys) {
  for (const auto& key : keys)
    if (auto done = do_erase(space, key); !done)
      return done;
  return ok();
}

result<std::optional<std::int64_t>> kv_memory::do_compare_and_set(
  std::string_view space, const checked_write& what, std::int64_t expected, std::int64_t now_ms) {
  const auto* found = live(space, what.key, now_ms);
  if ((found != nullptr ? found->version : 0) != expected)
    return std::optional<std::int64_t>{};
  return std::optional{store(space, what.key, {*what.value, std::string{what.metadata}, what.expires_ms, 0})};
}

result<std::int64_t> kv_memory::do_add(
  std::string_view space, std::string_view key, std::int64_t delta, std::int64_t now_ms, std::int64_t expires_ms) {
  const auto* found = live(space, key, now_ms);
  auto next = found != nullptr ? *found : held{{}, {}, expires_ms, 0};
  const auto before = found != nullptr ? canonical_number(found->value.view()) : std::optional<std::int64_t>{0};
  auto sum = std::int64_t{0};
  if (!before || __builtin_add_overflow(*before, delta, &sum))
    return boost::outcome_v2::failure(not_addable());
  next.value = blob{std::to_string(sum)};
  store(space, key, std::move(next));
  return sum;
}

result<std::int64_t> kv_memory::do_sweep(std::int64_t now_ms, std::int64_t limit) {
  auto swept = std::int64_t{0};
  while (swept < limit && !by_expiry_.empty() && by_expiry_.begin()->first <= now_ms) {
    const auto& [space, key] = by_expiry_.begin()->second;
    auto& all = of(space);
    all.erase(all.find(key));
    by_expiry_.erase(by_expiry_.begin());
    ++swept;
  }
  return swept;
}

} // namespace troupe::storage
