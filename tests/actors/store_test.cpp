#define TEST_SUITE store
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "actors/store/store.hpp"
#include "storage/migrations.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/support/temp_directory.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

stored_record record(int n) {
  return {"97804411727" + std::to_string(10 + n), "Dune " + std::to_string(n), "Frank Herbert", "{}", "google", 1};
}

// A real database on the test's scheduler: the actor is not detached here, so time is virtual.
struct world : test::actors {
  test::temp_directory dir;
  std::shared_ptr<storage::sqlite::database> db;
  record_store_actor store;

  world() {
    auto opened = storage::sqlite::database::open({.path = dir.file("main.db")});
    REQUIRE(opened.has_value());
    db = std::move(opened.value());
    const auto known = storage::parse_migrations(storage::built_in_migrations());
    REQUIRE(storage::migrate_up(*db, known.value(), 1).has_value());
    store = sys.spawn(record_store, record_store_settings{db, lines.log});
    settle();
  }

  void write(stored_records rows) {
    caf::anon_send(store, std::move(rows));
    settle();
  }

  std::size_t rows_in_database() { return db->all("SELECT isbn FROM books").value().size(); }

  std::int64_t counter(const std::string& name) {
    std::int64_t found = -1;
    auto asked = self->request(store, caf::infinite, stats_atom::value);
    settle();
    asked.receive(
      [&](const metrics& all) {
        for (const auto& m : all)
          if (m.name == name)
            found = m.value;
      },
      [](const caf::error&) {});
    return found;
  }

  std::size_t found(const std::string& key) {
    std::size_t count = 99;
    auto asked = self->request(store, caf::infinite, record_read{key});
    settle();
    asked.receive([&](const stored_records& rows) { count = rows.size(); }, [](const caf::error&) {});
    return count;
  }

  ~world() override { self->send_exit(store, caf::exit_reason::user_shutdown); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_tests, world)

TEST(rows of a burst are gathered and written together) {
  write({record(1)});
  write({record(2), record(3)});
  CHECK_EQ(rows_in_database(), 0u);
  advance(20ms);
  CHECK_EQ(rows_in_database(), 3u);
  CHECK_EQ(counter("troupe_store_rows_written_total"), 3);
  CHECK_EQ(counter("troupe_store_rows_waiting"), 0);
  CHECK_EQ(found(record(2).key), 1u);
  CHECK_EQ(found("9780000000000"), 0u);
}

TEST(flush writes what is waiting and says how many were written) {
  write({record(1), record(2)});
  std::int64_t written = 0;
  auto asked = self->request(store, caf::infinite, flush_atom::value);
  settle();
  asked.receive([&](std::int64_t n) { written = n; }, [](const caf::error&) {});
  CHECK_EQ(written, 2);
  CHECK_EQ(rows_in_database(), 2u);
}

TEST(rows that cannot be written wait and are tried again each second) {
  REQUIRE(db->script("ALTER TABLE books RENAME TO hidden").has_value());
  write({record(1)});
  advance(20ms);
  CHECK_EQ(counter("troupe_store_write_failures_total"), 1);
  CHECK_EQ(counter("troupe_store_rows_waiting"), 1);
  CHECK(lines.has("Storing 1 records failed"));
  advance(1s);
  CHECK_EQ(counter("troupe_store_write_failures_total"), 2);
  REQUIRE(db->script("ALTER TABLE hidden RENAME TO books").has_value());
  write({record(2)});
  advance(1s);
  CHECK_EQ(rows_in_database(), 2u);
  CHECK_EQ(counter("troupe_store_rows_waiting"), 0);
}

TEST(what waits is bounded and what is dropped is counted) {
  REQUIRE(db->script("ALTER TABLE books RENAME TO hidden").has_value());
  write(stored_records(10'000, record(1)));
  write({record(2), record(3)});
  CHECK_EQ(counter("troupe_store_rows_waiting"), 10'000);
  CHECK_EQ(counter("troupe_store_rows_dropped_total"), 2);
}

CAF_TEST_FIXTURE_SCOPE_END()
