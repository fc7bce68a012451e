// What every back-end of `sql` must do, written against the interface alone. Another back-end joins in backends.hpp.
#define TEST_SUITE sql_conformance
#include "tests/support/test.hpp"

#include "tests/storage/backends.hpp"

#include <atomic>
#include <limits>
#include <thread>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;

namespace {

/// Runs a test's body against a fresh, empty database of each back-end.
template <class Body>
void for_each_backend(Body&& body) {
  test::for_each_database([&](test::backend& kind) {
    auto db = kind.open();
    body(*db);
  });
}

/// `text` with the database's own word for a column of bytes.
std::string with_blobs(schema_sql& db, std::string text) {
  for (auto at = text.find("BLOB"); at != std::string::npos; at = text.find("BLOB", at + 1))
    text.replace(at, 4, db.blob_type());
  return text;
}

void make_items(sql& db) {
  REQUIRE(db.run("CREATE TABLE items (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)").has_value());
}

std::int64_t count_items(sql& db) {
  auto found = db.first("SELECT count(*) AS n FROM items");
  REQUIRE(found.has_value());
  REQUIRE(found.value().has_value());
  const auto* n = found.value()->get<std::int64_t>("n");
  REQUIRE(n != nullptr);
  return *n;
}

std::string text_of(const value& v) {
  const auto* text = std::get_if<std::string>(&v);
  return text != nullptr ? *text : "(not a text)";
}

} // namespace

TEST(every type of value comes back as it was stored) {
  for_each_backend([](schema_sql& db) {
    REQUIRE(
      db.run(with_blobs(db, "CREATE TABLE v (a BIGINT, b DOUBLE PRECISION, c TEXT, d BLOB, e TEXT)")).has_value());
    const auto lowest = std::numeric_limits<std::int64_t>::min();
    const auto bytes = blob{std::string{"\0\xff\x01", 3}};
    REQUIRE(
      db.run("INSERT INTO v VALUES (?, ?, ?, ?, ?)", {lowest, 0.1, std::string{"Žižek 漢字"}, bytes, {}}).has_value());
    auto found = db.first("SELECT a, b, c, d, e FROM v");
    REQUIRE(found.has_value());
    REQUIRE(found.value().has_value());
    const auto& row = *found.value();
    CHECK(row.columns() == (std::vector<std::string>{"a", "b", "c", "d", "e"}));
    CHECK(row.values() == (std::vector<value>{lowest, 0.1, std::string{"Žižek 漢字"}, bytes, {}}));
    CHECK(row.find("e") != nullptr);
    CHECK(row.get<std::string>("e") == nullptr);
    CHECK(row.get<std::int64_t>("c") == nullptr);
    CHECK(row.find("nobody") == nullptr);
  });
}

TEST(an empty text and an empty blob are not NULL) {
  for_each_backend([](schema_sql& db) {
    REQUIRE(db.run(with_blobs(db, "CREATE TABLE v (a TEXT NOT NULL, b BLOB NOT NULL)")).has_value());
    REQUIRE(db.run("INSERT INTO v VALUES (?, ?)", {std::string{}, blob{}}).has_value());
    auto found = db.first("SELECT a, b FROM v");
    REQUIRE(found.has_value());
    CHECK(found.value()->values() == (std::vector<value>{std::string{}, blob{std::string{}}}));
  });
}

TEST(first answers one row or none and all answers every row in order) {
  for_each_backend([](sql& db) {
    make_items(db);
    auto none = db.first("SELECT * FROM items WHERE id = ?", {std::int64_t{1}});
    REQUIRE(none.has_value());
    CHECK(!none.value().has_value());
    for (const auto id : {3, 1, 2})
      REQUIRE(db.run("INSERT INTO items VALUES (?, ?)", {std::int64_t{id}, "item " + std::to_string(id)}).has_value());
    auto first = db.first("SELECT name FROM items ORDER BY id");
    REQUIRE(first.has_value());
    CHECK_EQ(text_of(first.value()->values().front()), "item 1");
    auto all = db.all("SELECT name FROM items ORDER BY id DESC");
    REQUIRE(all.has_value());
    REQUIRE_EQ(all.value().size(), 3u);
    CHECK_EQ(text_of(all.value().front().values().front()), "item 3");
    auto empty = db.all("SELECT name FROM items WHERE id > ?", {std::int64_t{99}});
    REQUIRE(empty.has_value());
    CHECK(empty.value().empty());
  });
}

