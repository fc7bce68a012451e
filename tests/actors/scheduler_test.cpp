#define TEST_SUITE scheduler
#include "tests/actors/scheduler_world.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using test::error_of;
using test::midnight;
using test::minute;
using test::soon_us;
using test::value_of;
using missed = schedule_book::missed;

CAF_TEST_FIXTURE_SCOPE(scheduler_tests, test::scheduler_world)

TEST(S2-29 what is due is run once and how it ended is remembered) {
  a->start();
  CHECK_EQ(a->told(), "");
  pass(14min);
  REQUIRE_EQ(a->calls.size(), 1u);
  const auto& c = a->calls.front().context;
  CHECK_EQ(c.name, "warm");
  CHECK_EQ(c.n, 1);
  CHECK_EQ(c.due_ms, midnight + 15 * minute);
  CHECK(c.cause == run_cause::cron);
  CHECK(c.remaining == 10min);
  CHECK(!c.cancelled->load());
  CHECK_EQ(a->told(), "1 cron running");
  a->end(std::string{"12 books"});
  CHECK_EQ(a->told(), "1 cron ok (12 books)");
  pass(15min);
  a->end(fail(ec::storage_failed, "the disk is full"));
  CHECK_EQ(a->told(), "2 cron failed (the disk is full), 1 cron ok (12 books)");
  CHECK(lines.has("warning Schedule warm: run 2 ended: failed, the disk is full"));
  CHECK_EQ(a->counter("troupe_schedule_runs_total", {{"schedule", "warm"}, {"outcome", "ok"}}), 1);
  CHECK_EQ(a->counter("troupe_schedule_runs_total", {{"schedule", "warm"}, {"outcome", "failed"}}), 1);
  CHECK_EQ(a->counter("troupe_schedule_runs_total", {{"schedule", "verify"}, {"outcome", "ok"}}), 0);
}

TEST(a moment that comes while the previous run is under way is skipped and noted) {
  a->start();
  pass(14min);
  CHECK_EQ(a->calls.size(), 1u);
  pass(9min);
  a->end(std::string{});
  value_of(a->trigger("warm")); // at 24 min, with ten to go
  pass(6min);
  CHECK_EQ(a->calls.size(), 1u);
  CHECK_EQ(a->told(), "3 cron skipped (the previous run is under way), 2 manual running, 1 cron ok");
  CHECK_EQ(a->counter("troupe_schedule_runs_total", {{"schedule", "warm"}, {"outcome", "skipped"}}), 1);
  CHECK(a->view().under_way); // though the newest entry is one that was skipped
  CHECK(a->view().last.outcome == run_outcome::skipped);
}

TEST(a run by hand is answered once it has begun or with why it has not) {
  a->start();
  CHECK(error_of(a->trigger("nothing")).code == ec::not_found);
  const auto begun = value_of(a->trigger("verify"));
  CHECK_EQ(begun.n, 1);
  CHECK(begun.cause == run_cause::manual);
  CHECK_EQ(begun.due_ms, now_ms);
  CHECK_EQ(begun.started_ms, now_ms);
  CHECK_EQ(begun.owner, "a");
  const auto refused = error_of(a->trigger("verify"));
  CHECK(refused.code == ec::bad_request);
  CHECK_EQ(refused.message, "schedule verify: its previous run is under way");
  a->end(std::string{});
  CHECK_EQ(value_of(a->trigger("verify")).n, 2);
  CHECK_EQ(a->told("verify"), "2 manual running, 1 manual ok");
}

TEST(the schedules are listed with what comes next and what was last) {
  a->start();
  value_of(a->trigger("verify"));
  const auto warm = a->view(0);
  CHECK_EQ(warm.name, "warm");
  CHECK_EQ(warm.expression, "*/15 * * * *");
  CHECK_EQ(warm.zone, "UTC");
  CHECK_EQ(warm.next_due_ms, midnight + 15 * minute);
  CHECK_EQ(warm.last.n, 0);
  CHECK(!warm.under_way);
  const auto verify = a->view(1);
  CHECK_EQ(verify.next_due_ms, midnight + 24 * 60 * minute);
  CHECK_EQ(verify.last.n, 1);
  CHECK(verify.under_way);
  a->end(std::string{"all there"});
  CHECK(!a->view(1).under_way);
  CHECK_EQ(a->view(1).last.message, "all there");
}

