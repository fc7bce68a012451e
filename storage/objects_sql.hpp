// Objects in an SQL database, written once against `sql`: the PostgreSQL back-end of `objects`, which runs on SQLite
// too. Rows of metadata (object_catalogue) and the bytes in rows of 1 MiB.
//
// A put writes its rows under a new body's id, unseen, and then becomes visible with the one statement that names the
// body: no transaction stays open while a client sends. What no object names any more (replaced, removed, or left by a
// put that died) is removed later, so that a reader can finish the body it began with.
#pragma once

#include "storage/object_catalogue.hpp"
#include "storage/objects.hpp"
#include "storage/sql.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace troupe::storage {

/// Its tables are made by the migration 0003_objects.
class objects_sql final : public objects {
public:
  /// How long a body stays that was replaced or removed: longer than a reader takes.
  static constexpr std::int64_t released_for_ms = 600'000;
  /// How long one stays that no object ever had: longer than a put takes.
  static constexpr std::int64_t unfinished_for_ms = 86'400'000;
  /// How often a put also sweeps.
  static constexpr std::int64_t sweep_every_ms = 600'000;

  /// Holds a reference: the database outlives this. Several may stand on one database, also in several processes.
  /// @param now_ms Unix time in milliseconds.
  objects_sql(sql& db, std::string bucket, std::function<std::int64_t()> now_ms);

  /// Removes the bodies that no object names and whose time is over; how many. A put does so now and then.
  [[nodiscard]] result<std::int64_t> sweep();

private:
  result<std::optional<object_info>> do_put(
    std::string_view key, const byte_source& source, const put_options& options) override;

  /// Bytes are verified in blocks of 1 MiB before the sink has them.
  result<fetched> do_get(std::string_view key, const byte_sink& sink, const get_options& options) override;
  result<std::optional<object_info>> do_head(std::string_view key) override;
  result<void> do_remove(std::string_view key) override;
  result<object_list> do_list(const list_options& options) override;

  void release(const std::string& body);

  sql& db_;
  std::function<std::int64_t()> now_ms_;
  object_catalogue catalogue_;
  std::int64_t last_sweep_ms_;
};

} // namespace troupe::storage
