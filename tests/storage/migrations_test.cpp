#define TEST_SUITE migrations
#include "tests/support/test.hpp"

#include "storage/migrations.hpp"
#include "tests/storage/backends.hpp"

#include <array>
#include <csignal>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace troupe;
using namespace troupe::storage;
using test::value_of;

namespace {

std::vector<migration> parsed(std::vector<migration_file> files) {
  auto list = parse_migrations(files);
  if (!list)
    CAF_MESSAGE(list.error().message);
  REQUIRE(list.has_value());
  return std::move(list.value());
}

std::string refusal(std::vector<migration_file> files) {
  auto list = parse_migrations(files);
  REQUIRE(!list.has_value());
  return list.error().message;
}

constexpr auto one =
  migration_file{"0001_one.sql", "-- first\n-- up\nCREATE TABLE one (id BIGINT);\n-- down\nDROP TABLE one;\n"};
constexpr auto two = migration_file{
  "0002_two.sql", "-- up\nCREATE TABLE two (id BIGINT);\nINSERT INTO one VALUES (2);\n-- down\nDROP TABLE two;\n"};

std::unique_ptr<sqlite::database> open(const std::string& path) {
  auto opened = sqlite::database::open({.path = path});
  REQUIRE(opened.has_value());
  return std::move(opened.value());
}

bool has_table(sql& db, const std::string& name) {
  return db.first("SELECT count(*) FROM " + name).has_value();
}

/// Runs a test's body with an empty database of each kind.
template <class Body>
void for_each_backend(Body&& body) {
  test::for_each_database([&](test::backend& kind) {
    auto db = kind.open();
    body(*db);
  });
}

} // namespace

TEST(the migrations of this program parse and go up and down and up again) {
  for_each_backend([](schema_sql& db) {
    const auto known = parse_migrations(built_in_migrations());
    REQUIRE(known.has_value());
    REQUIRE(!known.value().empty());
    CHECK_EQ(known.value().front().name, "0001_books");
    const auto newest = static_cast<std::int64_t>(known.value().size());
    auto up = migrate_up(db, known.value(), 1);
    REQUIRE(up.has_value());
    CHECK_EQ(up.value().from, 0);
    CHECK_EQ(up.value().to, newest);
    CHECK(has_table(db, "books"));
    auto down = migrate_down(db, known.value(), 0);
    REQUIRE(down.has_value());
    CHECK_EQ(down.value().from, newest);
    CHECK_EQ(down.value().to, 0);
    CHECK(!has_table(db, "books"));
    CHECK(migrate_up(db, known.value(), 2).has_value());
    CHECK(has_table(db, "books"));
  });
}

TEST(what was applied is recorded and not applied again) {
  for_each_backend([](schema_sql& db) {
    CHECK_EQ(value_of(migrate_up(db, parsed({one}), 1234)).to, 1);
    auto again = migrate_up(db, parsed({one}), 5678);
    REQUIRE(again.has_value());
    CHECK_EQ(again.value().from, again.value().to);
    auto record = db.first("SELECT * FROM schema_migrations");
    REQUIRE(record.has_value());
    CHECK_EQ(*record.value()->get<std::string>("name"), "0001_one");
    CHECK_EQ(*record.value()->get<std::int64_t>("applied_ms"), 1234);
    auto later = migrate_up(db, parsed({one, two}), 5678);
    REQUIRE(later.has_value());
    CHECK_EQ(later.value().from, 1);
    CHECK_EQ(later.value().to, 2);
  });
}

TEST(down goes to the version asked for) {
  for_each_backend([](schema_sql& db) {
    REQUIRE(migrate_up(db, parsed({one, two}), 1).has_value());
    CHECK_EQ(value_of(migrate_down(db, parsed({one, two}), 1)).to, 1);
    CHECK(has_table(db, "one"));
    CHECK(!has_table(db, "two"));
    CHECK_EQ(value_of(migrate_down(db, parsed({one, two}), 5)).to, 1);
    CHECK(!migrate_down(db, parsed({one, two}), -1).has_value());
  });
}

TEST(a migration that was edited after it was applied is named) {
  for_each_backend([](schema_sql& db) {
    const auto path = std::string{db.name()};
    REQUIRE(migrate_up(db, parsed({one}), 1).has_value());
    const auto edited =
      migration_file{"0001_one.sql", "-- up\nCREATE TABLE one (id TEXT);\n-- down\nDROP TABLE one;\n"};
    auto refused = migrate_up(db, parsed({edited, two}), 2);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == ec::storage_unusable);
    CHECK_EQ(refused.error().message, path
                                        + ": migration 0001_one was edited after it was applied here (as 0001_one): "
                                          "undo the edit and put the change into"
                                          " a new migration");
    CHECK(!has_table(db, "two"));
    // Its way back is not what the database depends on.
    const auto other_way_back =
      migration_file{"0001_one.sql", "-- up\nCREATE TABLE one (id BIGINT);\n-- down\nDROP TABLE IF EXISTS one;\n"};
    CHECK(migrate_up(db, parsed({other_way_back}), 2).has_value());
  });
}

