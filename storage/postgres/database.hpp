// One connection to one PostgreSQL database: the shared back-end of `sql`.
//
// Invariants: a call while the server is away fails at once and says so; it is tried again with growing waits, by the
// calls themselves, so there is no thread. A read outside of a transaction that lost its connection is sent once more;
// a write that did is not, because it may have been carried out, and its error says that nobody knows. A transaction
// ends with its connection. Callers can neither begin nor end transactions nor change the session's settings. No error
// and no name holds a credential or a parameter's value.
#pragma once

#include "storage/sql.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace troupe::storage::postgres {

struct options {
  /// postgres://user:password@host:port/database?option=value
  std::string address;
  /// For an address that holds none.
  std::string password = {};
  /// The server stops a statement that takes longer.
  std::chrono::milliseconds statement_timeout{30000};
  /// Of one attempt; libpq counts whole seconds, 2 at least.
  std::chrono::milliseconds connect_timeout{3000};
  /// The wait after the first failed attempt to connect; each next is twice as long, up to `longest_wait`.
  std::chrono::milliseconds shortest_wait{50};
  /// Writes are to resume within 2 s of the server's return.
  std::chrono::milliseconds longest_wait{1000};
  /// Prepared statements kept.
  std::size_t cached_statements = 64;
  /// How many rows `each` has in memory.
  std::size_t rows_at_once = 256;
};

class database final : public schema_sql {
public:
  /// Connects. Fails with ec::config_invalid (the address), ec::storage_unusable (the server refuses us: password, no
  /// such database) or ec::storage_failed (it is not reachable now).
  [[nodiscard]] static result<std::unique_ptr<database>> open(options settings);

  ~database() override;

  [[nodiscard]] result<std::optional<row>> first(std::string_view text, const params& bound = {}) override;
  [[nodiscard]] result<std::vector<row>> all(std::string_view text, const params& bound = {}) override;
  [[nodiscard]] result<std::int64_t> run(std::string_view text, const params& bound = {}) override;
  [[nodiscard]] result<void> each(std::string_view text, const params& bound, const visitor& visit) override;
  [[nodiscard]] result<std::vector<std::vector<row>>> read_batch(const std::vector<statement>& statements) override;
  [[nodiscard]] result<std::vector<std::int64_t>> batch(const std::vector<statement>& statements) override;

  [[nodiscard]] std::string_view name() const noexcept override;
  [[nodiscard]] std::string_view blob_type() const noexcept override;
  [[nodiscard]] result<void> exclusively(const std::function<result<void>()>& work) override;
  [[nodiscard]] result<void> script(const std::string& text) override;

  /// How often this object has connected. For metrics and tests.
  [[nodiscard]] std::int64_t connects() const noexcept;

private:
  struct connection;
  explicit database(std::unique_ptr<connection> opened) noexcept;

  std::unique_ptr<connection> connection_;
};

} // namespace troupe::storage::postgres
