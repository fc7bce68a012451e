#include "storage/sqlite/snapshot.hpp"

#include "storage/sqlite/database.hpp"
#include "storage/sqlite/errors.hpp"

#include <fstream>
#include <memory>
#include <sqlite3.h>
#include <string_view>

namespace troupe::storage::sqlite {
namespace {

constexpr auto magic = std::string_view{"SQLite format 3\0", 16};

struct closer {
  void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
};
using handle = std::unique_ptr<sqlite3, closer>;

/// SQLite would read "file:..." as a URI.
std::string plain_path(const std::string& path) {
  return path.starts_with('/') ? path : "./" + path;
}

auto failed(const handle& db, int code, const std::string& path) {
  return boost::outcome_v2::failure(statement_error(db.get(), code, path));
}

result<handle> open(const std::string& path, int flags) {
  sqlite3* opened = nullptr;
  const auto code = sqlite3_open_v2(plain_path(path).c_str(), &opened, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  auto db = handle{opened};
  if (code != SQLITE_OK)
    return failed(db, code, path);
  sqlite3_busy_timeout(opened, 5000); // as options::busy_timeout
  return db;
}

/// Runs what must succeed on `db`; errors are told of `path`.
result<void> run(const handle& db, const char* text, const std::string& path) {
  const auto code = sqlite3_exec(db.get(), text, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? result<void>{ok()} : result<void>{failed(db, code, path)};
}

result<void> check(const handle& copy, const std::string& from) {
  auto fine = false;
  const auto look = [](void* answer, int, char** values, char**) {
    *static_cast<bool*>(answer) = values[0] != nullptr && std::string_view{values[0]} == "ok";
    return 0;
  };
  const auto code = sqlite3_exec(copy.get(), "PRAGMA quick_check(1)", look, &fine, nullptr);
  if (code != SQLITE_OK)
    return failed(copy, code, from);
  return fine ? result<void>{ok()} : result<void>{failed(copy, SQLITE_CORRUPT, from)};
}

} // namespace

bool is_database(const std::string& path) {
  char begin[magic.size()] = {};
  auto in = std::ifstream{path, std::ios::binary};
  return in.read(begin, sizeof begin) && std::string_view{begin, sizeof begin} == magic;
}

result<void> snapshot(const std::string& from, const std::string& to, const at_that_moment& meanwhile) {
  auto source = open(from, SQLITE_OPEN_READONLY);
  if (!source)
    return source.as_failure();
  // A read transaction, begun by its first read: what it sees is what is copied, whatever is written after it.
  const auto hold = [&] { return run(source.value(), "BEGIN; SELECT count(*) FROM sqlite_schema", from); };
  if (meanwhile) {
    auto writer = database::open({.path = from, .check_up_to_bytes = 0});
    if (!writer)
      return writer.as_failure();
    auto done = writer.value()->exclusively([&] {
      auto held = hold();
      return held ? meanwhile(*writer.value()) : held;
    });
    if (!done)
      return done;
  } else if (auto done = hold(); !done) {
    return done;
  }
  auto copy = open(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!copy)
    return copy.as_failure();
  if (auto done = run(copy.value(), "PRAGMA synchronous = OFF", to); !done)
    return done;
  auto* const under_way = sqlite3_backup_init(copy.value().get(), "main", source.value().get(), "main");
  if (under_way == nullptr)
    return failed(copy.value(), sqlite3_errcode(copy.value().get()), from);
  const auto code = sqlite3_backup_step(under_way, -1);
  sqlite3_backup_finish(under_way);
  if (code != SQLITE_DONE)
    return failed(copy.value(), code, from);
  // One file, whatever mode the original is in: no WAL beside it.
  if (auto done = run(copy.value(), "PRAGMA journal_mode = DELETE", from); !done)
    return done;
  return check(copy.value(), from);
}

} // namespace troupe::storage::sqlite
