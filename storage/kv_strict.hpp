// Cloudflare's rules for its KV on top of any `kv`, for clients that expect them (C-16): a TTL of 60 s at least, and
// one write a second to one key (S3-56, https://developers.cloudflare.com/kv/platform/limits/).
//
// A decorator over another store: it holds when each key was last written through it, for one second, and nothing else.
#pragma once

#include "storage/kv.hpp"

#include <deque>
#include <unordered_map>

namespace troupe::storage {

class kv_strict final : public kv {
public:
  static constexpr std::int64_t shortest_ttl_ms = 60'000;
  static constexpr std::int64_t between_writes_ms = 1'000;

  /// Holds a reference: the store beneath outlives this one. What breaks a rule fails with ec::bad_request (the TTL) or
  /// ec::client_limited (the rate), and the store beneath is not asked.
  explicit kv_strict(kv& beneath) noexcept : beneath_{beneath} {}

private:
  result<std::optional<kv_entry>> do_get(std::string_view space, std::string_view key, std::int64_t now_ms) override;
  result<std::int64_t> do_put(std::string_view space, const checked_write& what, std::int64_t now_ms) override;
  result<void> do_erase(std::string_view space, std::string_view key) override;
  result<std::vector<kv_name>> do_list(std::string_view space, std::string_view prefix, std::string_view after,
    std::size_t limit, std::int64_t now_ms) override;
  result<std::vector<std::optional<kv_entry>>> do_get_many(
    std::string_view space, const std::vector<std::string>& keys, std::int64_t now_ms) override;
  result<void> do_put_many(
    std::string_view space, const std::vector<checked_write>& writes, std::int64_t now_ms) override;
  result<void> do_erase_many(std::string_view space, const std::vector<std::string>& keys) override;
  result<std::optional<std::int64_t>> do_compare_and_set(
    std::string_view space, const checked_write& what, std::int64_t expected, std::int64_t now_ms) override;
  result<std::int64_t> do_add(std::string_view space, std::string_view key, std::int64_t delta, std::int64_t now_ms,
    std::int64_t expires_ms) override;
  result<std::int64_t> do_sweep(std::int64_t now_ms, std::int64_t limit) override;

  /// Whether a write may be made now; notes nothing yet, so that of many all are looked at first.
  [[nodiscard]] result<void> allowed(
    std::string_view space, std::string_view key, std::int64_t expires_ms, std::int64_t now_ms);
  void note(std::string_view space, std::string_view key, std::int64_t now_ms);

  kv& beneath_;
  std::unordered_map<std::string, std::int64_t> written_ms_; // by namespace and key
  std::deque<std::pair<std::int64_t, std::string>> order_;   // the same, oldest first
};

} // namespace troupe::storage