TEST(a run that was begun after its asker had gone is closed and stops no other) {
  a->start();
  std::promise<void> begun;
  std::promise<void> go;
  a->on_clock = [&, first = std::make_shared<bool>(true)] {
    if (std::exchange(*first, false)) {
      begun.set_value();
      go.get_future().wait();
    }
  };
  auto asking = self->request(a->actor, caf::infinite, schedule_trigger{"warm", soon_us});
  settle();
  a->held->begin();
  begun.get_future().wait();
  advance(10s);
  advance(1s); // the storage is at it, and nobody waits any more
  auto why = ec::none;
  asking.receive([](const schedule_run&) {}, [&](const caf::error& e) { why = from_caf(e).code; });
  CHECK(why == ec::deadline_exceeded);
  go.set_value();
  a->held->join();
  a->work();
  CHECK_EQ(a->told(), "1 manual failed (begun too late)");
  CHECK(a->calls.empty());
  CHECK_EQ(value_of(a->trigger("warm")).n, 2);
}

TEST(a history comes newest first in pages) {
  a->start();
  for (int i = 0; i < 5; ++i) {
    value_of(a->trigger("warm"));
    a->end(std::string{});
  }
  const auto first = value_of(a->ask<schedule_runs>(schedule_history{"warm", 3, ""}));
  REQUIRE_EQ(first.runs.size(), 3u);
  CHECK_EQ(first.runs.front().n, 5);
  const auto rest = value_of(a->ask<schedule_runs>(schedule_history{"warm", 3, first.cursor}));
  REQUIRE_EQ(rest.runs.size(), 2u);
  CHECK_EQ(rest.runs.back().n, 1);
  CHECK(rest.cursor.empty());
  CHECK(error_of(a->ask<schedule_runs>(schedule_history{"nothing", 3, ""})).code == ec::not_found);
  CHECK(error_of(a->ask<schedule_runs>(schedule_history{"warm", 0, ""})).code == ec::bad_request);
  CHECK(error_of(a->ask<schedule_runs>(schedule_history{"warm", 3, "x"})).code == ec::bad_request);
}

TEST(a run is told to stop at its deadline and nobody waits for it ten seconds later) {
  a->start();
  value_of(a->trigger("verify"));
  pass(10min - 5s);
  CHECK(!a->calls.front().context.cancelled->load());
  pass(5s);
  CHECK(a->calls.front().context.cancelled->load());
  CHECK_EQ(a->told("verify"), "1 manual running"); // no overlap while it may still end
  CHECK(error_of(a->trigger("verify")).code == ec::bad_request);
  pass(10s);
  CHECK_EQ(a->told("verify"), "1 manual failed (its deadline of 600 s passed)");
  value_of(a->trigger("verify"));
  a->end(std::string{"late"}); // of the first run, which is over
  CHECK_EQ(a->told("verify"), "2 manual running, 1 manual failed (its deadline of 600 s passed)");
  a->end(std::string{"in time"});
  CHECK(a->told("verify").starts_with("2 manual ok (in time)"));
}

TEST(a task that stops when it is told to says how far it came) {
  a->start();
  value_of(a->trigger("verify"));
  pass(10min + 5s);
  a->end(std::string{"7 of 9"});
  CHECK_EQ(a->told("verify"), "1 manual failed (its deadline of 600 s passed: 7 of 9)");
}

