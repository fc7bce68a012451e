#define TEST_SUITE books_repository
#include "tests/support/test.hpp"

#include "storage/books_repository.hpp"
#include "storage/migrations.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/storage/backends.hpp"
#include "tests/support/results.hpp"
#include "tests/support/temp_directory.hpp"

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;

namespace {

struct fixture {
  test::temp_directory directory;
  std::unique_ptr<sqlite::database> db;

  fixture() {
    auto opened = sqlite::database::open({.path = directory.file("main.db")});
    REQUIRE(opened.has_value());
    db = std::move(opened.value());
    auto known = parse_migrations(built_in_migrations());
    REQUIRE(known.has_value());
    REQUIRE(migrate_up(*db, known.value(), 1).has_value());
  }
};

stored_record book(const std::string& isbn, const std::string& title) {
  return {isbn, title, "Frank Herbert", R"({"title":")" + title + R"("})", "orchestrated:google+openlibrary",
    1'700'000'000'123};
}

} // namespace

TEST(a stored book is found by its ISBN as it was stored) {
  auto f = fixture{};
  auto books = books_repository{*f.db};
  const auto dune = book("9780441172719", "Dune");
  REQUIRE(books.put(dune).has_value());
  CHECK(value_of(books.find("9780441172719")) == dune);
  CHECK(!value_of(books.find("9780441172718")).has_value());
  CHECK(!value_of(books.find("' OR '1'='1")).has_value());
}

TEST(a book that is stored again is replaced) {
  auto f = fixture{};
  auto books = books_repository{*f.db};
  REQUIRE(books.put(book("9780441172719", "Dun")).has_value());
  auto better = book("9780441172719", "Dune");
  better.author.clear();
  better.fetched_ms = 1'800'000'000'000;
  REQUIRE(books.put(better).has_value());
  CHECK(value_of(books.find("9780441172719")) == better);
  CHECK_EQ(value_of(f.db->all("SELECT isbn FROM books")).size(), 1u);
}

TEST(many books are stored in one commit) {
  auto f = fixture{};
  auto books = books_repository{*f.db};
  const auto commits = f.db->commits();
  REQUIRE(books
            .put_many({book("9780441172719", "Dune"), book("9780553293357", "Foundation"),
              book("9780441172719", "Dune, once more")})
            .has_value());
  CHECK_EQ(f.db->commits() - commits, 1);
  CHECK(value_of(books.find("9780441172719"))->title == "Dune, once more");
  CHECK(value_of(books.find("9780553293357"))->title == "Foundation");
  CHECK(books.put_many({}).has_value());
  CHECK_EQ(f.db->commits() - commits, 1);
}

TEST(of many books at once each is stored and of two of one book the later) {
  test::for_each_database([](test::backend& kind) {
    const auto db = kind.open();
    const auto known = parse_migrations(built_in_migrations());
    REQUIRE(known.has_value());
    REQUIRE(migrate_up(*db, known.value(), 1).has_value());
    auto books = books_repository{*db};
    auto many = std::vector<stored_record>{};
    for (int i = 0; i < 70; ++i)
      many.push_back(book("isbn " + std::to_string(i), "title " + std::to_string(i)));
    many.push_back(book("isbn 3", "the later"));
    REQUIRE(books.put_many(many).has_value());
    CHECK_EQ(value_of(db->all("SELECT isbn FROM books")).size(), 70u);
    for (int i = 0; i < 70; ++i)
      CHECK_EQ(
        value_of(books.find("isbn " + std::to_string(i)))->title, i == 3 ? "the later" : "title " + std::to_string(i));
  });
}

TEST(a database without the table is a storage error) {
  const auto directory = test::temp_directory{};
  auto db = sqlite::database::open({.path = directory.file("empty.db")});
  REQUIRE(db.has_value());
  auto books = books_repository{*db.value()};
  CHECK(error_of(books.find("9780441172719")).code == ec::storage_failed);
  CHECK(error_of(books.put(book("9780441172719", "Dune"))).code == ec::storage_failed);
}
