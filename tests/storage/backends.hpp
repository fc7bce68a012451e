// The back-ends of `sql` under test: a fresh, empty database of each for every test that asks.
#pragma once

#include "storage/postgres/database.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/results.hpp"
#include "tests/support/temp_directory.hpp"

#include <functional>
#include <memory>
#include <string>

namespace troupe::test {

/// One database of one kind, to which several connections may be opened.
class backend {
public:
  virtual ~backend() = default;
  [[nodiscard]] virtual std::unique_ptr<storage::schema_sql> open() = 0;
  /// As open, but for a thread or process of its own: the error instead of an exception.
  [[nodiscard]] virtual result<std::unique_ptr<storage::schema_sql>> try_open() = 0;
  [[nodiscard]] virtual bool is_sqlite() const = 0;
};

class sqlite_backend final : public backend {
public:
  std::unique_ptr<storage::schema_sql> open() override { return value_of(try_open()); }
  result<std::unique_ptr<storage::schema_sql>> try_open() override {
    auto opened = storage::sqlite::database::open({.path = path(), .sync = storage::sqlite::durability::full});
    if (!opened)
      return opened.as_failure();
    return std::unique_ptr<storage::schema_sql>{std::move(opened.value())};
  }
  [[nodiscard]] bool is_sqlite() const override { return true; }
  [[nodiscard]] std::string path() const { return directory_.file("test.db"); }

private:
  temp_directory directory_;
};

class postgres_backend final : public backend {
public:
  std::unique_ptr<storage::schema_sql> open() override { return value_of(try_open()); }
  result<std::unique_ptr<storage::schema_sql>> try_open() override {
    auto opened = storage::postgres::database::open({.address = address_});
    if (!opened)
      return opened.as_failure();
    return std::unique_ptr<storage::schema_sql>{std::move(opened.value())};
  }
  [[nodiscard]] bool is_sqlite() const override { return false; }

private:
  std::string address_ = postgres_cluster::shared().fresh_database();
};

/// Runs a test's body with an empty database of each kind.
template <class Body>
void for_each_database(Body&& body) {
  auto sqlite = sqlite_backend{};
  body(static_cast<backend&>(sqlite));
  auto postgres = postgres_backend{};
  body(static_cast<backend&>(postgres));
}

} // namespace troupe::test
