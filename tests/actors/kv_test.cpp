#define TEST_SUITE kv
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "actors/kv/kv.hpp"
#include "storage/kv_sql.hpp"
#include "storage/migrations.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/support/held_pool.hpp"
#include "tests/support/results.hpp"
#include "tests/support/temp_directory.hpp"

#include <caf/scoped_actor.hpp>

#include <atomic>

using namespace troupe;
using namespace std::chrono_literals;
using test::value_of;

namespace {

constexpr std::int64_t no_end = INT64_MAX;
constexpr std::int64_t noon_ms = 1'700'000'000'000;

std::unique_ptr<storage::sqlite::database> open(const test::temp_directory& dir, bool read_only = false) {
  return value_of(storage::sqlite::database::open({.path = dir.file("kv.db"), .read_only = read_only}));
}

std::unique_ptr<storage::sqlite::database> create(const test::temp_directory& dir) {
  auto db = open(dir);
  const auto known = value_of(storage::parse_migrations(storage::built_in_migrations()));
  if (auto done = storage::migrate_up(*db, known, 1); !done)
    throw std::runtime_error{done.error().message};
  return db;
}

kv_pair pair(std::string key, std::string text, std::int64_t expires_ms = 0, std::string metadata = {}) {
  return {std::move(key), blob{std::move(text)}, std::move(metadata), expires_ms, 0};
}

std::string text_of(const kv_pairs& pairs) {
  auto out = std::string{};
  for (const auto& each : pairs)
    out += each.key + "=" + std::string{each.value.view()} + " ";
  return out;
}

// A real database on the test's scheduler, whose thread works only within `get`, `work` and `pass`.
struct world : test::actors {
  test::temp_directory dir;
  test::held_pool held{create(dir), 1'000};
  std::unique_ptr<storage::sqlite::database> beside = open(dir);
  std::atomic<std::int64_t> now_ms{noon_ms};
  kv_actor actor = sys.spawn(kv, settings());

  kv_settings settings() {
    return {held.pool(), "main", [this] { return now_ms.load(); }, lines.log};
  }

  void work() {
    held.work();
    settle();
  }

  /// Time goes by, and the storage does what became due.
  void pass(std::chrono::nanoseconds by) {
    now_ms += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
    advance(by);
    work();
  }

  template <class Message>
  auto ask(Message what) {
    what.remaining_us = no_end;
    auto asking = self->request(actor, caf::infinite, std::move(what));
    settle();
    return asking;
  }

  /// What has been answered, or an error that is none of storage's.
  template <class R, class Asking>
  result<R> outcome(Asking& asking) {
    auto got = result<R>{fail(ec::none, "not answered")};
    asking.receive([&](const R& value) { got = value; },
      [&](const caf::error& e) { got = boost::outcome_v2::failure(from_caf(e)); });
    return got;
  }

  template <class R, class Message>
  result<R> get(Message what) {
    auto asking = ask(std::move(what));
    work();
    return outcome<R>(asking);
  }

  std::string read(std::vector<std::string> keys) { return text_of(value_of(get<kv_pairs>(kv_read{"s", keys}))); }

  std::int64_t put(kv_pairs pairs) { return value_of(get<std::int64_t>(kv_store{"s", std::move(pairs)})); }

  template <class Message>
  std::string refusal(Message what) {
    const auto said = test::error_of(get<std::int64_t>(std::move(what)));
    CHECK(said.code == ec::bad_request);
    return said.message;
  }

  std::int64_t counter(const std::string& name) {
    std::int64_t found = -1;
    auto asked = self->request(actor, caf::infinite, stats_atom::value);
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

  std::int64_t rows() { return *value_of(beside->first("SELECT count(*) AS n FROM kv"))->get<std::int64_t>("n"); }

  void stop() {
    self->send_exit(actor, caf::exit_reason::user_shutdown);
    settle();
  }

  ~world() override {
    held.finish(); // then no thread but this one knows of the actor
    stop();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(kv_tests, world)

TEST(what is stored is read with metadata and expiry in the order of the keys asked for) {
  CHECK_EQ(put({pair("a", "1"), pair("b", "2", noon_ms + 5'000, R"({"x":1})")}), 2);
  const auto found = value_of(get<kv_pairs>(kv_read{"s", {"b", "none", "a", "b"}}));
  REQUIRE_EQ(text_of(found), "b=2 a=1 b=2 ");
  CHECK_EQ(found[0].metadata, R"({"x":1})");
  CHECK_EQ(found[0].expires_ms, noon_ms + 5'000);
  CHECK(found[0].version != 0);
  CHECK_EQ(found[1].metadata, "");
  CHECK_EQ(found[1].expires_ms, 0);
  CHECK(value_of(get<kv_pairs>(kv_read{"other", {"a"}})).empty());
  CHECK_EQ(counter("troupe_kv_reads_total"), 2);
  CHECK_EQ(counter("troupe_kv_writes_total"), 1);
  CHECK_EQ(counter("troupe_kv_errors_total"), 0);
}

TEST(of two pairs with one key the later stays) {
  CHECK_EQ(put({pair("a", "first"), pair("a", "second")}), 2);
  CHECK_EQ(read({"a"}), "a=second ");
}

TEST(a store beyond a limit names the item and the limit and nothing of it is stored) {
  CHECK_EQ(refusal(kv_store{"s", {pair("a", "1"), pair(std::string(513, 'k'), "2")}}),
    "item 2: key: expected 1 to 512 bytes, got 513");
  CHECK_EQ(refusal(kv_store{"s", {pair("a", "1"), pair("b", "2", 0, std::string(1'025, 'm'))}}),
    "item 2: metadata: expected at most 1024 bytes, got 1025");
  CHECK_EQ(refusal(kv_store{"", {pair("a", "1")}}), "namespace: expected 1 to 128 bytes, got 0");
  CHECK_EQ(refusal(kv_store{"s", kv_pairs(10'001, pair("a", "1"))}), "bulk: expected at most 10000 keys, got 10001");
  CHECK_EQ(refusal(kv_erase{"s", {"a", ""}}), "item 2: key: expected 1 to 512 bytes, got 0");
  CHECK_EQ(rows(), 0);
  CHECK_EQ(counter("troupe_kv_errors_total"), 5);
}

TEST(a database that fails in the middle of a store keeps nothing of it) {
  REQUIRE(beside
            ->script("CREATE TRIGGER full BEFORE INSERT ON kv WHEN NEW.name = CAST('c' AS BLOB)"
                     " BEGIN SELECT RAISE(ABORT, 'no room'); END")
            .has_value());
  const auto said = test::error_of(get<std::int64_t>(kv_store{"s", {pair("a", "1"), pair("b", "2"), pair("c", "3")}}));
  CHECK(said.code == ec::storage_failed);
  CHECK(said.message.find("no room") != std::string::npos);
  CHECK_EQ(rows(), 0);
  CHECK_EQ(counter("troupe_storage_jobs_failed_total"), 1);
}

TEST(an expiry is exact on read and one that is over is refused) {
  put({pair("a", "1", noon_ms + 1'000), pair("b", "2")});
  now_ms = noon_ms + 999;
  CHECK_EQ(read({"a", "b"}), "a=1 b=2 ");
  now_ms = noon_ms + 1'000;
  CHECK_EQ(read({"a", "b"}), "b=2 ");
  CHECK_EQ(refusal(kv_store{"s", {pair("a", "1", noon_ms + 1'000)}}),
    "item 1: expiry: expected a time after 1700000001000 (now in Unix ms), got 1700000001000");
}

TEST(of two who set what both have read one wins) {
  put({pair("a", "old")});
  const auto version = value_of(get<kv_pairs>(kv_read{"s", {"a"}})).front().version;
  auto one = ask(kv_compare_and_set{"s", pair("a", "one"), version});
  auto two = ask(kv_compare_and_set{"s", pair("a", "two"), version});
  work();
  const auto won = value_of(outcome<std::int64_t>(one));
  CHECK(won != 0 && won != version);
  CHECK_EQ(value_of(outcome<std::int64_t>(two)), 0);
  const auto now = value_of(get<kv_pairs>(kv_read{"s", {"a"}}));
  CHECK_EQ(text_of(now), "a=one ");
  CHECK_EQ(now.front().version, won);
  CHECK_EQ(value_of(get<std::int64_t>(kv_compare_and_set{"s", pair("a", "made"), 0})), 0);
  CHECK(value_of(get<std::int64_t>(kv_compare_and_set{"s", pair("b", "made"), 0})) != 0);
}

TEST(a number is added to in one step and goes when its time is over) {
  CHECK_EQ(value_of(get<std::int64_t>(kv_add{"s", "n", 5, 1'000})), 5);
  CHECK_EQ(value_of(get<std::int64_t>(kv_add{"s", "n", -7, 0})), -2);
  CHECK_EQ(read({"n"}), "n=-2 ");
  now_ms += 1'000;
  CHECK_EQ(value_of(get<std::int64_t>(kv_add{"s", "n", 1, 0})), 1);
  put({pair("word", "x")});
  CHECK_EQ(refusal(kv_add{"s", "word", 1, 0}), "value: expected a whole number whose sum fits 64 bits");
  CHECK_EQ(refusal(kv_add{"s", "n", 1, -1}), "ttl: expected more than 0 ms, got -1");
}

TEST(what is erased is gone and what was not there is no error) {
  put({pair("a", "1"), pair("b", "2")});
  CHECK_EQ(value_of(get<std::int64_t>(kv_erase{"s", {"a", "none"}})), 2);
  CHECK_EQ(read({"a", "b"}), "b=2 ");
}

TEST(a list comes in pages by prefix in the order of the keys) {
  put({pair("b/3", "v", noon_ms + 9'000), pair("b/1", "v", 0, "{}"), pair("a", "v"), pair("b/2", "v"), pair("c", "v")});
  const auto first = value_of(get<kv_names>(kv_list{"s", "b/", "", 2}));
  CHECK_EQ(text_of(first.pairs), "b/1= b/2= ");
  CHECK_EQ(first.pairs[0].metadata, "{}");
  CHECK_EQ(first.cursor, "b/2");
  const auto last = value_of(get<kv_names>(kv_list{"s", "b/", first.cursor, 2}));
  CHECK_EQ(text_of(last.pairs), "b/3= ");
  CHECK_EQ(last.pairs[0].expires_ms, noon_ms + 9'000);
  CHECK_EQ(last.cursor, "");
  const auto said = test::error_of(get<kv_names>(kv_list{"s", "", "", 1'001}));
  CHECK_EQ(said.message, "limit: expected 1 to 1000, got 1001");
  CHECK(test::error_of(get<kv_names>(kv_list{"s", "", "", -1})).code == ec::bad_request);
}

TEST(a request that the full queue has no place for is overloaded at once) {
  auto one = ask(kv_store{"s", {pair("a", "1")}});
  for (int i = 1; i < 1'000; ++i)
    caf::anon_send(actor, kv_add{"s", "n", 1, 0, no_end});
  settle();
  auto two = ask(kv_read{"s", {"a"}});
  CHECK(test::error_of(outcome<kv_pairs>(two)).code == ec::overloaded);
  CHECK_EQ(counter("troupe_storage_jobs_queued"), 1'000);
  CHECK_EQ(counter("troupe_storage_jobs_refused_total"), 1);
  held.finish();
  settle();
  CHECK_EQ(value_of(outcome<std::int64_t>(one)), 1);
  CHECK_EQ(rows(), 2);
}

TEST(a write whose deadline passes in the queue is answered and not made) {
  auto asking = self->request(actor, caf::infinite, kv_store{"s", {pair("a", "1")}, 60'000'000});
  settle();
  advance(60s);
  CHECK(test::error_of(outcome<std::int64_t>(asking)).code == ec::deadline_exceeded);
  work();
  CHECK_EQ(rows(), 0);
  CHECK_EQ(counter("troupe_kv_errors_total"), 1);
}

TEST(an actor that ends while requests wait answers them with cancelled) {
  auto reading = ask(kv_read{"s", {"a"}});
  auto writing = ask(kv_store{"s", {pair("a", "1")}});
  stop();
  CHECK(test::error_of(outcome<kv_pairs>(reading)).code == ec::cancelled);
  CHECK(test::error_of(outcome<std::int64_t>(writing)).code == ec::cancelled);
  work();
  CHECK_EQ(rows(), 0);
}

TEST(what has expired is swept each minute and at once again while there is more) {
  auto short_lived = kv_pairs{};
  for (int i = 0; i < 2'500; ++i)
    short_lived.push_back(pair("k" + std::to_string(i), "v", noon_ms + 1'000));
  put(std::move(short_lived));
  put({pair("stays", "v")});
  pass(59s);
  CHECK_EQ(rows(), 2'501);
  pass(1s);
  CHECK_EQ(rows(), 1'501);
  CHECK_EQ(counter("troupe_storage_jobs_queued"), 1);
  advance(120s); // no second sweep beside the one that waits
  CHECK_EQ(counter("troupe_storage_jobs_queued"), 1);
  work();
  CHECK_EQ(rows(), 501);
  work();
  CHECK_EQ(rows(), 1);
  CHECK_EQ(counter("troupe_kv_swept_total"), 2'500);
  CHECK_EQ(counter("troupe_storage_jobs_queued"), 0);
}

TEST(a sweep that fails is logged and tried again a minute later) {
  REQUIRE(beside->script("ALTER TABLE kv RENAME TO hidden").has_value());
  pass(60s);
  CHECK(lines.has("warning Freeing what has expired in main failed: "));
  REQUIRE(beside->script("ALTER TABLE hidden RENAME TO kv").has_value());
  put({pair("a", "1", noon_ms + 61'000)});
  pass(60s);
  CHECK_EQ(rows(), 0);
  CHECK_EQ(counter("troupe_kv_swept_total"), 1);
}

CAF_TEST_FIXTURE_SCOPE_END()

// As a node has it: CAF's own scheduler, one writer that groups, readers apart.
TEST(many writers at once through one grouping connection lose nothing) {
  const auto dir = test::temp_directory{};
  auto settings = storage::pool_settings{};
  settings.writers.push_back(create(dir));
  settings.readers.push_back(open(dir, true));
  settings.group_writes = true;
  settings.queue_limit = 10'000;
  const auto pool = std::make_shared<storage::sql_pool>(std::move(settings));
  auto lines = test::log_lines{};
  auto config = test::config{};
  auto system = caf::actor_system{config};
  const auto actor = system.spawn(kv, kv_settings{pool, "main", [] { return noon_ms; }, lines.log});
  auto self = caf::scoped_actor{system};
  constexpr int count = 500;
  for (int i = 0; i < count; ++i) {
    self->send(actor, kv_add{"s", "n", 1, 0, no_end});
    self->send(actor, kv_store{"s", {pair("k" + std::to_string(i), "v")}, no_end});
    self->send(actor, kv_add{"s", "k" + std::to_string(i), 1, -1, no_end}); // fails, and takes nobody with it
  }
  auto sum = std::int64_t{0};
  const auto fetch = [&](kv_read what, auto&& use) {
    self->request(actor, 60s, std::move(what)).receive(use, [](const caf::error&) {});
  };
  self->request(actor, 60s, kv_add{"s", "n", 1, 0, no_end})
    .receive([&](std::int64_t n) { sum = n; }, [](const caf::error&) {});
  CHECK_EQ(sum, count + 1);
  fetch(kv_read{"s", {"n", "k0", "k499"}, no_end},
    [](const kv_pairs& found) { CHECK_EQ(text_of(found), "n=501 k0=v k499=v "); });
  self->send_exit(actor, caf::exit_reason::user_shutdown);
}
