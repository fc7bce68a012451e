// One connection to one SQLite file: the embedded back-end of `sql`.
//
// Invariants: the file is in WAL mode, so readers on their own connections never wait for the writer. Foreign keys
// hold. Callers can neither begin nor end transactions, attach other files, change settings (PRAGMA) nor load
// extensions: the connection's authorizer refuses such statements, so a batch cannot be broken open from within.
// Opening reports a file that cannot serve (corrupt, locked, not writable) as one line that names it, instead of
// failing at the first query.
#pragma once

#include "storage/sql.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace troupe::storage::sqlite {

/// When a commit is on the disk. `normal` may lose the last transactions when the machine (not the process) dies, and
/// is for what a provider can give again; `full` is for what was acknowledged to a user. Neither corrupts the file.
enum class durability : std::uint8_t { normal, full };

struct options {
  /// The file; made when it is missing, unless read_only. Its directory must exist (prepare_directory).
  std::string path;
  /// A reader's connection: every write fails. The file must exist.
  bool read_only = false;
  durability sync = durability::normal;
  /// How long a statement waits for another process's lock. 5 s outlasts any transaction of ours and a checkpoint.
  std::chrono::milliseconds busy_timeout{5000};
  /// A caller's statement that takes longer is stopped (`each`: between two rows), as PostgreSQL's.
  std::chrono::milliseconds statement_timeout{30000};
  /// Prepared statements kept; Troupe has about 30, user databases bring their own.
  std::size_t cached_statements = 64;
  /// A file up to this size is checked whole (PRAGMA quick_check) at opening: about 25 ms at 8 MiB, and start-up has
  /// 150 ms. In a larger one only the header and the schema are read then; a corrupt page is found when it is read.
  std::int64_t check_up_to_bytes = 8 << 20;
};

class database final : public schema_sql {
public:
  /// Fails with ec::storage_unusable and one line that names the file.
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

  /// How many transactions that held the write lock this connection has committed. For metrics and tests.
  [[nodiscard]] std::int64_t commits() const noexcept;

  /// How many prepared statements are cached now.
  [[nodiscard]] std::size_t cached_statements() const noexcept;

private:
  struct connection;
  explicit database(std::unique_ptr<connection> opened) noexcept;

  std::unique_ptr<connection> connection_;
};

} // namespace troupe::storage::sqlite