TEST(line ends of another system are no edit) {
  const auto windows = migration_file{
    "0001_one.sql", "-- first\r\n-- up\r\nCREATE TABLE one (id BIGINT);\r\n-- down\r\nDROP TABLE one;\r\n"};
  CHECK_EQ(parsed({windows}).front().checksum(), parsed({one}).front().checksum());
}

TEST(a database newer than the program is refused) {
  for_each_backend([](schema_sql& db) {
    const auto path = std::string{db.name()};
    REQUIRE(migrate_up(db, parsed({one, two}), 1).has_value());
    for (const auto& refused : {migrate_up(db, parsed({one}), 2), migrate_down(db, parsed({one}), 0)}) {
      REQUIRE(!refused.has_value());
      CHECK(refused.error().code == ec::storage_unusable);
      CHECK_EQ(
        refused.error().message, path
                                   + ": is newer than this program: it has migration 0002_two, this program knows up"
                                     " to 0001_one: use the newer program");
    }
    CHECK(has_table(db, "two"));
  });
}

TEST(a database that lost a record is refused) {
  for_each_backend([](schema_sql& db) {
    REQUIRE(migrate_up(db, parsed({one, two}), 1).has_value());
    REQUIRE(db.run("DELETE FROM schema_migrations WHERE version = 1").has_value());
    auto refused = migrate_up(db, parsed({one, two}), 2);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().message.find(": lacks migration 0001_one but has 0002_two") != std::string::npos);
  });
}

TEST(a migration that does not run leaves the database as it was) {
  for_each_backend([](schema_sql& db) {
    const auto path = std::string{db.name()};
    const auto broken = migration_file{"0002_two.sql",
      "-- up\nCREATE TABLE two (id BIGINT);\nINSERT INTO nowhere VALUES (1);\n-- down\nDROP TABLE two;\n"};
    auto failed = migrate_up(db, parsed({one, broken}), 1);
    REQUIRE(!failed.has_value());
    CHECK_EQ(failed.error().message,
      path + ": migration 0002_two: "
        + (path.starts_with("postgres") ? "relation \"nowhere\" does not exist" : "no such table: nowhere"));
    CHECK(!has_table(db, "one"));
    CHECK(!has_table(db, "schema_migrations"));
    // Nor can a migration end the transaction that it runs in.
    const auto escaping =
      migration_file{"0001_one.sql", "-- up\nCREATE TABLE one (id BIGINT);\nCOMMIT;\n-- down\nSELECT 1;\n"};
    CHECK(!migrate_up(db, parsed({escaping}), 1).has_value());
    CHECK(!has_table(db, "one"));
  });
}

TEST(of several that migrate one fresh database at once one does the work) {
  test::for_each_database([](test::backend& kind) {
    const auto known = parsed({one, two});
    auto moved = std::vector<std::int64_t>(4, -1);
    auto errors = std::vector<std::string>(4);
    {
      auto threads = std::vector<std::jthread>{};
      for (std::size_t i = 0; i < moved.size(); ++i)
        threads.emplace_back([&, i] {
          auto db = kind.try_open();
          auto done = db ? migrate_up(*db.value(), known, 1) : result<migrated>{boost::outcome_v2::failure(db.error())};
          if (done)
            moved[i] = done.value().to - done.value().from;
          else
            errors[i] = done.error().message;
        });
    }
    std::sort(moved.begin(), moved.end());
    for (const auto& each : errors)
      CHECK_EQ(each, "");
    CHECK(moved == (std::vector<std::int64_t>{0, 0, 0, 2}));
    CHECK_EQ(value_of(kind.open()->all("SELECT id FROM one")).size(), 1u);
  });
}

TEST(of several processes that start on one fresh database at once one migrates it) {
  test::for_each_database([](test::backend& kind) {
    const auto known = parsed({one, two});
    auto children = std::vector<pid_t>{};
    for (int i = 0; i < 4; ++i) {
      const auto child = ::fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        auto db = kind.try_open();
        auto done = db ? migrate_up(*db.value(), known, 1) : result<migrated>{boost::outcome_v2::failure(db.error())};
        ::_exit(done ? static_cast<int>(done.value().to - done.value().from) : 99);
      }
      children.push_back(child);
    }
    auto moved = std::vector<int>{};
    for (const auto child : children) {
      auto status = 0;
      REQUIRE_EQ(::waitpid(child, &status, 0), child);
      moved.push_back(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    }
    std::sort(moved.begin(), moved.end());
    CHECK(moved == (std::vector<int>{0, 0, 0, 2}));
  });
}

TEST(a process that dies in the middle of a transaction leaves nothing of it) {
  const auto directory = test::temp_directory{};
  const auto path = directory.file("a.db");
  REQUIRE(open(path)->run("CREATE TABLE t (id BIGINT)").has_value());
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto db = sqlite::database::open({.path = path});
    auto ignored = db.value()->exclusively([&]() -> result<void> {
      if (db.value()->run("INSERT INTO t VALUES (1)").has_value())
        ::kill(::getpid(), SIGKILL);
      return ok();
    });
    ::_exit(ignored ? 1 : 2);
  }
  auto status = 0;
  REQUIRE_EQ(::waitpid(child, &status, 0), child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  auto rows = open(path)->all("SELECT id FROM t");
  REQUIRE(rows.has_value());
  CHECK(rows.value().empty());
}

