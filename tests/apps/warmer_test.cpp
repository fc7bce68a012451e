// The warmer on virtual time, over a real database and services that do as a test says.
#define TEST_SUITE warmer
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "apps/services/service.hpp"
#include "apps/warmer/items.hpp"
#include "apps/warmer/warmer.hpp"
#include "storage/migrations.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/support/held_pool.hpp"
#include "tests/support/results.hpp"
#include "tests/support/temp_directory.hpp"

#include <map>

using namespace troupe;
using namespace std::chrono_literals;
using test::value_of;

namespace {

constexpr std::int64_t noon_ms = 1'700'000'000'000;

std::unique_ptr<storage::sqlite::database> open(const test::temp_directory& dir) {
  return value_of(storage::sqlite::database::open({.path = dir.file("jobs.db")}));
}

std::unique_ptr<storage::sqlite::database> create(const test::temp_directory& dir) {
  auto db = open(dir);
  const auto known = value_of(storage::parse_migrations(storage::built_in_migrations()));
  if (auto done = storage::migrate_up(*db, known, 1); !done)
    throw std::runtime_error{done.error().message};
  return db;
}

void must(const result<void>& done) {
  if (!done)
    throw std::runtime_error{done.error().message};
}

struct world : test::actors {
  test::temp_directory dir;
  test::held_pool held{create(dir), 1'000};
  std::unique_ptr<storage::sqlite::database> beside = open(dir);
  storage::jobs_repository jobs{*beside};
  std::int64_t now_ms = noon_ms;
  std::vector<std::string> proxy_paths;
  std::vector<std::string> isbndb_paths;
  int status = 200;          // of the proxy's answers
  bool knows_authors = true; // ISBNdb
  bool quiet = false;        // nothing is answered
  std::vector<std::string> told;
  std::int64_t items = 10; // that the importer finds
  std::string refusal;     // why it does not read the upload
  std::shared_ptr<service_definition> proxy = std::make_shared<service_definition>();
  std::shared_ptr<service_definition> isbndb = std::make_shared<service_definition>();
  service_front_actor proxy_front;
  service_front_actor isbndb_front;
  importer_actor reader;
  warmer_actor actor;
  std::vector<bound_service> bound;

  world() {
    proxy->log = isbndb->log = lines.log;
    proxy->name = "books-proxy";
    isbndb->name = "isbndb";
    proxy->entrypoints[""].fetch = [this](session_ptr me, const call_ref& call, service_request& r) {
      proxy_paths.push_back(r.path);
      CHECK(r.head.priority == priority::warming);
      if (!quiet)
        reply(me, call.id, json_response(status, R"({"books":[1]})"));
    };
    isbndb->entrypoints[""].fetch = [this](session_ptr me, const call_ref& call, service_request& r) {
      isbndb_paths.push_back(r.path);
      reply(me, call.id, json_response(200, knows_authors ? R"({"books":[1]})" : R"({"books":[]})"));
    };
    proxy_front = sys.spawn(service_front, std::shared_ptr<const service_definition>{proxy},
      std::vector<service_open>{{"cache-warmer", "BOOKS_API_PROXY", {}, 0}});
    isbndb_front = sys.spawn(service_front, std::shared_ptr<const service_definition>{isbndb},
      std::vector<service_open>{{"cache-warmer", "ISBNDB_WORKER", {}, 0}});
    binding_settings b{"cache-warmer", "BOOKS_API_PROXY", "books-proxy", "", 3, {60s, 600s, 0, 2, {}, 0s}, 60s, 256, 0};
    bound.push_back({b, proxy_front, std::make_shared<shared_binding>()});
    b.name = "ISBNDB_WORKER";
    bound.push_back({b, isbndb_front, std::make_shared<shared_binding>()});
    reader = sys.spawn([this](importer_actor::pointer me) -> importer_actor::behavior_type {
      return {[this, me](const import_order& order) { read(me, order); }};
    });
  }

  // In place of the importer: so many titles and one author.
  void read(importer_actor::pointer me, const import_order& order) {
    const auto to = caf::actor_cast<warmer_actor>(me->current_sender());
    if (!refusal.empty()) {
      me->send(to, import_over{order.job, ec::bad_request, refusal});
      return;
    }
    parsed_rows rows;
    for (std::int64_t n = 1; n < items; ++n)
      rows.items.push_back({n, "title", "Title " + std::to_string(n)});
    rows.items.push_back({items, "author", "Jane Austen"});
    rows.totals = {items, items, 0, 0};
    const auto added = jobs.add_items(order.job, order.owner, rows, now_ms);
    if (added)
      me->send(to, import_over{order.job, ec::none, {}});
    else
      me->send(to, import_over{order.job, added.error().code, added.error().message});
  }

  void start(std::int64_t batch = 4) {
    warmer_settings s;
    s.owner = "local";
    s.bindings = bound;
    s.pool = held.pool();
    s.batch = batch;
    s.concurrency = 2;
    s.now_ms = [this] { return now_ms; };
    s.changed = [this](const std::string& id) { told.push_back(id); };
    s.stop = std::make_shared<std::atomic<bool>>(false);
    s.log = lines.log;
    actor = sys.spawn(warmer, s, reader);
    work();
  }

  void queue(const std::string& id, const std::string& library = "home") {
    must(jobs.create({.id = id, .library = library, .source = "uploads/" + id}, now_ms));
    kick();
  }

  void kick() {
    caf::anon_send(actor, warm_kick{});
    work();
  }

  // Everything that can go on without the clock.
  void work() {
    for (int i = 0; i < 200; ++i) {
      settle();
      held.work();
    }
    settle();
  }

  void pass(std::chrono::milliseconds by) {
    now_ms += by.count();
    advance(by);
    work();
  }

  job_view job(const std::string& id) { return value_of(jobs.find(id)).value(); }

  std::string last_event(const std::string& id) {
    const auto all = value_of(jobs.events_after(id, 0, 10'000));
    return all.empty() ? std::string{} : all.back().kind;
  }

  ~world() override {
    for (const auto& a : {caf::actor_cast<caf::actor>(actor), caf::actor_cast<caf::actor>(reader),
           caf::actor_cast<caf::actor>(proxy_front), caf::actor_cast<caf::actor>(isbndb_front)})
      self->send_exit(a, caf::exit_reason::user_shutdown);
    settle();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(warmer_tests, world)

TEST(every item of a job is warmed once and the end is told) {
  start();
  queue("one");
  const auto j = job("one");
  CHECK(j.state == job_state::done);
  CHECK_EQ(j.counts.done, 10);
  CHECK_EQ(proxy_paths.size(), 9u);
  CHECK_EQ(isbndb_paths.size(), 1u);
  CHECK_EQ(last_event("one"), "done");
  CHECK(!told.empty());
}

TEST(S2-53 an author whom ISBNdb does not know is asked of the others) {
  knows_authors = false;
  start();
  queue("one");
  CHECK_EQ(isbndb_paths.size(), 1u);
  CHECK_EQ(proxy_paths.size(), 10u);
  CHECK_EQ(job("one").counts.done, 10);
}

TEST(what fails is tried again and in the end named with its cause) {
  items = 2;
  start();
  status = 502;
  queue("one");
  pass(1s);
  pass(2s);
  pass(3s);
  const auto j = job("one");
  CHECK(j.state == job_state::done);
  CHECK_EQ(j.counts.failed, 1);
  CHECK_EQ(j.counts.done, 1);
  const auto failed = value_of(jobs.items("one", item_state::failed, 10));
  CHECK_EQ(failed.entries.at(0).code, "all_providers_failed");
}

TEST(an open circuit is waited out and no item fails of it) {
  start();
  status = 500;
  queue("one");
  CHECK_EQ(proxy_paths.size(), 3u); // three failures open the binding's circuit
  status = 200;
  for (int i = 0; i < 200 && job("one").state != job_state::done; ++i)
    pass(1s);
  const auto j = job("one");
  CHECK(j.state == job_state::done);
  CHECK_EQ(j.counts.failed, 0);
  CHECK_EQ(j.counts.done, 10);
}

TEST(a paused job stops and goes on where it stood) {
  quiet = true;
  start();
  queue("one");
  const auto asked = proxy_paths.size();
  CHECK_EQ(asked, 2u);
  value_of(jobs.pause("one", now_ms));
  kick();
  quiet = false;
  pass(30s);
  CHECK_EQ(proxy_paths.size(), asked);
  CHECK(job("one").state == job_state::paused);
  value_of(jobs.resume("one", now_ms));
  kick();
  pass(2s);
  CHECK(job("one").state == job_state::done);
  CHECK_EQ(job("one").counts.done, 10);
  CHECK_EQ(proxy_paths.size(), 9u + asked); // what was under way is done again
}

TEST(a cancelled job is let go at once and the next one begins) {
  quiet = true;
  start();
  queue("one");
  queue("two");
  CHECK(job("two").state == job_state::queued); // one at a time
  value_of(jobs.cancel("one", R"({"state":"cancelled"})", now_ms));
  quiet = false;
  kick();
  pass(1s);
  CHECK(job("one").state == job_state::cancelled);
  CHECK_EQ(last_event("one"), "error");
  CHECK(job("two").state == job_state::done);
}

TEST(after a death a job goes on and repeats at most the micro-batch that was under way) {
  items = 40;
  start(8);
  int left = 11; // answers before the node dies
  proxy->entrypoints[""].fetch = [&](session_ptr me, const call_ref& call, service_request& r) {
    proxy_paths.push_back(r.path);
    if (left-- > 0)
      reply(me, call.id, json_response(200, "{}"));
  };
  queue("one");
  CHECK(job("one").state == job_state::running);
  self->send_exit(actor, caf::exit_reason::kill);
  settle();
  const auto before = proxy_paths;
  left = 1'000;
  start(8);
  pass(1s);
  CHECK(job("one").state == job_state::done);
  CHECK_EQ(job("one").counts.done, 40);
  std::map<std::string, int> times;
  for (const auto& path : proxy_paths)
    ++times[path];
  int repeated = 0;
  for (const auto& [path, n] : times) {
    CHECK(n <= 2);
    repeated += n - 1;
  }
  CHECK(repeated <= 8);
  CHECK_EQ(times.size(), 39u);
}

TEST(an upload that is no library fails the job and says why) {
  refusal = "the first line names no column that tells a book";
  start();
  queue("one");
  const auto j = job("one");
  CHECK(j.state == job_state::failed);
  CHECK_EQ(j.message, refusal);
  CHECK_EQ(last_event("one"), "error");
}

TEST(storage that fails for a while holds a job up and loses nothing) {
  start();
  must(beside->script("ALTER TABLE job_items RENAME TO job_items_away"));
  queue("one");
  CHECK(job("one").state != job_state::done);
  must(beside->script("ALTER TABLE job_items_away RENAME TO job_items"));
  for (int i = 0; i < 60 && !has_ended(job("one").state); ++i)
    pass(1s);
  CHECK(job("one").state == job_state::done);
  CHECK_EQ(job("one").counts.done, 10);
}

CAF_TEST_FIXTURE_SCOPE_END()
