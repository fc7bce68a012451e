// The library of a whole node: what its schedules do with what is in storage, and what it does not start without.
#define TEST_SUITE library
#include "tests/support/test.hpp"

#include "apps/clock/wall_clock.hpp"
#include "apps/node/wiring.hpp"
#include "apps/warmer/sweep.hpp"
#include "apps/warmer/verify.hpp"
#include "storage/directory.hpp"
#include "storage/files/store.hpp"
#include "storage/jobs_repository.hpp"
#include "storage/migrations.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/apps/node_world.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/results.hpp"

#include <unistd.h>

using namespace troupe;
using namespace std::chrono_literals;
using test::error_of;
using test::value_of;
using json = nlohmann::json;

namespace {

constexpr std::int64_t day_ms = 86'400'000;

// A node that is stopped and started; in between the test looks at what it has stored.
struct world : test::node_world {
  world() {
    // In January of any year: nothing is due unless it is asked for.
    settings.schedules = {
      {"warm", "0 0 1 1 *", "warm"}, {"verify", "0 0 1 1 *", "verify"}, {"purge", "0 0 1 1 *", "purge"}};
    (void)value_of(storage::directory_lock::take(settings.storage.dir)); // the directory is there
    const auto db = open();
    value_of(storage::migrate_up(*db, value_of(storage::parse_migrations(storage::built_in_migrations())), 1));
  }

  [[nodiscard]] std::unique_ptr<storage::sqlite::database> open() const {
    return value_of(storage::sqlite::database::open({.path = settings.storage.dir + "/troupe.db"}));
  }

  // An upload as it was put so long ago.
  void upload(const std::string& name, std::chrono::milliseconds ago) const {
    const auto bucket = value_of(storage::files::store::open({.directory = settings.storage.dir + "/library",
      .sync = storage::sqlite::durability::full,
      .now_ms = [ago] { return wall_ms() - ago.count(); }}));
    REQUIRE(value_of(bucket->put("uploads/" + name, storage::source_of("title,author\nDune,Frank Herbert\n"))));
  }

  [[nodiscard]] std::vector<std::string> uploads() const {
    const auto bucket = value_of(storage::files::store::open(
      {.directory = settings.storage.dir + "/library", .sync = storage::sqlite::durability::full, .now_ms = wall_ms}));
    std::vector<std::string> out;
    for (const auto& each : value_of(bucket->list()).objects)
      out.push_back(each.key);
    return out;
  }

  // A job that was done then.
  static void do_one(storage::sql& db, const std::string& id, const std::string& library, std::int64_t at) {
    auto jobs = storage::jobs_repository{db};
    REQUIRE(jobs.create({.id = id, .library = library, .source = "uploads/" + id}, at).has_value());
    REQUIRE(value_of(jobs.start_next("a", at, at + 1)).has_value());
    value_of(jobs.complete(id, "a", "", at));
  }

  // Runs a schedule and says how that ended.
  [[nodiscard]] std::string run(const std::string& name) const {
    CHECK(test::eventually([&] { return call(troupe->port(), "POST", "/schedules/" + name + "/run").status == 202; }));
    json last;
    CHECK(test::eventually([&] {
      last = json::parse(get("/schedules/" + name + "/runs?limit=1").body)["runs"][0];
      return last["outcome"] != "running";
    }));
    return last["outcome"].get<std::string>() + ": " + last["message"].get<std::string>();
  }

  [[nodiscard]] json jobs() const { return json::parse(get("/jobs").body)["jobs"]; }
};

using words = std::vector<std::string>;

} // namespace

