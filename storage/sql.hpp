// SQL storage as the rest of Troupe sees it: prepared statements with parameters, and nothing else. Each back-end
// (SQLite, PostgreSQL) implements `sql`; one conformance suite runs against each of them.
//
// Invariants: a statement's text never holds a value, values travel as parameters. One call is one statement; text that
// holds two, or that begins or ends a transaction, is refused. An object is used by one thread at a time. Errors name
// the statement's problem and never a parameter's value, because values may be personal data.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace troupe::storage {

/// One SQL value: NULL, INTEGER, REAL, TEXT (UTF-8 without NUL bytes, or PostgreSQL would refuse it), BLOB.
/// A REAL stays a double inside storage; whoever puts one into a message bit-casts it to int64 (DESIGN.md). NaN becomes
/// NULL.
using value = std::variant<std::monostate, std::int64_t, double, std::string, blob>;

/// Parameters of one statement, in the order of its `?`.
using params = std::vector<value>;

/// A statement with its parameters. Parameters are written `?`; a back-end with another notation translates.
struct statement {
  std::string text;
  params bound;
};

/// One row of an answer. Rows of one answer share their column names.
class row {
public:
  row(std::shared_ptr<const std::vector<std::string>> columns, std::vector<value> values)
      : columns_{std::move(columns)}, values_{std::move(values)} {}

  [[nodiscard]] const std::vector<std::string>& columns() const noexcept { return *columns_; }
  [[nodiscard]] const std::vector<value>& values() const noexcept { return values_; }

  /// The value of a column, or nullptr when the answer has no such column.
  [[nodiscard]] const value* find(std::string_view column) const noexcept;

  /// The value of a column as T (std::int64_t, double, std::string, blob), or nullptr when there is no such column or
  /// it holds NULL or another type.
  template <class T>
  [[nodiscard]] const T* get(std::string_view column) const noexcept {
    const auto* found = find(column);
    return found != nullptr ? std::get_if<T>(found) : nullptr;
  }

private:
  std::shared_ptr<const std::vector<std::string>> columns_;
  std::vector<value> values_;
};

/// A database. Every call fails with ec::storage_failed, or with ec::storage_unusable when the database itself turns
/// out to be corrupt.
class sql {
public:
  sql() = default;
  sql(const sql&) = delete;
  sql& operator=(const sql&) = delete;
  virtual ~sql() = default;

  /// The first row of the answer, or none.
  [[nodiscard]] virtual result<std::optional<row>> first(std::string_view text, const params& bound = {}) = 0;

  /// Every row of the answer. It is held in memory: bound it with LIMIT.
  [[nodiscard]] virtual result<std::vector<row>> all(std::string_view text, const params& bound = {}) = 0;

  /// Runs a statement for its effect; the number of rows that it inserted, updated or deleted.
  [[nodiscard]] virtual result<std::int64_t> run(std::string_view text, const params& bound = {}) = 0;

  /// What `each` hands rows to; false: no more of them.
  using visitor = std::function<bool(const row&)>;

  /// Hands every row of an answer to `visit`, one by one, in memory that does not grow with their number. Only for
  /// statements that read. The visitor must not use this database. What it throws comes out of `each`.
  [[nodiscard]] virtual result<void> each(std::string_view text, const params& bound, const visitor& visit) = 0;

  /// Runs statements that read, all in one moment of the database (S3-29); the rows of each.
  [[nodiscard]] virtual result<std::vector<std::vector<row>>> read_batch(const std::vector<statement>& statements) = 0;

  /// Runs statements in one transaction, all or nothing; the number of rows that each changed. The error of the first
  /// that fails names its place. Many rows belong in one batch: each `run` is a transaction of its own.
  [[nodiscard]] virtual result<std::vector<std::int64_t>> batch(const std::vector<statement>& statements) = 0;
};

/// What migrations and the pool need beyond `sql`. Applications never hold one, so that no script reaches the database
/// from them.
class schema_sql : public sql {
public:
  /// What to call this database in an error: its file, or its address without user and password.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// The type of a column of bytes. Migrations write `{blob}` for it: this is the one word in which our schemas differ.
  [[nodiscard]] virtual std::string_view blob_type() const noexcept = 0;

  /// Runs `work` in one transaction that excludes every other one of its kind, also those of other processes, from its
  /// beginning (and, on SQLite, every other writer). Commits when it succeeds; otherwise (also when it throws, or when
  /// one of its statements failed and it did not say so) nothing of it remains. Within another `exclusively` it is a
  /// savepoint: what fails takes back its own changes and not the others'. The same holds for a `batch` in there.
  [[nodiscard]] virtual result<void> exclusively(const std::function<result<void>()>& work) = 0;

  /// Runs a script of several statements without parameters; only for text that is part of this program.
  [[nodiscard]] virtual result<void> script(const std::string& text) = 0;
};

} // namespace troupe::storage
