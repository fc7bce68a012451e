// Key-value storage over SQL: written once, for SQLite and PostgreSQL alike. Its table is migration 0002.
#pragma once

#include "storage/kv.hpp"
#include "storage/sql.hpp"

namespace troupe::storage {

/// Holds a reference: the database outlives the store. It costs nothing to make, so whoever is handed a connection
/// makes one. Every operation is one statement or one batch, so that several of these, in several processes, may share
/// one table.
class kv_sql final : public kv {
public:
  explicit kv_sql(sql& db) : db_{db} {}

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

  static params columns(std::string_view space, const checked_write& what, std::int64_t version);

  sql& db_;
};

} // namespace troupe::storage
