// What is the SQL back-end's own: bodies that nobody names any more, damage, and puts that meet. On SQLite; what both
// databases must do is in objects_conformance_test.cpp.
#define TEST_SUITE objects_sql
#include "tests/support/test.hpp"

#include "tests/support/objects.hpp"

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::patterned;
using test::value_of;

namespace {

/// A database with the tables, a clock that a test sets, and a bucket.
struct fixture {
  test::temp_directory directory;
  std::int64_t now_ms = test::objects_now_ms;
  std::unique_ptr<sqlite::database> db = value_of(sqlite::database::open({.path = directory.file("objects.db")}));
  std::optional<objects_sql> opened;

  fixture() {
    test::make_object_tables(*db);
    opened.emplace(*db, "bucket", [this] { return now_ms; });
  }

  [[nodiscard]] objects_sql& bucket() { return *opened; }

  std::int64_t count(const std::string& table) {
    auto found = value_of(db->first("SELECT count(*) AS n FROM " + table));
    return *found->get<std::int64_t>("n");
  }
};

void put(objects& bucket, std::string_view key, std::string_view body) {
  REQUIRE(value_of(bucket.put(key, source_of(body), {})).has_value());
}

} // namespace

TEST(a body that was replaced or removed stays for its readers and then goes) {
  auto f = fixture{};
  put(f.bucket(), "k", patterned(3'000'000));
  put(f.bucket(), "k", "new");
  put(f.bucket(), "gone", "x");
  REQUIRE(f.bucket().remove("gone").has_value());
  CHECK_EQ(f.count("object_chunks"), 5);
  CHECK_EQ(value_of(f.bucket().sweep()), 0);
  f.now_ms += objects_sql::released_for_ms;
  CHECK_EQ(value_of(f.bucket().sweep()), 2);
  CHECK_EQ(f.count("object_chunks"), 1);
  CHECK_EQ(f.count("object_bodies"), 1);
  CHECK_EQ(value_of(get_whole(f.bucket(), "k"))->body, "new");
}

TEST(a put that died goes after a day and one under way does not) {
  auto f = fixture{};
  REQUIRE(f.db->run("INSERT INTO object_bodies (body, made_ms) VALUES ('dead', ?)", {f.now_ms}).has_value());
  REQUIRE(f.db->run("INSERT INTO object_chunks (body, n, bytes) VALUES ('dead', 0, ?)", {blob{"x"}}).has_value());
  f.now_ms += objects_sql::unfinished_for_ms - 1;
  CHECK_EQ(value_of(f.bucket().sweep()), 0);
  f.now_ms += 1;
  auto other = objects_sql{*f.db, "other", [&] { return f.now_ms; }};
  const auto source = [&, first = true](std::span<char> buffer) mutable -> result<std::size_t> {
    if (!std::exchange(first, false))
      return std::size_t{0};
    CHECK_EQ(value_of(f.bucket().sweep()), 1); // the dead one alone
    buffer[0] = 'y';
    return std::size_t{1};
  };
  REQUIRE(value_of(other.put("k", source, {})).has_value());
  CHECK_EQ(value_of(get_whole(other, "k"))->body, "y");
}

TEST(a put sweeps now and then by itself) {
  auto f = fixture{};
  put(f.bucket(), "k", "1");
  put(f.bucket(), "k", "2");
  CHECK_EQ(f.count("object_bodies"), 2);
  f.now_ms += objects_sql::sweep_every_ms + objects_sql::released_for_ms;
  put(f.bucket(), "k", "3");
  CHECK_EQ(f.count("object_bodies"), 2); // the first is gone, the second just released
}

TEST(a put that is refused leaves nothing behind once swept) {
  auto f = fixture{};
  put(f.bucket(), "k", "old");
  CHECK(!value_of(f.bucket().put("k", source_of("x"), {.only = {.if_none_match = "*"}})).has_value());
  CHECK(!f.bucket().put("k", source_of("x"), {.sha256 = std::string(64, '0')}).has_value());
  f.now_ms += objects_sql::released_for_ms;
  CHECK_EQ(value_of(f.bucket().sweep()), 2);
  CHECK_EQ(f.count("object_chunks"), 1);
}

TEST(of two puts that begin together the later one stays and the other goes) {
  auto f = fixture{};
  auto other = objects_sql{*f.db, "bucket", [&] { return f.now_ms; }};
  const auto source = [&, first = true](std::span<char> buffer) mutable -> result<std::size_t> {
    if (!std::exchange(first, false))
      return std::size_t{0};
    put(other, "k", "in between");
    buffer[0] = 'z';
    return std::size_t{1};
  };
  REQUIRE(value_of(f.bucket().put("k", source, {})).has_value());
  CHECK_EQ(value_of(get_whole(other, "k"))->body, "z");
  f.now_ms += objects_sql::released_for_ms;
  CHECK_EQ(value_of(f.bucket().sweep()), 1);
  CHECK_EQ(f.count("object_chunks"), 1);
}

TEST(a damaged or missing chunk is an error that names the object and the place) {
  auto f = fixture{};
  const auto body = patterned((2 << 20) + 10);
  put(f.bucket(), "k", body);
  REQUIRE(f.db->run("UPDATE object_chunks SET bytes = ? WHERE n = 1", {blob{patterned(1 << 20)}}).has_value());
  auto bytes = std::string{};
  const auto damage = error_of(f.bucket().get("k", [&](const auto&, std::string_view piece) {
    bytes.append(piece);
    return true;
  }));
  CHECK_EQ(damage.message, "object k: is damaged: bytes 1048576 to 2097151 do not have their checksum");
  CHECK(bytes == body.substr(0, 1 << 20));
  REQUIRE(f.db->run("DELETE FROM object_chunks WHERE n = 0").has_value());
  CHECK_EQ(error_of(get_whole(f.bucket(), "k")).message, "object k: is damaged: bytes 0 to 1048575 are missing");
}