TEST(a migration file that breaks the rules is named) {
  const auto text = std::string_view{"-- up\nSELECT 1;\n-- down\nSELECT 1;\n"};
  const auto where = std::string{"storage/migrations/"};
  const auto name_rule = std::string{": expected a name such as 0001_books.sql"};
  for (const auto* name :
    {"books.sql", "1_books.sql", "0001_.sql", "0001-books.sql", "0001_books.txt", "00001_books.sql"})
    CHECK_EQ(refusal({{name, text}}), where + name + name_rule);
  CHECK_EQ(refusal({{"0002_b.sql", text}}), where + "0002_b.sql: expected number 1 here");
  CHECK_EQ(refusal({one, {"0001_b.sql", text}}), where + "0001_b.sql: expected number 2 here");
  const auto parts = where + "0001_a.sql: expected statements after \"-- up\" and after \"-- down\"";
  CHECK_EQ(refusal({{"0001_a.sql", ""}}), parts);
  CHECK_EQ(refusal({{"0001_a.sql", "-- up\nSELECT 1;\n"}}), parts);
  CHECK_EQ(refusal({{"0001_a.sql", "-- up\nSELECT 1;\n-- down\n-- nothing\n\n"}}), parts);
  const auto order = where + "0001_a.sql: expected one line \"-- up\", then one line \"-- down\"";
  CHECK_EQ(refusal({{"0001_a.sql", "-- down\nSELECT 1;\n-- up\nSELECT 1;\n"}}), order);
  CHECK_EQ(refusal({{"0001_a.sql", "-- up\nSELECT 1;\n-- up\n-- down\nSELECT 1;\n"}}), order);
  CHECK_EQ(refusal({{"0001_a.sql", "SELECT 1;\n-- up\nSELECT 1;\n-- down\nSELECT 1;\n"}}),
    where + "0001_a.sql: expected nothing but comments before \"-- up\"");
}

TEST(a list says what was applied and what is pending and changes nothing) {
  for_each_backend([](schema_sql& db) {
    const auto known = parsed({one, two});
    const auto sum = [&](std::size_t i) { return known[i].checksum(); };
    CHECK(value_of(list_migrations(db, known))
          == (std::vector<migration_state>{{1, "0001_one", sum(0), {}}, {2, "0002_two", sum(1), {}}}));
    CHECK(!has_table(db, "schema_migrations"));
    REQUIRE(migrate_up(db, parsed({one}), 1234).has_value());
    CHECK(value_of(list_migrations(db, known))
          == (std::vector<migration_state>{{1, "0001_one", sum(0), 1234}, {2, "0002_two", sum(1), {}}}));
    REQUIRE(migrate_up(db, known, 5678).has_value());
    CHECK(test::error_of(list_migrations(db, parsed({one}))).code == ec::storage_unusable);
    CHECK(test::error_of(pending_script(db, parsed({one}))).code == ec::storage_unusable);
  });
}

TEST(what would be applied is shown in the words of the database and not run) {
  for_each_backend([](schema_sql& db) {
    const auto bytes =
      migration_file{"0002_bytes.sql", "-- up\nCREATE TABLE two (a {blob}, b {blob});\n-- down\nDROP TABLE two;\n"};
    const auto known = parsed({one, bytes});
    REQUIRE(migrate_up(db, parsed({one}), 1).has_value());
    const auto word = std::string{db.blob_type()};
    CHECK_EQ(value_of(pending_script(db, known)),
      "-- 0002_bytes (" + known[1].checksum() + ")\nCREATE TABLE two (a " + word + ", b " + word + ");\n");
    CHECK(!has_table(db, "two"));
    REQUIRE(migrate_up(db, known, 2).has_value());
    CHECK(has_table(db, "two"));
    CHECK_EQ(value_of(pending_script(db, known)), "");
    REQUIRE(db.run("INSERT INTO two VALUES (?, ?)", {blob{std::string{"\0\xff", 2}}, value{}}).has_value());
    CHECK(value_of(db.first("SELECT a FROM two"))->values().front() == value{blob{std::string{"\0\xff", 2}}});
  });
}

TEST(the checksums of applied migrations never change) {
  const auto known = parse_migrations(built_in_migrations());
  REQUIRE(known.has_value());
  // A new migration adds a line here; one that differs was edited after others have applied it.
  constexpr auto sums = std::to_array<std::string_view>(
    {"627d54ee65c400d1", "fc836f71bc0fd3d4", "53aa2a67323ca521", "b0304262dffbf7bc", "aeb1204475d2f89b"});
  REQUIRE(known.value().size() >= sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i)
    CHECK_EQ(known.value()[i].checksum(), sums[i]);
}