TEST(a first that writes has written) {
  for_each_backend([](sql& db) {
    make_items(db);
    auto made = db.first("INSERT INTO items VALUES (?, ?), (?, ?) RETURNING id",
      {std::int64_t{7}, std::string{"a"}, std::int64_t{8}, std::string{"b"}});
    REQUIRE(made.has_value());
    REQUIRE(made.value().has_value());
    CHECK(made.value()->values().front() == value{std::int64_t{7}});
    CHECK_EQ(count_items(db), 2);
  });
}

TEST(run says how many rows it changed) {
  for_each_backend([](sql& db) {
    auto made = db.run("CREATE TABLE items (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)");
    REQUIRE(made.has_value());
    CHECK_EQ(made.value(), 0);
    const auto two = params{std::int64_t{1}, std::string{"a"}, std::int64_t{2}, std::string{"b"}};
    CHECK_EQ(value_of(db.run("INSERT INTO items VALUES (?, ?), (?, ?)", two)), 2);
    CHECK_EQ(value_of(db.run("CREATE TABLE other (id BIGINT)")), 0);
    CHECK_EQ(value_of(db.run("UPDATE items SET name = ?", {std::string{"c"}})), 2);
    CHECK_EQ(value_of(db.run("UPDATE items SET name = ? WHERE id = ?", {std::string{"c"}, std::int64_t{9}})), 0);
    CHECK_EQ(value_of(db.run("DELETE FROM items")), 2);
    CHECK_EQ(value_of(db.run("SELECT 1")), 0);
  });
}

TEST(what looks like SQL in a parameter stays data) {
  for_each_backend([](sql& db) {
    make_items(db);
    auto id = std::int64_t{0};
    const auto hostile = std::vector<std::string>{"'; DROP TABLE items; --", "' OR '1'='1", "\" OR \"\"=\"",
      "Robert'); DELETE FROM items; --", "%_\\", "?", "$1", "\n\r\t;"};
    for (const auto& text : hostile)
      REQUIRE(db.run("INSERT INTO items VALUES (?, ?)", {++id, text}).has_value());
    CHECK_EQ(count_items(db), static_cast<std::int64_t>(hostile.size()));
    for (const auto& text : hostile) {
      auto found = db.all("SELECT name FROM items WHERE name = ?", {text});
      REQUIRE(found.has_value());
      REQUIRE_EQ(found.value().size(), 1u);
      CHECK_EQ(text_of(found.value().front().values().front()), text);
    }
  });
}

TEST(a call is one statement with as many parameters as it has places) {
  for_each_backend([](sql& db) {
    make_items(db);
    for (const auto* text : {"DELETE FROM items; DROP TABLE items", "", "  ", "-- nothing", "SELECT 1; SELECT 2"}) {
      auto refused = db.run(text);
      REQUIRE(!refused.has_value());
      CHECK_EQ(refused.error().message, "expected exactly one statement");
    }
    CHECK(db.run("DELETE FROM items; -- a comment may follow\n").has_value());
    CHECK_EQ(
      error_of(db.run("INSERT INTO items VALUES (?, ?)", {std::int64_t{1}})).message, "expected 2 parameters, got 1");
    CHECK_EQ(error_of(db.run("DELETE FROM items", {std::int64_t{1}})).message, "expected 0 parameters, got 1");
    CHECK_EQ(count_items(db), 0);
  });
}

