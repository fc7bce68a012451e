// What is SQLite's own: opening, locking, durability, the limits of a connection.
#define TEST_SUITE sqlite
#include "tests/support/test.hpp"

#include "storage/directory.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/results.hpp"
#include "tests/support/temp_directory.hpp"

#include <fstream>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;

namespace {

using database_ptr = std::unique_ptr<sqlite::database>;

database_ptr open(sqlite::options settings) {
  auto opened = sqlite::database::open(std::move(settings));
  if (!opened)
    CAF_MESSAGE(opened.error().message);
  REQUIRE(opened.has_value());
  return std::move(opened.value());
}

/// The one line with which opening fails.
std::string refusal(sqlite::options settings) {
  auto opened = sqlite::database::open(std::move(settings));
  REQUIRE(!opened.has_value());
  CHECK(opened.error().code == ec::storage_unusable);
  CHECK(opened.error().message.find('\n') == std::string::npos);
  return opened.error().message;
}

/// A database with enough rows for many pages, closed.
std::string filled(const test::temp_directory& directory) {
  auto path = directory.file("filled.db");
  auto db = open({.path = path});
  REQUIRE(db->run("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)").has_value());
  auto rows = std::vector<statement>{};
  for (int i = 0; i < 200; ++i)
    rows.push_back({"INSERT INTO t (text) VALUES (?)", {std::string(500, 'x')}});
  REQUIRE(db->batch(rows).has_value());
  return path;
}

void overwrite(const std::string& path, std::streamoff at, std::size_t count) {
  auto file = std::fstream{path, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(at);
  file << std::string(count, '\x5a');
}

std::int64_t number(sql& db, const std::string& text) {
  auto found = db.first(text);
  REQUIRE(found.has_value());
  REQUIRE(found.value().has_value());
  return std::get<std::int64_t>(found.value()->values().front());
}

} // namespace

TEST(a batch of a thousand is one commit and a loop of runs is a thousand) {
  const auto directory = test::temp_directory{};
  auto db = open({.path = directory.file("a.db")});
  REQUIRE(db->run("CREATE TABLE t (id BIGINT)").has_value());
  auto rows = std::vector<statement>{};
  for (std::int64_t i = 0; i < 1000; ++i)
    rows.push_back({"INSERT INTO t VALUES (?)", {i}});
  const auto start = db->commits();
  REQUIRE(db->batch(rows).has_value());
  CHECK_EQ(db->commits() - start, 1);
  for (const auto& each : rows)
    REQUIRE(db->run(each.text, each.bound).has_value());
  CHECK_EQ(db->commits() - start, 1001);
  CHECK_EQ(number(*db, "SELECT count(*) FROM t"), 2000);
}

TEST(a reader sees what was committed while the writer is in the middle of a transaction) {
  const auto directory = test::temp_directory{};
  auto writer = open({.path = directory.file("a.db")});
  REQUIRE(writer->run("CREATE TABLE t (id BIGINT)").has_value());
  auto reader = open({.path = directory.file("a.db"), .read_only = true});
  auto done = writer->exclusively([&]() -> result<void> {
    CHECK(writer->run("INSERT INTO t VALUES (1)").has_value());
    CHECK_EQ(number(*reader, "SELECT count(*) FROM t"), 0);
    return ok();
  });
  CHECK(done.has_value());
  CHECK_EQ(number(*reader, "SELECT count(*) FROM t"), 1);
}

TEST(a connection for reading cannot write) {
  const auto directory = test::temp_directory{};
  auto reader = open({.path = filled(directory), .read_only = true});
  CHECK(error_of(reader->run("DELETE FROM t")).code == ec::storage_failed);
  CHECK(!reader->batch({{"DELETE FROM t", {}}}).has_value());
  CHECK_EQ(number(*reader, "SELECT count(*) FROM t"), 200);
}

TEST(a reader does not make a missing file) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("missing.db");
  CHECK_EQ(refusal({.path = path, .read_only = true}), path + ": cannot be opened: No such file or directory");
}

TEST(a file that is no database is named) {
  const auto directory = test::temp_directory{};
  const auto path = directory.write("notes.db", std::string(5000, 'n'));
  CHECK_EQ(refusal({.path = path}),
    path + ": is not a database (overwritten, encrypted or cut off?): restore it from a snapshot or move it away");
  CHECK_EQ(refusal({.path = path, .read_only = true}).substr(0, path.size() + 21), path + ": is not a database (");
}

TEST(a database that was cut off is corrupt) {
  const auto directory = test::temp_directory{};
  const auto path = filled(directory);
  REQUIRE_EQ(::truncate(path.c_str(), 3 * 4096), 0);
  CHECK_EQ(refusal({.path = path}),
    path + ": is corrupt (database disk image is malformed): restore it from a snapshot or move it away");
}

