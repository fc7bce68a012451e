// What the pool promises, on both back-ends.
#define TEST_SUITE sql_pool
#include "tests/support/test.hpp"

#include "storage/sql_pool.hpp"
#include "tests/storage/backends.hpp"

#include <atomic>
#include <future>
#include <optional>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;

namespace {

constexpr auto whenever = sql_pool::clock::time_point::max();

/// As a node has it: SQLite with one grouping writer and readers apart, PostgreSQL with connections for everything.
std::unique_ptr<sql_pool> pool_of(test::backend& kind, std::size_t queue_limit = 10'000) {
  auto settings = pool_settings{};
  settings.queue_limit = queue_limit;
  settings.group_writes = kind.is_sqlite();
  settings.writers.push_back(kind.open());
  if (!kind.is_sqlite()) {
    settings.writers.push_back(kind.open());
  } else {
    const auto path = std::string{settings.writers.front()->name()};
    for (int i = 0; i < 2; ++i)
      settings.readers.push_back(value_of(sqlite::database::open({.path = path, .read_only = true})));
  }
  return std::make_unique<sql_pool>(std::move(settings));
}

sql_pool::job running(std::string text, params bound = {}) {
  return [text = std::move(text), bound = std::move(bound)](sql& db) -> result<void> {
    auto done = db.run(text, bound);
    return done ? result<void>{ok()} : done.as_failure();
  };
}

/// Submits and gives what will become of it.
std::future<result<void>> submit(
  sql_pool& pool, job_kind kind, sql_pool::job work, sql_pool::clock::time_point deadline = whenever) {
  auto promise = std::make_shared<std::promise<result<void>>>();
  auto outcome = promise->get_future();
  pool.submit(kind, std::move(work), deadline, [promise](result<void> r) { promise->set_value(std::move(r)); });
  return outcome;
}

std::int64_t count(sql_pool& pool) {
  auto found = std::make_shared<std::int64_t>(-1);
  auto asked = submit(pool, job_kind::read, [found](sql& db) -> result<void> {
    auto row = db.first("SELECT count(*) AS n FROM t");
    if (!row)
      return row.as_failure();
    *found = *row.value()->get<std::int64_t>("n");
    return ok();
  });
  REQUIRE(asked.get().has_value());
  return *found;
}

/// Keeps every writer of a pool busy until it is let go.
struct plug {
  std::promise<void> go;
  std::vector<std::future<result<void>>> held;

  plug(sql_pool& pool, test::backend& kind) {
    auto gate = std::shared_future<void>{go.get_future()};
    auto started = std::make_shared<std::atomic<int>>(0);
    const auto writers = kind.is_sqlite() ? 1 : 2;
    for (int i = 0; i < writers; ++i) {
      held.push_back(submit(pool, job_kind::write, [gate, started](sql&) -> result<void> {
        ++*started;
        gate.wait();
        return ok();
      }));
      while (started->load() <= i)
        std::this_thread::yield();
    }
  }
  void pull() {
    go.set_value();
    for (auto& each : held)
      REQUIRE(each.get().has_value());
  }
};

template <class Body>
void for_each_pool(Body&& body) {
  test::for_each_database([&](test::backend& kind) {
    REQUIRE(kind.open()->run("CREATE TABLE t (id BIGINT PRIMARY KEY)").has_value());
    body(kind);
  });
}

} // namespace

TEST(reads and writes are answered with what came of them) {
  for_each_pool([](test::backend& kind) {
    auto pool = pool_of(kind);
    CHECK(submit(*pool, job_kind::write, running("INSERT INTO t VALUES (?)", {std::int64_t{1}})).get().has_value());
    CHECK_EQ(count(*pool), 1);
    CHECK(
      error_of(submit(*pool, job_kind::write, running("INSERT INTO t VALUES (1)")).get()).code == ec::storage_failed);
    CHECK(error_of(submit(*pool, job_kind::read, running("SELEC 1")).get()).code == ec::storage_failed);
    const auto thrown =
      error_of(submit(*pool, job_kind::write, [](sql&) -> result<void> { throw std::runtime_error{"oh"}; }).get());
    CHECK(thrown.code == ec::internal);
    CHECK_EQ(thrown.message, "a storage job threw: oh");
    const auto counters = pool->counters();
    CHECK_EQ(counters.done, 2);
    CHECK_EQ(counters.failed, 3);
    CHECK_EQ(counters.queued + counters.running, 0);
  });
}

TEST(writes that wait together are committed together and one that fails harms no other) {
  auto kind = test::sqlite_backend{};
  REQUIRE(kind.open()->run("CREATE TABLE t (id BIGINT PRIMARY KEY)").has_value());
  auto pool = pool_of(kind);
  auto plugged = plug{*pool, kind};
  auto outcomes = std::vector<std::future<result<void>>>{};
  for (std::int64_t i = 0; i < 100; ++i)
    outcomes.push_back(submit(*pool, job_kind::write, [i](sql& db) -> result<void> {
      for (const auto id : {i, i % 10 == 9 ? i - 1 : i + 1000}) // every tenth meets its neighbour
        if (auto done = db.run("INSERT INTO t VALUES (?)", {id}); !done)
          return done.as_failure();
      return ok();
    }));
  const auto before = pool->counters();
  CHECK_EQ(before.queued, 100);
  plugged.pull();
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    CHECK_EQ(outcomes[i].get().has_value(), i % 10 != 9);
  const auto after = pool->counters();
  CHECK_EQ(after.groups - before.groups, 2); // the plug's own and one of a hundred
  CHECK_EQ(after.grouped_writes - before.grouped_writes, 101);
  CHECK_EQ(count(*pool), 180);
}