TEST(a failing statement is a storage error and the next one works) {
  for_each_backend([](sql& db) {
    make_items(db);
    CHECK(error_of(db.run("SELEC 1")).code == ec::storage_failed);
    CHECK(error_of(db.first("SELECT * FROM nowhere")).code == ec::storage_failed);
    const auto one = params{std::int64_t{1}, std::string{"secret value"}};
    REQUIRE(db.run("INSERT INTO items VALUES (?, ?)", one).has_value());
    auto twice = db.run("INSERT INTO items VALUES (?, ?)", one);
    REQUIRE(!twice.has_value());
    CHECK(twice.error().code == ec::storage_failed);
    CHECK(twice.error().message.find("secret value") == std::string::npos);
    CHECK_EQ(count_items(db), 1);
  });
}

TEST(a batch changes everything or nothing) {
  for_each_backend([](sql& db) {
    make_items(db);
    const auto insert = std::string{"INSERT INTO items VALUES (?, ?)"};
    const auto item = [&](std::int64_t id) { return statement{insert, {id, "item " + std::to_string(id)}}; };
    auto done = db.batch({item(1), item(2), {"UPDATE items SET name = ?", {std::string{"x"}}}});
    REQUIRE(done.has_value());
    CHECK(done.value() == (std::vector<std::int64_t>{1, 1, 2}));
    auto failed = db.batch({item(3), item(4), item(1), item(5)});
    REQUIRE(!failed.has_value());
    CHECK_EQ(failed.error().message.substr(0, 17), "statement 3 of 4:");
    CHECK_EQ(count_items(db), 2);
    CHECK(value_of(db.batch({})).empty());
    CHECK(db.batch({item(3)}).has_value()); // the failed one left no transaction behind
    CHECK_EQ(count_items(db), 3);
  });
}

TEST(a statement cannot begin or end a transaction) {
  for_each_backend([](sql& db) {
    make_items(db);
    for (const auto* text : {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "END"})
      CHECK(!db.run(text).has_value());
    const auto insert = statement{"INSERT INTO items VALUES (1, 'a')", {}};
    CHECK(!db.batch({insert, {"COMMIT", {}}, {"SELECT * FROM nowhere", {}}}).has_value());
    CHECK_EQ(count_items(db), 0);
  });
}