TEST(a task that throws or drops its completion has failed and frees its schedule) {
  a->task = [](const run_context&, const run_completion&) { throw std::runtime_error{"no disk"}; };
  a->start();
  value_of(a->trigger("warm"));
  a->work();
  a->task = [](const run_context&, const run_completion&) {};
  value_of(a->trigger("warm"));
  a->work();
  a->task = [](const run_context&, const run_completion& done) {
    done(std::string{"first"});
    done(fail(ec::internal, "second"));
  };
  value_of(a->trigger("warm"));
  a->work();
  CHECK_EQ(
    a->told(), "3 manual ok (first), 2 manual failed (the task dropped its completion), 1 manual failed (no disk)");
}

TEST(a run says in the storage that it works for as long as it does) {
  a->start();
  value_of(a->trigger("verify"));
  const auto until = [&] {
    return *value_of(a->beside->first("SELECT until_ms FROM schedule_runs WHERE name = 'verify'"))
              ->get<std::int64_t>("until_ms");
  };
  CHECK_EQ(until(), now_ms + 60'000);
  pass(5min);
  CHECK(until() >= now_ms + 40'000);
  const auto last = until();
  a->end(std::string{});
  pass(1min);
  CHECK_EQ(until(), last);
}

TEST(a run that another node has closed is told to stop) {
  a->start();
  value_of(a->trigger("verify"));
  value_of(a->beside->run("UPDATE schedule_runs SET outcome = 'failed', message = 'interrupted'"));
  pass(20s);
  CHECK(a->calls.front().context.cancelled->load());
  CHECK(lines.has("error Schedule verify: run 1 was closed by another node"));
  a->end(std::string{"too late"});
  CHECK_EQ(a->told("verify"), "1 manual failed (interrupted)");
  CHECK_EQ(value_of(a->trigger("verify")).n, 2);
}

TEST(what was under way when the node was stopped is told so and closed) {
  a->start();
  value_of(a->trigger("verify"));
  const auto cancelled = a->calls.front().context.cancelled;
  auto asking = self->request(a->actor, caf::infinite, schedule_trigger{"warm", soon_us});
  settle();
  a->stop();
  CHECK(cancelled->load());
  auto why = ec::none;
  asking.receive([](const schedule_run&) {}, [&](const caf::error& e) { why = from_caf(e).code; });
  CHECK(why == ec::cancelled);
  a->held->finish();
  CHECK_EQ(a->told("verify"), "1 manual failed (the node was stopped)");
  CHECK_EQ(a->told("warm"), "");
}

TEST(what was under way when the node died is closed at its next start) {
  {
    auto schedules = storage::schedules_repository{*made};
    const auto begin = [&](const char* name, const char* owner) {
      value_of(schedules.begin(name, midnight, run_cause::cron, owner, midnight, midnight + 10 * minute));
    };
    begin("warm", "a");
    begin("verify", "b");
  }
  a->start();
  CHECK_EQ(a->told("warm"), "1 cron failed (interrupted)");
  CHECK_EQ(a->told("verify"), "1 cron running");
  CHECK(a->view(1).under_way); // by b
  CHECK(error_of(a->trigger("verify")).code == ec::bad_request);
  now_ms += 11 * minute; // b has not been heard of for too long
  CHECK(!a->view(1).under_way);
  CHECK_EQ(value_of(a->trigger("verify")).n, 2);
  CHECK_EQ(a->told("verify"), "2 manual running, 1 cron failed (interrupted)");
}

TEST(after downtime a schedule runs once or not at all as it is configured) {
  a->start();
  pass(14min);
  a->end(std::string{});
  now_ms += 5 * 60 * minute + 5 * minute;
  restart();
  REQUIRE_EQ(a->calls.size(), 1u);
  CHECK(a->calls.front().context.cause == run_cause::catch_up);
  CHECK_EQ(a->calls.front().context.due_ms, midnight + (5 * 60 + 15) * minute);
  a->end(std::string{});
  CHECK_EQ(a->told(), "2 catch_up ok, 1 cron ok");
  now_ms += 5 * 60 * minute + 5 * minute;
  a.reset();
  a = std::make_unique<test::scheduler_node>(*this, now_ms, database, "a");
  a->policy = missed::skip;
  a->start();
  CHECK(a->calls.empty());
  CHECK_EQ(a->told(), "3 catch_up skipped (missed by 10 min), 2 catch_up ok, 1 cron ok");
}

TEST(a moment that the storage could not take is tried again until it can) {
  a->start();
  pass(13min);
  hide();
  pass(70s);
  CHECK(a->calls.empty());
  CHECK(lines.has("warning Schedule warm: no run could be begun: "));
  CHECK(error_of(a->trigger("warm")).code == ec::storage_failed);
  unhide();
  pass(10s);
  REQUIRE_EQ(a->calls.size(), 1u);
  CHECK_EQ(a->calls.front().context.due_ms, midnight + 15 * minute);
  a->end(std::string{});
  pass(15min);
  CHECK_EQ(a->calls.size(), 1u); // and the next one in its turn
}

TEST(an end that the storage could not take is noted when it can) {
  a->start();
  value_of(a->trigger("warm"));
  REQUIRE(a->beside->script("ALTER TABLE schedule_runs RENAME TO hidden").has_value());
  a->end(std::string{"12 books"});
  pass(20s);
  CHECK(lines.has("warning Schedule warm: the end of its run is not noted yet: "));
  REQUIRE(a->beside->script("ALTER TABLE hidden RENAME TO schedule_runs").has_value());
  pass(10s);
  CHECK_EQ(a->told(), "1 manual ok (12 books)");
  CHECK_EQ(value_of(a->trigger("warm")).n, 2);
}

TEST(without its storage at the start it waits for it) {
  hide();
  a->start();
  CHECK(lines.has("warning The schedules could not be read, so none runs yet: "));
  CHECK(error_of(a->trigger("warm")).code == ec::storage_failed);
  CHECK(error_of(a->trigger("nothing")).code == ec::not_found);
  CHECK(error_of(a->ask<schedule_views>(schedule_query{})).code == ec::storage_failed);
  unhide();
  pass(5s);
  CHECK_EQ(value_of(a->trigger("warm")).n, 1);
}

TEST(a clock that had been years ahead does not stop the schedules) {
  {
    auto schedules = storage::schedules_repository{*made};
    value_of(schedules.skip("warm", midnight + 1'000'000 * minute, run_cause::cron, "a wrong clock", "a", midnight));
  }
  a->start();
  CHECK(lines.has("warning Schedule warm: the clock had been more than a day ahead"));
  pass(14min);
  REQUIRE_EQ(a->calls.size(), 1u);
  CHECK_EQ(a->calls.front().context.due_ms, midnight + 15 * minute);
}

CAF_TEST_FIXTURE_SCOPE_END()

// Each database in turn; two nodes that share it.
TEST(of two nodes on one database one runs a due moment) {
  test::for_each_database([](test::backend& kind) {
    auto in = test::actors{};
    auto now = midnight + minute;
    const auto made = test::scheduler_world::migrated(kind);
    auto a = test::scheduler_node{in, now, kind, "a"};
    auto b = test::scheduler_node{in, now, kind, "b"};
    a.start();
    b.start();
    const auto pass = [&](int minutes) {
      for (int i = 0; i < minutes * 4; ++i) {
        now += 15'000;
        in.advance(15s);
        a.work();
        b.work();
      }
    };
    for (int i = 1; i <= 4; ++i) {
      pass(i == 1 ? 14 : 15);
      CHECK_EQ(a.calls.size() + b.calls.size(), 1u);
      auto& ran = a.calls.empty() ? b : a;
      auto& other = a.calls.empty() ? a : b;
      CHECK(other.view().under_way);
      CHECK(error_of(other.trigger("warm")).code == ec::bad_request);
      ran.end(std::string{});
      CHECK(!other.view().under_way);
    }
    CHECK_EQ(a.told(), "4 cron ok, 3 cron ok, 2 cron ok, 1 cron ok");
  });
}