TEST(a write that stops the commit of its group harms no other) {
  auto kind = test::sqlite_backend{};
  auto setup = kind.open();
  REQUIRE(setup->run("CREATE TABLE t (id BIGINT PRIMARY KEY)").has_value());
  REQUIRE(setup->run("CREATE TABLE child (id BIGINT REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)").has_value());
  auto pool = pool_of(kind);
  auto plugged = plug{*pool, kind};
  auto outcomes = std::vector<std::future<result<void>>>{};
  for (std::int64_t i = 0; i < 5; ++i)
    outcomes.push_back(submit(*pool, job_kind::write,
      running(i == 2 ? "INSERT INTO child VALUES (?)" : "INSERT INTO t VALUES (?)", {i + 100})));
  plugged.pull();
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    CHECK_EQ(outcomes[i].get().has_value(), i != 2);
  CHECK_EQ(count(*pool), 4);
}

TEST(a write is answered when others can read it) {
  for_each_pool([](test::backend& kind) {
    auto reader = kind.open();
    auto visible = std::atomic<int>{0};
    auto mutex = std::mutex{};
    auto all_answered = std::promise<void>{};
    auto left = std::atomic<int>{50};
    auto pool = pool_of(kind); // its threads end before what its callbacks use
    for (std::int64_t i = 0; i < 50; ++i)
      pool->submit(
        job_kind::write, running("INSERT INTO t VALUES (?)", {i}), whenever, [&, i](const result<void>& done) {
          {
            const auto guard = std::lock_guard{mutex};
            auto found = reader->first("SELECT 1 FROM t WHERE id = ?", {i});
            visible += done && found && found.value() ? 1 : 0;
          }
          if (--left == 0)
            all_answered.set_value();
        });
    all_answered.get_future().wait();
    CHECK_EQ(visible.load(), 50);
  });
}

TEST(a full queue refuses at once) {
  for_each_pool([](test::backend& kind) {
    auto pool = pool_of(kind, 3);
    auto plugged = plug{*pool, kind};
    auto outcomes = std::vector<std::future<result<void>>>{};
    for (std::int64_t i = 0; i < 5; ++i)
      outcomes.push_back(submit(*pool, job_kind::write, running("INSERT INTO t VALUES (?)", {i})));
    const auto refused = error_of(outcomes[3].get());
    CHECK(refused.code == ec::overloaded);
    CHECK_EQ(refused.message, "the storage has 3 jobs waiting");
    CHECK(error_of(outcomes[4].get()).code == ec::overloaded);
    plugged.pull();
    for (int i = 0; i < 3; ++i)
      CHECK(outcomes[static_cast<std::size_t>(i)].get().has_value());
    CHECK_EQ(count(*pool), 3);
    CHECK_EQ(pool->counters().refused, 2);
  });
}

TEST(a job whose deadline passes in the queue does not run) {
  for_each_pool([](test::backend& kind) {
    auto pool = pool_of(kind);
    auto plugged = plug{*pool, kind};
    auto late = submit(*pool, job_kind::write, running("INSERT INTO t VALUES (1)"), sql_pool::clock::now());
    auto good = submit(*pool, job_kind::write, running("INSERT INTO t VALUES (2)"));
    plugged.pull();
    CHECK(error_of(late.get()).code == ec::deadline_exceeded);
    CHECK(good.get().has_value());
    CHECK_EQ(count(*pool), 1);
    CHECK_EQ(pool->counters().expired, 1);
  });
}

TEST(a shutdown runs what waits and answers all and takes no more) {
  for_each_pool([](test::backend& kind) {
    auto pool = pool_of(kind);
    auto plugged = plug{*pool, kind};
    auto outcomes = std::vector<std::future<result<void>>>{};
    for (std::int64_t i = 0; i < 20; ++i)
      outcomes.push_back(submit(*pool, job_kind::write, running("INSERT INTO t VALUES (?)", {i})));
    plugged.go.set_value();
    pool->shutdown();
    for (auto& each : outcomes)
      CHECK(each.get().has_value());
    CHECK(error_of(submit(*pool, job_kind::write, running("INSERT INTO t VALUES (99)")).get()).code == ec::cancelled);
    CHECK(error_of(submit(*pool, job_kind::read, running("SELECT 1")).get()).code == ec::cancelled);
    CHECK_EQ(*value_of(kind.open()->first("SELECT count(*) AS n FROM t"))->get<std::int64_t>("n"), 20);
    pool->shutdown();
  });
}

TEST(many threads may submit at once) {
  for_each_pool([](test::backend& kind) {
    auto pool = pool_of(kind);
    auto good = std::atomic<int>{0};
    {
      auto threads = std::vector<std::jthread>{};
      for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
          auto outcomes = std::vector<std::future<result<void>>>{};
          for (std::int64_t i = 0; i < 50; ++i) {
            outcomes.push_back(submit(*pool, job_kind::write, running("INSERT INTO t VALUES (?)", {t * 1000 + i})));
            outcomes.push_back(submit(*pool, job_kind::read, running("SELECT count(*) FROM t")));
          }
          for (auto& each : outcomes)
            good += each.get().has_value() ? 1 : 0;
        });
    }
    CHECK_EQ(good.load(), 400);
    CHECK_EQ(count(*pool), 200);
  });
}
