// The warmer on virtual time, over a real database and services that do as a test says.
#pragma once

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

#include <string>
#include <vector>

namespace troupe::test {

using namespace std::chrono_literals;

inline constexpr std::int64_t noon_ms = 1'700'000'000'000;
// Ticks of ten seconds: those that are due, and strays that were overtaken. One that spins comes each microsecond.
inline constexpr int few = 20;

inline std::unique_ptr<storage::sqlite::database> open(const temp_directory& dir) {
  return value_of(storage::sqlite::database::open({.path = dir.file("jobs.db")}));
}

inline std::unique_ptr<storage::sqlite::database> create(const temp_directory& dir) {
  auto db = open(dir);
  const auto known = value_of(storage::parse_migrations(storage::built_in_migrations()));
  if (auto done = storage::migrate_up(*db, known, 1); !done)
    throw std::runtime_error{done.error().message};
  return db;
}

inline void must(const result<void>& done) {
  if (!done)
    throw std::runtime_error{done.error().message};
}

struct warmer_world : actors {
  temp_directory dir;
  held_pool held{create(dir), 1'000};
  std::unique_ptr<storage::sqlite::database> beside = open(dir);
  storage::jobs_repository jobs{*beside};
  std::int64_t now_ms = noon_ms;
  std::vector<std::string> proxy_paths;
  std::vector<std::string> isbndb_paths;
  int status = 200;          // of the proxy's answers
  bool knows_authors = true; // ISBNdb
  bool quiet = false;        // nothing is answered
  std::string x_cache;       // of the proxy's answers
  int let_go = 0;            // calls of which the proxy heard that nobody waits any more
  std::vector<std::string> told;
  std::int64_t items = 10; // that the importer finds
  std::string refusal;     // why it does not read the upload
  bool reads_slowly = false;
  std::vector<import_order> orders; // that it was given
  std::shared_ptr<service_definition> proxy = std::make_shared<service_definition>();
  std::shared_ptr<service_definition> isbndb = std::make_shared<service_definition>();
  service_front_actor proxy_front;
  service_front_actor isbndb_front;
  importer_actor reader;
  warmer_actor actor;
  std::vector<bound_service> bound;
  std::shared_ptr<live_traffic> live = std::make_shared<live_traffic>();

  warmer_world() {
    proxy->log = isbndb->log = lines.log;
    proxy->name = "books-proxy";
    isbndb->name = "isbndb";
    proxy->entrypoints[""].fetch = [this](session_ptr me, const call_ref& call, service_request& r) {
      proxy_paths.push_back(r.path);
      CHECK(r.head.priority == priority::warming);
      when_dropped(me, call, [this] { ++let_go; });
      if (quiet)
        return;
      auto answer = json_response(status, R"({"books":[1]})");
      answer.headers.emplace_back("X-Cache", x_cache);
      reply(me, call.id, std::move(answer));
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
      return {[this, me](const import_order& order) {
        orders.push_back(order);
        if (!reads_slowly)
          read(me, order);
      }};
    });
  }

  void read(importer_actor::pointer me, const import_order& order) {
    me->send(caf::actor_cast<warmer_actor>(me->current_sender()), read(order));
  }

  // In place of the importer: so many titles and one author.
  import_over read(const import_order& order) {
    if (!refusal.empty())
      return {order.life, ec::bad_request, refusal};
    parsed_rows rows;
    for (std::int64_t n = 1; n < items; ++n)
      rows.items.push_back({n, "title", "Title " + std::to_string(n)});
    rows.items.push_back({items, "author", "Jane Austen"});
    rows.totals = {items, items, 0, 0};
    const auto added = jobs.add_items(order.job, order.owner, rows, now_ms);
    if (added)
      return {order.life, ec::none, {}};
    const auto code = added.error().code;
    return {order.life, code == ec::bad_request ? ec::storage_failed : code, added.error().message};
  }

  // What became of an order that was read slowly.
  void hand_in(const import_order& order) {
    caf::anon_send(actor, read(order));
    work();
  }

  // So many ticks come until then, if storage says nothing meanwhile; not more than a hundred.
  int ticks_within(std::chrono::nanoseconds by) {
    auto& clock = sched.clock();
    const auto end = clock.now() + by;
    int ticks = 0;
    for (; ticks < 100 && !clock.schedule().empty() && clock.schedule().begin()->first <= end; ++ticks) {
      clock.trigger_timeout();
      settle();
    }
    return ticks;
  }

  std::int64_t counted(const std::string& name, const std::string& label) {
    std::int64_t found = -1;
    auto asked = self->request(actor, caf::infinite, stats_atom::value);
    settle();
    asked.receive(
      [&](const metrics& all) {
        for (const auto& m : all)
          if (m.name == name && !m.labels.empty() && m.labels[0].second == label)
            found = m.value;
      },
      [](const caf::error&) {});
    return found;
  }

  void start(std::int64_t batch = 4) {
    warmer_settings s;
    s.owner = "local";
    s.bindings = bound;
    s.pool = held.pool();
    s.batch = batch;
    s.concurrency = 2;
    s.beside_live = 1;
    s.live = live;
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

  ~warmer_world() override {
    for (const auto& a : {caf::actor_cast<caf::actor>(actor), caf::actor_cast<caf::actor>(reader),
           caf::actor_cast<caf::actor>(proxy_front), caf::actor_cast<caf::actor>(isbndb_front)})
      self->send_exit(a, caf::exit_reason::user_shutdown);
    settle();
  }
};

} // namespace troupe::test
