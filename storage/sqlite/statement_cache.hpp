// Prepared statements of one SQLite connection, by their text: preparing costs more than most of our statements do.
// Bounded: the least recently used statement is finalised when a new one needs its place.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace troupe::storage::sqlite {

struct finalizer {
  void operator()(sqlite3_stmt* prepared) const noexcept;
};
using statement_ptr = std::unique_ptr<sqlite3_stmt, finalizer>;

class statement_cache {
public:
  /// @param capacity how many statements stay prepared; at least 1.
  statement_cache(sqlite3* connection, std::size_t capacity) noexcept
      : connection_{connection}, capacity_{capacity > 0 ? capacity : 1} {}

  /// What `prepare` found: the statement (which the cache owns until the next call) or SQLite's result code. Text that
  /// holds no statement, or more than one, gives `single == false`.
  struct prepared {
    sqlite3_stmt* statement = nullptr;
    int code = 0;
    bool single = true;
  };

  [[nodiscard]] prepared prepare(std::string_view text);

  /// Finalises every statement.
  void clear() noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return by_text_.size(); }

private:
  struct entry {
    std::string text;
    statement_ptr statement;
  };

  sqlite3* connection_;
  std::size_t capacity_;
  std::list<entry> entries_; // most recently used first; the keys below point into it
  std::unordered_map<std::string_view, std::list<entry>::iterator> by_text_;
};

} // namespace troupe::storage::sqlite