TEST(a corrupt page of a small file is found at opening and of a large one when it is read) {
  const auto directory = test::temp_directory{};
  const auto path = filled(directory);
  overwrite(path, 5 * 4096, 4096);
  CHECK(refusal({.path = path}).starts_with(path + ": is corrupt"));
  auto unchecked = open({.path = path, .check_up_to_bytes = 0});
  auto read = unchecked->all("SELECT sum(length(text)) FROM t");
  REQUIRE(!read.has_value());
  CHECK(read.error().code == ec::storage_unusable);
  CHECK(read.error().message.starts_with(path + ": is corrupt"));
}

TEST(a file that another connection holds for itself is locked) {
  const auto directory = test::temp_directory{};
  const auto path = filled(directory);
  sqlite3* raw = nullptr;
  REQUIRE_EQ(sqlite3_open(path.c_str(), &raw), SQLITE_OK);
  REQUIRE_EQ(sqlite3_exec(raw, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM t WHERE id = 1; COMMIT",
               nullptr, nullptr, nullptr),
    SQLITE_OK);
  CHECK_EQ(refusal({.path = path, .busy_timeout = std::chrono::milliseconds{1}}),
    path + ": is locked by another process: stop what else uses it, then try again");
  sqlite3_close(raw);
  CHECK_EQ(number(*open({.path = path}), "SELECT count(*) FROM t"), 199);
}

TEST(a write that the transaction of another connection holds up fails and names the file) {
  const auto directory = test::temp_directory{};
  const auto path = filled(directory);
  auto first = open({.path = path});
  auto second = open({.path = path, .busy_timeout = std::chrono::milliseconds{1}});
  auto done = first->exclusively([&]() -> result<void> {
    auto held_up = second->run("DELETE FROM t");
    REQUIRE(!held_up.has_value());
    CHECK(held_up.error().code == ec::storage_failed);
    CHECK(held_up.error().message.starts_with(path + ": is locked"));
    return ok();
  });
  CHECK(done.has_value());
  CHECK_EQ(value_of(second->run("DELETE FROM t")), 200);
}

TEST(a path that leads nowhere is named with the reason) {
  const auto directory = test::temp_directory{};
  const auto beneath_a_file = directory.write("file", "text") + "/a.db";
  CHECK_EQ(refusal({.path = beneath_a_file}), beneath_a_file + ": cannot be opened: Not a directory");
  const auto missing = directory.file("no/such/directory/a.db");
  CHECK_EQ(refusal({.path = missing}), missing + ": cannot be opened: No such file or directory");
  const auto itself = directory.file("");
  CHECK(refusal({.path = itself}).starts_with(itself + ": cannot be opened: "));
  CHECK_EQ(refusal({.path = ""}), "\"\": cannot be opened: expected the path of a database file");
}

TEST(a file that this process may not write is refused unless it is for reading) {
  if (::geteuid() == 0) {
    std::cerr << "LEFT OUT: a file that this process may not write is refused: root may write everything\n";
    return;
  }
  const auto directory = test::temp_directory{};
  const auto path = filled(directory);
  REQUIRE_EQ(::chmod(path.c_str(), S_IRUSR), 0);
  CHECK(refusal({.path = path}).find(": cannot be ") != std::string::npos);
}

TEST(a path is a path and never a URI or a database in memory) {
  const auto directory = test::temp_directory{};
  const auto odd = directory.file("file:a.db?mode=memory");
  CHECK(open({.path = odd})->run("CREATE TABLE t (id BIGINT)").has_value());
  CHECK(std::filesystem::exists(odd));
}

TEST(a caller may not attach files or change settings or load code) {
  const auto directory = test::temp_directory{};
  auto db = open({.path = directory.file("a.db")});
  const auto other = directory.file("other.db");
  for (const auto& text : {"ATTACH '" + other + "' AS other", std::string{"PRAGMA foreign_keys = OFF"},
         std::string{"VACUUM"}, "VACUUM INTO '" + other + "'", std::string{"PRAGMA writable_schema = ON"},
         std::string{"SELECT load_extension('x')"}, std::string{"SELECT * FROM pragma_database_list"}})
    CHECK(error_of(db->run(text)).code == ec::storage_failed);
  CHECK_EQ(error_of(db->run("PRAGMA foreign_keys = OFF")).message,
    "not authorized: transactions, PRAGMA, ATTACH and VACUUM belong to the store");
  CHECK(!std::filesystem::exists(other));
}

