// What is PostgreSQL's own: addresses and credentials, a server that goes and comes back, time-outs.
#define TEST_SUITE postgres
#include "tests/support/eventually.hpp"
#include "tests/support/test.hpp"

#include "storage/postgres/address.hpp"
#include "storage/postgres/backoff.hpp"
#include "storage/postgres/database.hpp"
#include "storage/postgres/text.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/results.hpp"

#include <thread>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;

namespace {

using database_ptr = std::unique_ptr<postgres::database>;

database_ptr open(const std::string& address) {
  return value_of(postgres::database::open({.address = address, .shortest_wait = std::chrono::milliseconds{1}}));
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::int64_t number(sql& db, const std::string& text) {
  const auto found = value_of(db.first(text));
  return std::get<std::int64_t>(found->values().front());
}

/// Ends the session of `victim` from another connection.
void terminate(postgres::database& victim, postgres::database& other) {
  const auto pid = number(victim, "SELECT pg_backend_pid()");
  REQUIRE(value_of(other.first("SELECT pg_terminate_backend(?, 5000)", {pid})).has_value());
}

} // namespace

TEST(question marks become numbered places outside of quotes and comments) {
  const auto text = [](std::string_view given) { return postgres::read(given).text; };
  CHECK_EQ(text("SELECT ?, ?"), "SELECT $1, $2");
  CHECK_EQ(text("SELECT '?', 'it''s ?', \"a?\", ? -- ?\n, ?"), "SELECT '?', 'it''s ?', \"a?\", $1 -- ?\n, $2");
  CHECK_EQ(text("/* ? /* ? */ ? */ ?"), "/* ? /* ? */ ? */ $1");
  CHECK_EQ(text("SELECT $$ ? $$, $tag$ $$ ? $tag$, ?"), "SELECT $$ ? $$, $tag$ $$ ? $tag$, $1");
  CHECK_EQ(text(R"(SELECT E'\' ?', ?, B'?')"), R"(SELECT E'\' ?', $1, B'?')");
  CHECK_EQ(text(R"(SELECT 'a\', ?)"), R"(SELECT 'a\', $1)");
  CHECK_EQ(text("SELECT 'never ends ?"), "SELECT 'never ends ?");
  CHECK_EQ(text("a$b$?"), "a$b$$1"); // a dollar within a name quotes nothing
}

TEST(every statement of a text is found by its first word) {
  const auto words = [](std::string_view given) { return postgres::read(given).keywords; };
  using list = std::vector<std::string>;
  CHECK(words("select 1; ; -- x\n COMMIT;") == (list{"SELECT", "COMMIT"}));
  CHECK(words("  -- nothing\n/* ; */ ;").empty());
  CHECK(words("(SELECT 1)") == (list{""}));
  CHECK(postgres::only_reads(postgres::read("WITH a AS (SELECT 1) SELECT * FROM a")));
  CHECK(!postgres::only_reads(postgres::read("WITH a AS (DELETE FROM b RETURNING c) SELECT * FROM a")));
  CHECK(!postgres::only_reads(postgres::read("SELECT 1 FROM b FOR UPDATE")));
}

TEST(an address is shown without user and password and options) {
  const auto parsed = value_of(postgres::parse_address(
    "postgresql://troupe:p%40ss@db.example:5433/books?sslmode=require&password=other", std::chrono::seconds{3}));
  CHECK_EQ(parsed.shown, "postgres://db.example:5433/books");
  CHECK(parsed.secrets == (std::vector<std::string>{"p%40ss", "p@ss", "other"}));
  CHECK_EQ(postgres::redact("p@ss and p%40ss and other", parsed), "*** and *** and ***");
  CHECK(contains(parsed.complete, "&connect_timeout=3&"));
  for (const auto* wrong : {"", "db.example", "mysql://troupe:secret@db/books", "host=db password=secret"}) {
    const auto failed = error_of(postgres::parse_address(wrong, std::chrono::seconds{3}));
    CHECK(failed.code == ec::config_invalid);
    CHECK(!contains(failed.message, "secret"));
  }
}

TEST(waits for a lost server grow and end with its return) {
  using std::chrono::milliseconds;
  auto waits = postgres::backoff{milliseconds{100}, milliseconds{350}};
  const auto start = postgres::backoff::clock::time_point{} + std::chrono::hours{1};
  CHECK(waits.may_try(start));
  for (const auto whole : {100, 200, 350, 350}) {
    waits.failed(start, 1);
    CHECK(waits.left(start) == milliseconds{whole});
    CHECK(!waits.may_try(start + milliseconds{whole - 1}));
    CHECK(waits.may_try(start + milliseconds{whole}));
  }
  waits.failed(start, 0);
  CHECK(waits.left(start) == milliseconds{175});
  waits.succeeded();
  CHECK(waits.may_try(start));
}

TEST(a wrong password or database is unusable and shows no credential) {
  auto& cluster = test::postgres_cluster::shared();
  const auto port = std::to_string(cluster.port());
  const auto refused =
    error_of(postgres::database::open({.address = "postgres://troupe:wr0ng-secret@127.0.0.1:" + port + "/postgres"}));
  CHECK(refused.code == ec::storage_unusable);
  CHECK(refused.message.starts_with("postgres://127.0.0.1:" + port + "/postgres: refuses us: "));
  CHECK(!contains(refused.message, "wr0ng-secret"));
  const auto missing = error_of(postgres::database::open({.address = cluster.address("nowhere")}));
  CHECK(missing.code == ec::storage_unusable);
  CHECK(contains(missing.message, "does not exist"));
  CHECK(!contains(missing.message, test::postgres_cluster::password));
  const auto nobody = error_of(postgres::database::open({.address = "postgres://troupe:wr0ng-secret@127.0.0.1:1/x"}));
  CHECK(nobody.code == ec::storage_failed);
  CHECK(nobody.message.starts_with("postgres://127.0.0.1:1/x: is not reachable: "));
  CHECK(!contains(nobody.message, "wr0ng-secret"));
  auto db = open(cluster.fresh_database());
  CHECK(!contains(std::string{db->name()}, "troupe"));
  CHECK(!contains(std::string{db->name()}, test::postgres_cluster::password));
}

TEST(no error holds the value of a parameter) {
  auto db = open(test::postgres_cluster::shared().fresh_database());
  REQUIRE(
    db->run("CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20) UNIQUE, n BIGINT CHECK (n > 0))").has_value());
  const auto secret = std::string{"very personal"};
  REQUIRE(db->run("INSERT INTO t VALUES (1, ?, 1)", {secret}).has_value());
  const auto refusal = [&](std::string_view text, const params& bound) {
    const auto failed = error_of(db->run(text, bound));
    CHECK(failed.code == ec::storage_failed);
    CHECK(!contains(failed.message, "personal"));
    CHECK(!contains(failed.message, "4711"));
    CHECK(!contains(failed.message, "\n"));
    return failed.message;
  };
  CHECK_EQ(refusal("INSERT INTO t VALUES (2, ?, 1)", {secret}),
    "duplicate key value violates unique constraint \"t_name_key\"");
  CHECK_EQ(refusal("INSERT INTO t VALUES (?, 'x', 1)", {secret}), "a value is not of the type that its place needs");
  CHECK_EQ(refusal("INSERT INTO t VALUES (3, ?, 1)", {secret + secret}), "a text is too long for its column");
  CHECK_EQ(refusal("INSERT INTO t VALUES (3, ?, 1)", {std::string{"personal \xff"}}), "a text is not UTF-8");
  CHECK_EQ(refusal("INSERT INTO t VALUES (3, ?, 1)", {std::string{"personal \0", 10}}),
    "parameter 1: a text cannot hold a NUL byte: bind it as a blob");
  CHECK(contains(refusal("INSERT INTO t VALUES (3, 'y', ?)", {std::int64_t{-4711}}), "violates check constraint"));
}

TEST(nobody but the store changes the session or reads files of the server) {
  auto db = open(test::postgres_cluster::shared().fresh_database());
  for (const auto* text : {"SET statement_timeout = 0", "RESET ALL", "COPY pg_class TO '/tmp/x'", "VACUUM", "DO $$ $$",
         "LISTEN a", "DEALLOCATE ALL", "/* x */ commit", "DISCARD ALL"})
    CHECK(contains(error_of(db->run(text)).message, "not authorized"));
  CHECK(contains(error_of(db->script("CREATE TABLE a (b TEXT); COMMIT")).message, "not authorized"));
}

TEST(a statement that takes too long is stopped and the next one works) {
  auto db = value_of(postgres::database::open({.address = test::postgres_cluster::shared().fresh_database(),
    .statement_timeout = std::chrono::milliseconds{50}}));
  const auto failed = error_of(db->first("SELECT pg_sleep(60)"));
  CHECK(failed.code == ec::storage_failed);
  CHECK_EQ(failed.message, "the statement took longer than the statement time-out and was stopped");
  CHECK_EQ(number(*db, "SELECT 1"), 1);
}

TEST(a connection that was cut while nothing ran is replaced before the next write) {
  const auto address = test::postgres_cluster::shared().fresh_database();
  auto db = open(address);
  auto other = open(address);
  REQUIRE(db->run("CREATE TABLE t (id BIGINT)").has_value());
  terminate(*db, *other);
  CHECK(db->run("INSERT INTO t VALUES (1)").has_value());
  CHECK_EQ(db->connects(), 2);
  CHECK_EQ(number(*db, "SELECT count(*) FROM t"), 1);
}

TEST(a read that lost its connection is asked again and a write is not) {
  const auto address = test::postgres_cluster::shared().fresh_database();
  auto db = open(address);
  REQUIRE(db->run("CREATE TABLE t (id BIGINT)").has_value());
  // The session ends itself in the middle of a statement: once, because then the table holds a row of another's.
  auto other = open(address);
  const auto pid = number(*db, "SELECT pg_backend_pid()");
  auto killer = std::jthread{[&] {
    static_cast<void>(test::eventually([&] {
      const auto found = other->first(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ? AND query LIKE ? AND state = 'active'",
        {pid, std::string{"%pg_sleep%"}});
      return found && found.value().has_value();
    }));
  }};
  const auto asked = db->first("SELECT pg_sleep(CASE WHEN pg_backend_pid() = ? THEN 60 ELSE 0 END), 7 AS n", {pid});
  killer.join();
  REQUIRE(asked.has_value());
  CHECK_EQ(*asked.value()->get<std::int64_t>("n"), 7);
  CHECK_EQ(db->connects(), 2);

  const auto again = number(*db, "SELECT pg_backend_pid()");
  auto second_killer = std::jthread{[&] {
    static_cast<void>(test::eventually([&] {
      const auto found = other->first(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ? AND query LIKE ? AND state = 'active'",
        {again, std::string{"%pg_sleep%"}});
      return found && found.value().has_value();
    }));
  }};
  const auto written = error_of(db->run("INSERT INTO t SELECT 1 FROM pg_sleep(60)"));
  second_killer.join();
  CHECK(written.code == ec::storage_failed);
  CHECK(contains(written.message, "whether the statement was carried out is unknown"));
  CHECK_EQ(number(*db, "SELECT count(*) FROM t"), 0);
}

TEST(a transaction ends with its connection) {
  const auto address = test::postgres_cluster::shared().fresh_database();
  auto db = open(address);
  auto other = open(address);
  REQUIRE(db->run("CREATE TABLE t (id BIGINT)").has_value());
  const auto failed = error_of(db->exclusively([&]() -> result<void> {
    CHECK(db->run("INSERT INTO t VALUES (1)").has_value());
    terminate(*db, *other);
    CHECK(contains(error_of(db->run("INSERT INTO t VALUES (2)")).message, "nothing of the transaction remains"));
    CHECK(!db->first("SELECT 1").has_value());
    return ok();
  }));
  CHECK(contains(failed.message, "nothing of the transaction remains"));
  CHECK_EQ(number(*db, "SELECT count(*) FROM t"), 0);
}

TEST(a server that is away is said to be so at once and is found again) {
  auto cluster = test::postgres_cluster{};
  auto db = open(cluster.fresh_database());
  REQUIRE(db->run("CREATE TABLE t (id BIGINT)").has_value());
  REQUIRE(db->run("INSERT INTO t VALUES (1)").has_value());
  for (const auto graceful : {true, false}) {
    if (graceful)
      cluster.stop();
    else
      cluster.crash();
    for (int i = 0; i < 10; ++i) {
      const auto failed = error_of(db->run("INSERT INTO t VALUES (2)"));
      CHECK(failed.code == ec::storage_failed);
      CHECK(contains(failed.message, "is not reachable"));
      CHECK(!contains(failed.message, test::postgres_cluster::password));
    }
    CHECK(!db->exclusively([] { return result<void>{ok()}; }).has_value());
    cluster.start();
    CHECK(test::eventually([&] { return db->run("INSERT INTO t VALUES (3)").has_value(); }));
  }
  CHECK_EQ(number(*db, "SELECT count(*) FROM t WHERE id = 2"), 0);
  CHECK_EQ(number(*db, "SELECT count(*) FROM t WHERE id = 3"), 2);
  CHECK_EQ(number(*db, "SELECT count(*) FROM t"), 3); // what was acknowledged before the crash is there
}

TEST(a server without connections to spare is said to be so and serves again when one is free) {
  auto& cluster = test::postgres_cluster::shared();
  const auto address = cluster.fresh_database();
  auto held = std::vector<database_ptr>{};
  auto refusal = std::string{};
  for (int i = 0; i < 60 && refusal.empty(); ++i) {
    auto opened = postgres::database::open({.address = address});
    if (opened) {
      held.push_back(std::move(opened.value()));
    } else {
      CHECK(opened.error().code == ec::storage_failed);
      refusal = opened.error().message;
    }
  }
  CHECK(contains(refusal, "too many clients already"));
  CHECK_EQ(number(*held.front(), "SELECT 1"), 1);
  held.clear();
  CHECK(test::eventually([&] { return postgres::database::open({.address = address}).has_value(); }));
}

TEST(more statements than are kept prepared all work) {
  auto db = value_of(
    postgres::database::open({.address = test::postgres_cluster::shared().fresh_database(), .cached_statements = 2}));
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 5; ++i)
      CHECK_EQ(number(*db, "SELECT " + std::to_string(i)), i);
  CHECK_EQ(number(*db, "SELECT count(*) FROM pg_prepared_statements"), 2);
}

TEST(a stream of many rows is read in parts) {
  auto db = value_of(
    postgres::database::open({.address = test::postgres_cluster::shared().fresh_database(), .rows_at_once = 10}));
  auto sum = std::int64_t{0};
  REQUIRE(db->each("SELECT n FROM generate_series(1, ?) AS n", {std::int64_t{1005}},
              [&](const row& r) {
                sum += *r.get<std::int64_t>("n");
                return true;
              })
            .has_value());
  CHECK_EQ(sum, 1005 * 1006 / 2);
}
