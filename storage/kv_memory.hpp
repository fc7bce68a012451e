// Key-value storage in memory: for tests, and for a node without a disk. It forgets everything when it ends.
#pragma once

#include "storage/kv.hpp"

#include <map>
#include <set>

namespace troupe::storage {

class kv_memory final : public kv {
private:
  struct held {
    blob value;
    std::string metadata;
    std::int64_t expires_ms = never;
    std::int64_t version = 0;
  };
  using entries = std::map<std::string, held, std::less<>>;
  using place = std::pair<std::string, std::string>; // namespace and key

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

  entries& of(std::string_view space);
  held* live(std::string_view space, std::string_view key, std::int64_t now_ms);
  std::int64_t store(std::string_view space, std::string_view key, held what);

  std::map<std::string, entries, std::less<>> spaces_;
  std::set<std::pair<std::int64_t, place>> by_expiry_; // those that do expire
  std::int64_t versions_ = 0;
};

} // namespace troupe::storage
