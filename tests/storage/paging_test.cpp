// Pages by number and by key, on both back-ends.
#define TEST_SUITE paging
#include "tests/support/test.hpp"

#include "storage/paging.hpp"
#include "tests/storage/backends.hpp"

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;

namespace {

/// Users 1 to `n`; two each were made in one moment.
template <class Body>
void for_each_backend(std::int64_t n, Body&& body) {
  test::for_each_database([&](test::backend& kind) {
    auto db = kind.open();
    REQUIRE(db->run("CREATE TABLE users (id BIGINT PRIMARY KEY, name TEXT NOT NULL, created_ms BIGINT NOT NULL)")
              .has_value());
    auto rows = std::vector<statement>{};
    for (std::int64_t i = 1; i <= n; ++i)
      rows.push_back({"INSERT INTO users VALUES (?, ?, ?)", {i, "user " + std::to_string(i), i / 2}});
    REQUIRE(db->batch(rows).has_value());
    body(static_cast<sql&>(*db));
  });
}

std::vector<std::int64_t> ids(const std::vector<row>& rows) {
  auto list = std::vector<std::int64_t>{};
  for (const auto& each : rows)
    list.push_back(*each.get<std::int64_t>("id"));
  return list;
}

using numbers = std::vector<std::int64_t>;
constexpr auto newest_first = "SELECT id, name FROM users WHERE id > ? ORDER BY created_ms DESC, id DESC";

} // namespace

TEST(a page by number knows how many there are) {
  for_each_backend(45, [](sql& db) {
    const auto first = value_of(read_page(db, newest_first, {std::int64_t{0}}, {}));
    CHECK(first.where == (pagination{1, 20, 45, 3}));
    CHECK_EQ(first.rows.size(), 20u);
    CHECK_EQ(ids(first.rows).front(), 45);
    const auto last = value_of(read_page(db, newest_first, {std::int64_t{0}}, {.page = 3}));
    CHECK(ids(last.rows) == (numbers{5, 4, 3, 2, 1}));
    const auto beyond = value_of(read_page(db, newest_first, {std::int64_t{0}}, {.page = 4}));
    CHECK(beyond.rows.empty());
    CHECK(beyond.where == (pagination{4, 20, 45, 3}));
    CHECK(value_of(read_page(db, newest_first, {std::int64_t{99}}, {})).where == (pagination{1, 20, 0, 0}));
    CHECK_EQ(error_of(read_page(db, newest_first, {std::int64_t{0}}, {.page = 0})).message,
      "page: expected 1 to 1099511627776, got 0");
    CHECK_EQ(error_of(read_page(db, newest_first, {std::int64_t{0}}, {.size = 1001})).message,
      "pageSize: expected 1 to 1000, got 1001");
  });
}

TEST(pages by key follow each other while rows come and go) {
  for_each_backend(30, [](sql& db) {
    const auto query = keyset_query{
      .select = "SELECT id, name, created_ms FROM users", .key = {"created_ms", "id"}, .descending = true, .limit = 7};
    auto seen = numbers{};
    auto cursor = std::string{};
    auto next = std::int64_t{1000};
    do {
      const auto page = value_of(read_after(db, query, cursor));
      for (const auto id : ids(page.rows))
        seen.push_back(id);
      cursor = page.cursor;
      REQUIRE(db.run("INSERT INTO users VALUES (?, 'new', ?)", {next, next}).has_value());
      REQUIRE(db.run("DELETE FROM users WHERE id = ?", {seen.front()}).has_value());
      ++next;
    } while (!cursor.empty());
    auto expected = numbers{};
    for (std::int64_t i = 30; i >= 1; --i)
      expected.push_back(i);
    CHECK(seen == expected);
  });
}

TEST(a key may be texts and a cursor survives what stands in them) {
  for_each_backend(0, [](sql& db) {
    auto id = std::int64_t{0};
    for (const auto* name : {"a.b", "'; DROP TABLE users; --", "ä", "z"})
      REQUIRE(db.run("INSERT INTO users VALUES (?, ?, 0)", {++id, std::string{name}}).has_value());
    const auto query = keyset_query{.select = "SELECT id, name FROM users WHERE id > ?",
      .bound = {std::int64_t{0}},
      .key = {"name", "id"},
      .limit = 1};
    auto count = 0;
    auto cursor = std::string{};
    do {
      const auto page = value_of(read_after(db, query, cursor));
      CHECK_EQ(page.rows.size(), 1u);
      cursor = page.cursor;
      ++count;
    } while (!cursor.empty() && count < 10);
    CHECK_EQ(count, 4);
  });
}

TEST(a cursor that the list never gave is refused) {
  for_each_backend(3, [](sql& db) {
    const auto query = keyset_query{.select = "SELECT id, name FROM users", .key = {"id"}, .limit = 1};
    for (const auto* wrong :
      {"x", "i", "i1x", "t0", "tzz", "i1.i2", ".", "i99999999999999999999", "1; DROP TABLE users"})
      CHECK_EQ(error_of(read_after(db, query, wrong)).message, "cursor: expected one that this list has given");
    CHECK(error_of(read_after(db, {.select = "SELECT id FROM users", .key = {"id"}, .limit = 0}, "")).code
          == ec::bad_request);
  });
}

TEST(what is read in a batch is of one moment) {
  test::for_each_database([](test::backend& kind) {
    auto db = kind.open();
    REQUIRE(db->run("CREATE TABLE t (id BIGINT)").has_value());
    REQUIRE(db->run("INSERT INTO t VALUES (1)").has_value());
    const auto answers = value_of(db->read_batch({{"SELECT id FROM t WHERE id = ?", {std::int64_t{1}}},
      {"SELECT id FROM t WHERE id = 9", {}}, {"SELECT count(*) AS total FROM t", {}}}));
    REQUIRE_EQ(answers.size(), 3u);
    CHECK_EQ(answers[0].size(), 1u);
    CHECK(answers[1].empty());
    CHECK_EQ(*answers[2].front().get<std::int64_t>("total"), 1);
    CHECK(value_of(db->read_batch({})).empty());
    CHECK_EQ(error_of(db->read_batch({{"SELECT 1", {}}, {"SELECT * FROM nowhere", {}}})).message.substr(0, 17),
      "statement 2 of 2:");
    CHECK(!db->read_batch({{"DELETE FROM t", {}}}).has_value());
    CHECK(value_of(db->first("SELECT id FROM t")).has_value());
  });
}