TEST(S2-30 a check does each library once more and tells what was hot) {
  world w;
  w.upload("one", 2h);
  world::do_one(*w.open(), "one", "home", wall_ms() - 1'000);
  w.start();
  CHECK_EQ(w.run("verify"), "ok: 1 libraries are checked");
  const auto all_done = [&] {
    const auto found = w.jobs();
    return std::all_of(found.begin(), found.end(), [](const json& j) { return j["state"] == "done"; });
  };
  CHECK(test::eventually(all_done));
  auto found = w.jobs();
  REQUIRE_EQ(found.size(), 2u);
  CHECK_EQ(found[0]["kind"], "verify");
  CHECK_EQ(found[0]["counts"]["items"], 2); // a title and an author
  CHECK_EQ(found[0]["counts"]["hits"], 0);
  CHECK_EQ(w.run("verify"), "ok: 1 libraries are checked");
  CHECK(test::eventually(all_done));
  found = w.jobs();
  REQUIRE_EQ(found.size(), 3u);
  CHECK_EQ(found[0]["counts"]["done"], 2);
  CHECK_EQ(found[0]["counts"]["hot"], 2);
  CHECK_EQ(found[0]["counts"]["hits"], 2);
}

TEST(a check queues nothing for a library whose check waits) {
  const world w;
  const auto db = w.open();
  world::do_one(*db, "one", "home", 10);
  world::do_one(*db, "two", "office", 11);
  int ids = 0;
  const auto id = [&] { return "check" + std::to_string(++ids); };
  CHECK_EQ(value_of(queue_verification(*db, 20, 1, id, 20)), 1);
  CHECK_EQ(value_of(queue_verification(*db, 20, 1, id, 20)), 1);
  CHECK_EQ(value_of(queue_verification(*db, 20, 1, id, 20)), 0);
  CHECK_EQ(value_of(queue_verification(*db, 30, 1, id, 30)), 0);
  const auto queued = value_of(storage::jobs_repository{*db}.find("check1")).value();
  CHECK(queued.kind == "verify" && queued.library == "home" && queued.source == "uploads/one");
}

TEST(a check that is done within its own run is not done again by that run) {
  const world w;
  const auto db = w.open();
  world::do_one(*db, "one", "home", 10);
  const auto id = [] { return std::string{"check"}; };
  CHECK_EQ(value_of(queue_verification(*db, 20, 10, id, 20)), 1);
  REQUIRE(value_of(storage::jobs_repository{*db}.start_next("a", 20, 30)).has_value());
  value_of(storage::jobs_repository{*db}.complete("check", "a", "", 21));
  CHECK_EQ(value_of(queue_verification(*db, 20, 10, id, 22)), 0);
}

TEST(what ended long ago goes with its upload and so does an upload without a job) {
  world w;
  for (const auto* name : {"old", "newer", "orphan"})
    w.upload(name, 2h);
  w.upload("fresh", 1min); // its job may come yet
  {
    const auto db = w.open();
    world::do_one(*db, "old", "home", wall_ms() - 40 * day_ms);
    world::do_one(*db, "newer", "home", wall_ms() - 39 * day_ms);
  }
  w.start();
  CHECK_EQ(w.run("purge"), "ok: 1 jobs and 2 uploads are removed");
  CHECK_EQ(w.jobs().size(), 1u);
  CHECK_EQ(w.jobs()[0]["id"], "newer");
  CHECK(w.uploads() == (words{"uploads/fresh", "uploads/newer"}));
  w.troupe.reset();
  w.settings.warm.keep = 24h * 50;
  world::do_one(*w.open(), "newest", "home", wall_ms() - 38 * day_ms);
  w.start();
  CHECK_EQ(w.run("purge"), "ok: 0 jobs and 0 uploads are removed");
}

TEST(a bucket is swept in parts) {
  const world w;
  for (int i = 0; i < 5; ++i)
    w.upload("u" + std::to_string(i), 2h);
  const auto db = w.open();
  const auto bucket = value_of(storage::files::store::open(
    {.directory = w.settings.storage.dir + "/library", .sync = storage::sqlite::durability::full, .now_ms = wall_ms}));
  std::string cursor;
  int parts = 0;
  std::int64_t removed = 0;
  do {
    const auto part = value_of(sweep_uploads(*db, *bucket, wall_ms() - 3'600'000, 2, cursor));
    removed += part.removed;
    cursor = part.cursor;
    ++parts;
  } while (!cursor.empty());
  CHECK_EQ(removed, 5);
  CHECK_EQ(parts, 3);
  CHECK(w.uploads().empty());
}

TEST(a second node on one data directory does not start and says why) {
  world w;
  w.start();
  auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  const auto second = node::start({w.settings, w.secrets, "test", log});
  const auto why = error_of(result<bool>{second.has_value() ? result<bool>{true} : second.as_failure()});
  CHECK(why.code == ec::storage_unusable);
  CHECK_EQ(why.message, w.settings.storage.dir
                          + ": cannot be used as the data directory: another node runs in it; stop that one, or give"
                            " this one a directory of its own (--data-dir)");
  w.troupe.reset();
  w.start(); // the first one's lock went with it
}

TEST(a node whose warmer reaches nobody does not start and says which binding it lacks) {
  world w;
  std::erase_if(w.settings.services, [](const auto& b) { return b.binding == "BOOKS_API_PROXY"; });
  auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  const auto made = node::start({w.settings, w.secrets, "test", log});
  REQUIRE(!made.has_value());
  CHECK(made.error().code == ec::config_invalid);
  CHECK_EQ(made.error().message, "services: cache-warmer has no binding BOOKS_API_PROXY in the environment production;"
                                 " through it libraries are warmed");
}

TEST(nodes that share a database have names that differ in the address at which they listen) {
  config::settings s;
  CHECK_EQ(lease_owner(s), "local");
  s.storage.url = "postgres://troupe@127.0.0.1/troupe";
  s.http.address = {"127.0.0.1", 8787};
  const auto one = lease_owner(s);
  CHECK(one.ends_with("/127.0.0.1:8787"));
  CHECK_EQ(lease_owner(s), one);
  s.http.address = {"127.0.0.2", 8787};
  CHECK(lease_owner(s) != one);
  s.http.address.port = 0;
  CHECK(lease_owner(s).ends_with("/127.0.0.2:0/pid" + std::to_string(::getpid())));
}
