// A node's scheduler over a real database, on virtual time.
#pragma once

#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "actors/scheduler/scheduler.hpp"
#include "storage/migrations.hpp"
#include "storage/schedules_repository.hpp"
#include "tests/storage/backends.hpp"
#include "tests/support/held_pool.hpp"
#include "tests/support/results.hpp"

#include <deque>
#include <future>
#include <thread>

namespace troupe::test {

using namespace std::chrono_literals;

// A midnight, so that the moments of a quarter of an hour lie on the quarters of the clock.
inline constexpr std::int64_t midnight = 1'699'920'000'000;
inline constexpr std::int64_t minute = 60'000;
inline constexpr std::int64_t soon_us = 10'000'000;

inline schedule_book::next_moment every(std::chrono::milliseconds period) {
  return [=](schedule_book::time after) {
    return std::optional{schedule_book::time{(after.time_since_epoch() / period + 1) * period}};
  };
}

// A node's scheduler over a real database, whose thread works only within `work`; what its tasks do the test decides.
struct scheduler_node {
  struct call {
    run_context context;
    run_completion done;
  };

  std::thread::id test_thread = std::this_thread::get_id();
  actors& in;
  std::int64_t& now_ms;
  std::string owner;
  std::unique_ptr<held_pool> held;
  std::unique_ptr<storage::schema_sql> beside;
  std::deque<call> calls; // of tasks, not ended
  schedule_task task = [this](const run_context& c, run_completion done) { calls.push_back({c, std::move(done)}); };
  schedule_book::missed policy = schedule_book::missed::run_once;
  std::function<void()> on_clock = [] {}; // when the storage's thread asks what time it is
  scheduler_actor actor;

  scheduler_node(actors& system, std::int64_t& now, backend& database, std::string name)
      : in{system}, now_ms{now}, owner{std::move(name)}, held{std::make_unique<held_pool>(database.open())},
        beside{database.open()} {}
  scheduler_node(const scheduler_node&) = delete;
  scheduler_node& operator=(const scheduler_node&) = delete;

  void start() {
    auto s = scheduler_settings{held->pool(), "main", {}, owner,
      [this] {
        if (std::this_thread::get_id() != test_thread)
          on_clock();
        return now_ms;
      },
      in.lines.log};
    const auto add = [&](const char* name, std::chrono::milliseconds period, const char* expression) {
      s.schedules.push_back({{name, every(period), policy}, expression, "UTC", 10min,
        [this](const run_context& c, run_completion done) { task(c, std::move(done)); }});
    };
    add("warm", 15min, "*/15 * * * *");
    add("verify", 24h, "0 0 * * *");
    actor = in.sys.spawn(scheduler, std::move(s));
    work();
  }

  void work() {
    in.settle();
    for (int i = 0; i < 4; ++i) { // an answer of the storage may ask it again
      held->work();
      in.settle();
    }
  }

  void stop() {
    if (!actor)
      return;
    in.self->send_exit(actor, caf::exit_reason::user_shutdown);
    in.settle();
    actor = nullptr;
  }

  template <class R, class Message>
  result<R> ask(Message what) {
    what.remaining_us = soon_us;
    auto asking = in.self->request(actor, caf::infinite, std::move(what));
    work();
    auto got = result<R>{fail(ec::none, "not answered")};
    asking.receive([&](const R& value) { got = value; },
      [&](const caf::error& e) { got = boost::outcome_v2::failure(from_caf(e)); });
    return got;
  }

  result<schedule_run> trigger(const std::string& name) { return ask<schedule_run>(schedule_trigger{name}); }

  schedule_view view(std::size_t at = 0) { return value_of(ask<schedule_views>(schedule_query{})).at(at); }

  /// Ends the task that has been under way for longest.
  void end(result<std::string> how) {
    REQUIRE(!calls.empty());
    calls.front().done(std::move(how));
    calls.pop_front();
    work();
  }

  /// The history in one line, newest first: "2 cron running, 1 manual ok (12 books)".
  std::string told(const std::string& name = "warm") {
    auto line = std::string{};
    auto schedules = storage::schedules_repository{*beside};
    for (const auto& each : value_of(schedules.history(name, 1'000)).runs) {
      line += line.empty() ? "" : ", ";
      line += std::to_string(each.n) + ' ' + std::string{to_string(each.cause)} + ' ';
      line += to_string(each.outcome);
      line += each.message.empty() ? "" : " (" + each.message + ')';
    }
    return line;
  }

  std::int64_t counter(const std::string& name, const fields& labels) {
    auto found = std::int64_t{-1};
    auto asked = in.self->request(actor, caf::infinite, stats_atom::value);
    in.settle();
    asked.receive(
      [&](const metrics& all) {
        for (const auto& m : all)
          if (m.name == name && m.labels == labels)
            found = m.value;
      },
      [](const caf::error&) {});
    return found;
  }

  ~scheduler_node() {
    held->finish();
    stop();
    calls.clear();
  }
};

struct scheduler_world : actors {
  sqlite_backend database;
  std::int64_t now_ms = midnight + minute;
  std::unique_ptr<storage::schema_sql> made = migrated(database);
  std::unique_ptr<scheduler_node> a = std::make_unique<scheduler_node>(*this, now_ms, database, "a");

  static std::unique_ptr<storage::schema_sql> migrated(backend& kind) {
    auto db = kind.open();
    value_of(storage::migrate_up(*db, value_of(storage::parse_migrations(storage::built_in_migrations())), 1));
    return db;
  }

  /// Time goes by, and the storage does what becomes due.
  void pass(std::chrono::milliseconds by, const std::vector<scheduler_node*>& nodes) {
    for (; by.count() > 0; by -= 5s) {
      const auto step = std::min<std::chrono::milliseconds>(by, 5s);
      now_ms += step.count();
      advance(step);
      for (auto* const each : nodes)
        each->work();
    }
  }
  void pass(std::chrono::milliseconds by) { pass(by, {a.get()}); }

  void restart(const std::string& owner = "a") {
    a.reset();
    a = std::make_unique<scheduler_node>(*this, now_ms, database, owner);
    a->start();
  }

  void hide() const { REQUIRE(a->beside->script("ALTER TABLE schedules RENAME TO hidden").has_value()); }
  void unhide() const { REQUIRE(a->beside->script("ALTER TABLE hidden RENAME TO schedules").has_value()); }

  ~scheduler_world() override { a.reset(); }
};

} // namespace troupe::test