TEST(work that fails or throws leaves nothing of an exclusive transaction) {
  for_each_backend([](schema_sql& db) {
    make_items(db);
    const auto insert = [&] { return db.run("INSERT INTO items VALUES (1, 'a')").has_value(); };
    auto failed = db.exclusively([&]() -> result<void> {
      CHECK(insert());
      return fail(ec::bad_request, "no");
    });
    CHECK(!failed.has_value());
    auto thrown = false;
    try {
      auto ignored = db.exclusively([&]() -> result<void> {
        CHECK(insert());
        throw std::runtime_error{"no"};
      });
      CHECK(!ignored.has_value());
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    CHECK(thrown);
    CHECK_EQ(count_items(db), 0);
    auto done = db.exclusively([&]() -> result<void> {
      CHECK(insert());
      return ok();
    });
    CHECK(done.has_value());
    CHECK_EQ(count_items(db), 1);
  });
}

TEST(a script runs many statements and stops at the first that fails) {
  for_each_backend([](schema_sql& db) {
    CHECK(
      db.script("CREATE TABLE items (id BIGINT, name TEXT); INSERT INTO items VALUES (1, 'a;b'); -- end").has_value());
    CHECK_EQ(count_items(db), 1);
    CHECK(!db.script("INSERT INTO items VALUES (2, 'b'); INSERT INTO nowhere VALUES (1)").has_value());
  });
}

TEST(the extremes of every type come back as they were) {
  for_each_backend([](schema_sql& db) {
    REQUIRE(db.run(with_blobs(db, "CREATE TABLE v (a BIGINT, b DOUBLE PRECISION, c TEXT, d BLOB)")).has_value());
    using whole = std::numeric_limits<std::int64_t>;
    using real = std::numeric_limits<double>;
    auto every_byte = std::string{};
    for (int i = 0; i < 256; ++i)
      every_byte.push_back(static_cast<char>(i));
    const auto rows =
      std::vector<params>{{whole::max(), real::max(), std::string{"\\x41 \\ ' \" \t\r\n"}, blob{every_byte}},
        {whole::min(), real::denorm_min(), std::string{"🜁 ö ﷽ e\u0301"}, blob{std::string(3, '\0')}},
        {std::int64_t{0}, -0.1, std::string(100'000, 'x'), blob{std::string(2'000'000, '\xfe')}},
        {std::int64_t{-1}, real::infinity(), std::string{"NULL"}, blob{std::string{"\\x00"}}},
        {value{}, value{}, value{}, value{}}};
    for (const auto& each : rows)
      REQUIRE(db.run("INSERT INTO v (a, b, c, d) VALUES (?, ?, ?, ?)", each).has_value());
    for (const auto& each : rows) {
      const auto found = value_of(db.first("SELECT a, b, c, d FROM v WHERE a = ? OR (a IS NULL AND ? = 1)",
        {each.front(), std::int64_t{std::holds_alternative<std::monostate>(each.front()) ? 1 : 0}}));
      REQUIRE(found.has_value());
      CHECK(found->values() == each);
    }
    REQUIRE(db.run("DELETE FROM v").has_value());
    REQUIRE(db.run("INSERT INTO v (b) VALUES (?)", {real::quiet_NaN()}).has_value());
    CHECK(value_of(db.first("SELECT b FROM v"))->values().front() == value{});
  });
}

TEST(sums and counts and comparisons are whole numbers) {
  for_each_backend([](sql& db) {
    make_items(db);
    REQUIRE(db.run("INSERT INTO items VALUES (40, 'a'), (2, 'b')").has_value());
    const auto found = value_of(db.first("SELECT sum(id) AS total, count(*) AS n, max(id) AS most FROM items"));
    CHECK(found->values() == (std::vector<value>{std::int64_t{42}, std::int64_t{2}, std::int64_t{40}}));
  });
}

TEST(question marks in quotes and comments are no places for parameters) {
  for_each_backend([](sql& db) {
    make_items(db);
    REQUIRE(db.run("INSERT INTO items /* ? */ VALUES (?, 'what?') -- ?", {std::int64_t{1}}).has_value());
    const auto found = value_of(db.first("SELECT name AS \"really?\" FROM items WHERE id = ?", {std::int64_t{1}}));
    CHECK_EQ(found->columns().front(), "really?");
    CHECK_EQ(text_of(found->values().front()), "what?");
  });
}

TEST(statements that were answered before a change of schema answer after it) {
  for_each_backend([](sql& db) {
    make_items(db);
    REQUIRE(db.run("INSERT INTO items VALUES (1, 'a')").has_value());
    CHECK_EQ(value_of(db.first("SELECT * FROM items"))->columns().size(), 2u);
    REQUIRE(db.run("ALTER TABLE items ADD COLUMN more TEXT").has_value());
    CHECK_EQ(value_of(db.first("SELECT * FROM items"))->columns().size(), 3u);
  });
}

TEST(each hands over every row in order until its visitor has enough) {
  for_each_backend([](sql& db) {
    make_items(db);
    auto rows = std::vector<statement>{};
    for (std::int64_t i = 0; i < 1000; ++i)
      rows.push_back({"INSERT INTO items VALUES (?, ?)", {i, "item " + std::to_string(i)}});
    REQUIRE(db.batch(rows).has_value());
    auto seen = std::vector<std::int64_t>{};
    const auto collect = [&](const row& r) {
      seen.push_back(*r.get<std::int64_t>("id"));
      return true;
    };
    REQUIRE(db.each("SELECT id, name FROM items WHERE id >= ? ORDER BY id", {std::int64_t{10}}, collect).has_value());
    REQUIRE_EQ(seen.size(), 990u);
    for (std::size_t i = 0; i < seen.size(); ++i)
      REQUIRE_EQ(seen[i], static_cast<std::int64_t>(i) + 10);
    auto count = 0;
    REQUIRE(db.each("SELECT id FROM items", {}, [&](const row&) { return ++count < 300; }).has_value());
    CHECK_EQ(count, 300);
    REQUIRE(db.each("SELECT id FROM items WHERE id < 0", {}, [&](const row&) { return ++count < 0; }).has_value());
    CHECK_EQ(count, 300);
    CHECK_EQ(count_items(db), 1000);
  });
}

TEST(each refuses to write and passes on what its visitor throws) {
  for_each_backend([](sql& db) {
    make_items(db);
    REQUIRE(db.run("INSERT INTO items VALUES (1, 'a')").has_value());
    const auto all = [](const row&) { return true; };
    CHECK(!db.each("DELETE FROM items", {}, all).has_value());
    CHECK(!db.each("SELECT * FROM nowhere", {}, all).has_value());
    auto thrown = false;
    try {
      auto ignored = db.each("SELECT * FROM items", {}, [](const row&) -> bool { throw std::runtime_error{"no"}; });
      CHECK(!ignored.has_value());
    } catch (const std::runtime_error&) {
      thrown = true;
    }
    CHECK(thrown);
    CHECK_EQ(count_items(db), 1);
    CHECK(db.run("DELETE FROM items").has_value());
  });
}

TEST(work within work takes back its own changes alone) {
  for_each_backend([](schema_sql& db) {
    make_items(db);
    const auto insert = [&](std::int64_t id) { return db.run("INSERT INTO items VALUES (?, 'a')", {id}).has_value(); };
    auto done = db.exclusively([&]() -> result<void> {
      CHECK(insert(1));
      auto inner = db.exclusively([&]() -> result<void> {
        CHECK(insert(2));
        CHECK(!insert(1));
        return fail(ec::bad_request, "no");
      });
      CHECK(error_of(inner).code == ec::bad_request);
      CHECK(!db.batch({{"INSERT INTO items VALUES (3, 'a')", {}}, {"SELECT * FROM nowhere", {}}}).has_value());
      CHECK(db.batch({{"INSERT INTO items VALUES (4, 'a')", {}}}).has_value());
      CHECK(insert(5));
      return ok();
    });
    CHECK(done.has_value());
    auto ids = std::vector<std::int64_t>{};
    for (const auto& each : value_of(db.all("SELECT id FROM items ORDER BY id")))
      ids.push_back(*each.get<std::int64_t>("id"));
    CHECK(ids == (std::vector<std::int64_t>{1, 4, 5}));
  });
}

TEST(a transaction in which a statement failed is not committed even when its work does not say so) {
  for_each_backend([](schema_sql& db) {
    make_items(db);
    auto done = db.exclusively([&]() -> result<void> {
      CHECK(db.run("INSERT INTO items VALUES (1, 'a')").has_value());
      CHECK(!db.run("INSERT INTO items VALUES (1, 'b')").has_value());
      CHECK(!db.run("INSERT INTO items VALUES (2, 'b')").has_value());
      return ok();
    });
    CHECK(!done.has_value());
    CHECK_EQ(count_items(db), 0);
    CHECK(db.run("INSERT INTO items VALUES (1, 'a')").has_value());
  });
}

TEST(of two exclusive transactions on two connections the second waits) {
  test::for_each_database([](test::backend& kind) {
    auto one = kind.open();
    REQUIRE(one->run("CREATE TABLE n (n BIGINT)").has_value());
    REQUIRE(one->run("INSERT INTO n VALUES (0)").has_value());
    const auto add_slowly = [](schema_sql& db) {
      return db
        .exclusively([&]() -> result<void> {
          auto found = db.first("SELECT n FROM n");
          if (!found)
            return found.as_failure();
          auto set = db.run("UPDATE n SET n = ?", {*found.value()->get<std::int64_t>("n") + 1});
          return set ? result<void>{ok()} : set.as_failure();
        })
        .has_value();
    };
    auto failures = std::atomic<int>{0};
    {
      auto threads = std::vector<std::jthread>{};
      for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
          auto db = kind.try_open();
          for (int k = 0; k < 20; ++k)
            failures += db && add_slowly(*db.value()) ? 0 : 1;
        });
    }
    CHECK_EQ(failures.load(), 0);
    CHECK_EQ(*value_of(one->first("SELECT n FROM n"))->get<std::int64_t>("n"), 60);
  });
}
