#include "storage/kv_strict.hpp"

namespace troupe::storage {
namespace {

std::string place(std::string_view space, std::string_view key) {
  auto text = std::string{space};
  text += '\0'; // a namespace holds none
  return text.append(key);
}

} // namespace

result<void> kv_strict::allowed(
  std::string_view space, std::string_view key, std::int64_t expires_ms, std::int64_t now_ms) {
  if (expires_ms != never && expires_ms - now_ms < shortest_ttl_ms)
    return fail(ec::bad_request, "ttl: expected 60000 ms or more, got " + std::to_string(expires_ms - now_ms));
  while (!order_.empty() && order_.front().first + between_writes_ms <= now_ms) {
    const auto found = written_ms_.find(order_.front().second);
    if (found != written_ms_.end() && found->second == order_.front().first)
      written_ms_.erase(found);
    order_.pop_front();
  }
  if (written_ms_.contains(place(space, key)))
    return fail(ec::client_limited, "key: expected at most one write in 1000 ms");
  return ok();
}

void kv_strict::note(std::string_view space, std::string_view key, std::int64_t now_ms) {
  auto where = place(space, key);
  order_.emplace_back(now_ms, where);
  written_ms_[std::move(where)] = now_ms;
}

result<std::optional<kv_entry>> kv_strict::do_get(std::string_view space, std::string_view key, std::int64_t now_ms) {
  return beneath_.do_get(space, key, now_ms);
}

result<std::int64_t> kv_strict::do_put(std::string_view space, const checked_write& what, std::int64_t now_ms) {
  if (auto good = allowed(space, what.key, what.expires_ms, now_ms); !good)
    return good.as_failure();
  note(space, what.key, now_ms);
  return beneath_.do_put(space, what, now_ms);
}

result<void> kv_strict::do_erase(std::string_view space, std::string_view key) {
  return beneath_.do_erase(space, key);
}

result<std::vector<kv_name>> kv_strict::do_list(
  std::string_view space, std::string_view prefix, std::string_view after, std::size_t limit, std::int64_t now_ms) {
  return beneath_.do_list(space, prefix, after, limit, now_ms);
}

result<std::vector<std::optional<kv_entry>>> kv_strict::do_get_many(
  std::string_view space, const std::vector<std::string>& keys, std::int64_t now_ms) {
  return beneath_.do_get_many(space, keys, now_ms);
}

result<void> kv_strict::do_put_many(
  std::string_view space, const std::vector<checked_write>& writes, std::int64_t now_ms) {
  for (const auto& each : writes)
    if (auto good = allowed(space, each.key, each.expires_ms, now_ms); !good)
      return good;
  for (const auto& each : writes)
    note(space, each.key, now_ms);
  return beneath_.do_put_many(space, writes, now_ms);
}

result<void> kv_strict::do_erase_many(std::string_view space, const std::vector<std::string>& keys) {
  return beneath_.do_erase_many(space, keys);
}

result<std::optional<std::int64_t>> kv_strict::do_compare_and_set(
  std::string_view space, const checked_write& what, std::int64_t expected, std::int64_t now_ms) {
  if (auto good = allowed(space, what.key, what.expires_ms, now_ms); !good)
    return good.as_failure();
  note(space, what.key, now_ms);
  return beneath_.do_compare_and_set(space, what, expected, now_ms);
}

result<std::int64_t> kv_strict::do_add(
  std::string_view space, std::string_view key, std::int64_t delta, std::int64_t now_ms, std::int64_t expires_ms) {
  if (auto good = allowed(space, key, expires_ms, now_ms); !good)
    return good.as_failure();
  note(space, key, now_ms);
  return beneath_.do_add(space, key, delta, now_ms, expires_ms);
}

result<std::int64_t> kv_strict::do_sweep(std::int64_t now_ms, std::int64_t limit) {
  return beneath_.do_sweep(now_ms, limit);
}

} // namespace troupe::storage