TEST(a statement that takes too long is stopped and the next one is not) {
  const auto directory = test::temp_directory{};
  const auto db = value_of(
    sqlite::database::open({.path = directory.file("main.db"), .statement_timeout = std::chrono::milliseconds{50}}));
  REQUIRE(db->run("CREATE TABLE t (n INTEGER)").has_value());
  constexpr auto endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) ";
  constexpr auto stopped = "the statement took longer than the statement time-out and was stopped";
  CHECK_EQ(error_of(db->first(std::string{endless} + "SELECT count(*) FROM c")).message, stopped);
  CHECK_EQ(error_of(db->run(std::string{endless} + "INSERT INTO t SELECT n FROM c")).message, stopped);
  CHECK_EQ(*value_of(db->first("SELECT count(*) AS n FROM t"))->get<std::int64_t>("n"), 0);
  // In a transaction it takes the whole of it along.
  const auto failed = error_of(
    db->batch({{"INSERT INTO t VALUES (1)", {}}, {std::string{endless} + "INSERT INTO t SELECT n FROM c", {}}}));
  CHECK(failed.message.find(stopped) != std::string::npos);
  CHECK_EQ(*value_of(db->first("SELECT count(*) AS n FROM t"))->get<std::int64_t>("n"), 0);
  REQUIRE(db->run("INSERT INTO t VALUES (1)").has_value());
}

TEST(who reads rows one by one takes as long as they like over each) {
  const auto directory = test::temp_directory{};
  const auto db = value_of(
    sqlite::database::open({.path = directory.file("main.db"), .statement_timeout = std::chrono::milliseconds{20}}));
  auto rows = 0;
  const auto done = db->each("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 5000)"
                             " SELECT n FROM c",
    {}, [&](const row&) {
      const auto since = std::chrono::steady_clock::now();
      if (++rows % 1000 == 0) // longer than the time-out of a statement
        CHECK(
          test::eventually([&] { return std::chrono::steady_clock::now() - since > std::chrono::milliseconds{30}; }));
      return true;
    });
  CHECK(done.has_value());
  CHECK_EQ(rows, 5000);
}

TEST(foreign keys hold) {
  const auto directory = test::temp_directory{};
  auto db = open({.path = directory.file("a.db")});
  REQUIRE(db->script("CREATE TABLE a (id INTEGER PRIMARY KEY);"
                     "CREATE TABLE b (a INTEGER REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED)")
            .has_value());
  CHECK_EQ(error_of(db->run("INSERT INTO b VALUES (1)")).message, "FOREIGN KEY constraint failed");
  // Deferred, it fails at COMMIT, and there too nothing remains.
  CHECK(!db->batch({{"INSERT INTO b VALUES (1)", {}}}).has_value());
  CHECK_EQ(number(*db, "SELECT count(*) FROM b"), 0);
}

TEST(prepared statements are kept up to the bound) {
  const auto directory = test::temp_directory{};
  auto db = open({.path = directory.file("a.db"), .cached_statements = 4});
  for (int round = 0; round < 3; ++round)
    for (std::int64_t i = 0; i < 10; ++i)
      CHECK_EQ(number(*db, "SELECT " + std::to_string(i)), i);
  CHECK_EQ(db->cached_statements(), 4u);
  for (int round = 0; round < 10; ++round)
    CHECK_EQ(number(*db, "SELECT 9"), 9);
  CHECK_EQ(db->cached_statements(), 4u);
}

TEST(a cached statement keeps nothing of its last parameters and follows the schema) {
  const auto directory = test::temp_directory{};
  auto db = open({.path = directory.file("a.db")});
  REQUIRE(db->run("CREATE TABLE t (a TEXT)").has_value());
  for (int round = 0; round < 2; ++round) {
    REQUIRE(db->run("INSERT INTO t VALUES (?)", {std::string{"x"}}).has_value());
    REQUIRE(db->run("INSERT INTO t VALUES (?)", {std::monostate{}}).has_value());
  }
  CHECK_EQ(number(*db, "SELECT count(*) FROM t WHERE a IS NULL"), 2);
  CHECK_EQ(value_of(db->first("SELECT * FROM t"))->columns().size(), 1u);
  REQUIRE(db->run("ALTER TABLE t ADD COLUMN b TEXT").has_value());
  CHECK_EQ(value_of(db->first("SELECT * FROM t"))->columns().size(), 2u);
}

TEST(a data directory is made for its owner alone and one that cannot be is named) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("a/b/data");
  REQUIRE(prepare_directory(path).has_value());
  REQUIRE(prepare_directory(path + "/").has_value());
  struct stat found {};
  REQUIRE_EQ(::stat(path.c_str(), &found), 0);
  CHECK_EQ(found.st_mode & 0777u, 0700u);
  const auto slashed = directory.file("c/");
  REQUIRE(prepare_directory(slashed).has_value());
  REQUIRE_EQ(::stat(slashed.c_str(), &found), 0);
  CHECK_EQ(found.st_mode & 0777u, 0700u);
  const auto file = directory.write("file", "text");
  CHECK_EQ(
    error_of(prepare_directory(file)).message, file + ": cannot be used as the data directory: it is not a directory");
  const auto beneath = file + "/data";
  CHECK_EQ(
    error_of(prepare_directory(beneath)).message, beneath + ": cannot be used as the data directory: Not a directory");
  CHECK(error_of(prepare_directory("")).code == ec::storage_unusable);
}
