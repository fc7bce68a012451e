#define TEST_SUITE schedules_repository
#include "tests/support/test.hpp"

#include "storage/migrations.hpp"
#include "storage/schedules_repository.hpp"
#include "tests/storage/backends.hpp"

#include <atomic>
#include <thread>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;
using how = begun::how;

namespace {

constexpr std::int64_t due = 1'700'000'000'000;
constexpr std::int64_t minute = 60'000;
constexpr auto cron = run_cause::cron;

struct node {
  std::unique_ptr<schema_sql> db;
  schedules_repository schedules;

  explicit node(test::backend& kind, std::int64_t keep = 100) : db{kind.open()}, schedules{*db, keep} {}

  begun begin(std::int64_t at, run_cause cause = cron, const std::string& owner = "a") {
    return value_of(schedules.begin("warm", at, cause, owner, at + 5, at + 5 + minute));
  }

  /// The history in one line, newest first: "2 cron running, 1 manual ok".
  std::string told() {
    auto line = std::string{};
    for (const auto& each : value_of(schedules.history("warm", 1000)).runs) {
      line += line.empty() ? "" : ", ";
      line += std::to_string(each.n) + ' ' + std::string{to_string(each.cause)} + ' ';
      line += to_string(each.outcome);
    }
    return line;
  }
};

template <class Body>
void for_each_schedule_database(Body&& body) {
  test::for_each_database([&](test::backend& kind) {
    const auto db = kind.open();
    value_of(migrate_up(*db, value_of(parse_migrations(built_in_migrations())), 1));
    body(kind);
  });
}

} // namespace

TEST(a due moment is taken once and its run is remembered) {
  for_each_schedule_database([](test::backend& kind) {
    auto n = node{kind};
    CHECK(value_of(n.schedules.moments()).empty());
    const auto first = n.begin(due);
    CHECK(first.what == how::started);
    CHECK_EQ(first.n, 1);
    CHECK(n.begin(due).what == how::taken);
    CHECK(n.begin(due - minute).what == how::taken);
    CHECK_EQ(value_of(n.schedules.moments()).at("warm"), due);
    CHECK(value_of(n.schedules.end("warm", 1, run_outcome::ok, "12 warmed", due + 9)));
    CHECK(!value_of(n.schedules.end("warm", 1, run_outcome::failed, "again", due + 10)));
    const auto runs = value_of(n.schedules.history("warm", 10)).runs;
    REQUIRE_EQ(runs.size(), 1u);
    CHECK(runs.front()
          == (schedule_run{"warm", 1, due, due + 5, due + 9, run_cause::cron, run_outcome::ok, "12 warmed", "a"}));
    CHECK(value_of(n.schedules.history("other", 10)).runs.empty());
  });
}

TEST(of many nodes one runs a due moment) {
  for_each_schedule_database([](test::backend& kind) {
    for (std::int64_t round = 0; round < 3; ++round) {
      auto started = std::atomic<int>{0};
      auto refused = std::atomic<int>{0};
      auto threads = std::vector<std::thread>{};
      for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
          auto n = node{kind};
          const auto at = due + round * minute;
          const auto got = n.schedules.begin("warm", at, cron, "node " + std::to_string(t), at, at + minute);
          started += got && got.value().what == how::started ? 1 : 0;
          refused += got && got.value().what == how::taken ? 1 : 0;
        });
      for (auto& each : threads)
        each.join();
      CHECK_EQ(started.load(), 1);
      CHECK_EQ(refused.load(), 3);
      CHECK(value_of(node{kind}.schedules.end("warm", round + 1, run_outcome::ok, "", due)));
    }
    CHECK_EQ(node{kind}.told(), "3 cron ok, 2 cron ok, 1 cron ok");
  });
}

TEST(a moment that comes while the previous run is under way is noted as skipped) {
  for_each_schedule_database([](test::backend& kind) {
    auto n = node{kind};
    n.begin(due);
    CHECK(value_of(n.schedules.renew("warm", 1, due + 10 * minute)));
    CHECK(n.begin(due + minute, cron, "b").what == how::busy);
    CHECK(n.begin(due + minute, cron, "b").what == how::taken);
    CHECK(n.begin(due + minute, run_cause::manual, "b").what == how::busy);
    CHECK_EQ(n.told(), "2 cron skipped, 1 cron running");
    CHECK_EQ(value_of(n.schedules.history("warm", 1)).runs.front().message, "the previous run is under way");
    CHECK(value_of(n.schedules.end("warm", 1, run_outcome::failed, "no upstream", due)));
    CHECK(n.begin(due + 2 * minute).what == how::started);
    CHECK(!value_of(n.schedules.renew("warm", 1, due)));
  });
}

TEST(a manual run takes no moment) {
  for_each_schedule_database([](test::backend& kind) {
    auto n = node{kind};
    CHECK(n.begin(due - 7, run_cause::manual).what == how::started);
    CHECK(value_of(n.schedules.moments()).empty());
    CHECK(value_of(n.schedules.end("warm", 1, run_outcome::ok, "", due - 1)));
    CHECK(n.begin(due, run_cause::catch_up).what == how::started);
    CHECK(value_of(n.schedules.end("warm", 2, run_outcome::ok, "", due)));
    CHECK(n.begin(due + 30 * minute, run_cause::manual).what == how::started);
    CHECK_EQ(value_of(n.schedules.moments()).at("warm"), due);
    CHECK_EQ(n.told(), "3 manual running, 2 catch_up ok, 1 manual ok");
  });
}

TEST(a moment that is skipped is taken and noted) {
  for_each_schedule_database([](test::backend& kind) {
    auto n = node{kind};
    CHECK(value_of(n.schedules.skip("warm", due, cron, "missed by 3 h", "a", due + 180 * minute)));
    CHECK(!value_of(n.schedules.skip("warm", due, cron, "missed by 3 h", "b", due + 180 * minute)));
    CHECK(n.begin(due).what == how::taken);
    CHECK_EQ(n.told(), "1 cron skipped");
    CHECK_EQ(value_of(n.schedules.history("warm", 1)).runs.front().message, "missed by 3 h");
    n.begin(due + minute);
    CHECK(value_of(n.schedules.skip("warm", due + 2 * minute, cron, "under way", "a", due + 2 * minute)));
    CHECK_EQ(n.told(), "3 cron skipped, 2 cron running, 1 cron skipped");
  });
}

TEST(a run whose process died is closed as interrupted at the next start) {
  for_each_schedule_database([](test::backend& kind) {
    {
      auto n = node{kind};
      n.begin(due);
      value_of(n.schedules.begin("other", due, cron, "b", due, due + minute));
    }
    auto n = node{kind};
    CHECK_EQ(value_of(n.schedules.close_interrupted("a", due + 99)), 1);
    CHECK_EQ(value_of(n.schedules.close_interrupted("a", due + 99)), 0);
    const auto run = value_of(n.schedules.history("warm", 1)).runs.front();
    CHECK(run.outcome == run_outcome::failed);
    CHECK_EQ(run.message, "interrupted");
    CHECK_EQ(run.ended_ms, due + 99);
    CHECK(value_of(n.schedules.history("other", 1)).runs.front().outcome == run_outcome::running);
  });
}

TEST(a run that its owner did not hear of is closed by its moment) {
  for_each_schedule_database([](test::backend& kind) {
    auto n = node{kind};
    n.begin(due, run_cause::manual);
    CHECK_EQ(value_of(n.schedules.disown("warm", "a", due + 1, due + 9)), 0);
    CHECK_EQ(value_of(n.schedules.disown("warm", "b", due, due + 9)), 0);
    CHECK_EQ(value_of(n.schedules.disown("warm", "a", due, due + 9)), 1);
    CHECK_EQ(n.told(), "1 manual failed");
    CHECK(n.begin(due + 10, run_cause::manual).what == how::started);
  });
}

TEST(a run of a node that never came back does not stop the next one) {
  for_each_schedule_database([](test::backend& kind) {
    auto n = node{kind};
    n.begin(due, cron, "gone");
    CHECK(n.begin(due + minute - 1, cron, "b").what == how::busy); // its word holds 1 ms longer
    CHECK(n.begin(due + 2 * minute, cron, "b").what == how::started);
    CHECK_EQ(n.told(), "3 cron running, 2 cron skipped, 1 cron failed");
    CHECK(!value_of(n.schedules.end("warm", 1, run_outcome::ok, "late", due)));
  });
}

TEST(the last runs of each schedule are kept and listed newest first in pages) {
  for_each_schedule_database([](test::backend& kind) {
    auto n = node{kind, 5};
    for (int i = 1; i <= 12; ++i) {
      REQUIRE(n.begin(due + i * minute).what == how::started);
      value_of(n.schedules.end("warm", i, run_outcome::ok, "", due + i * minute));
    }
    value_of(n.schedules.begin("other", due, cron, "a", due, due));
    const auto first = value_of(n.schedules.history("warm", 3));
    REQUIRE_EQ(first.runs.size(), 3u);
    CHECK_EQ(first.runs.front().n, 12);
    const auto second = value_of(n.schedules.history("warm", 3, first.cursor));
    REQUIRE_EQ(second.runs.size(), 2u);
    CHECK_EQ(second.runs.back().n, 8);
    CHECK(second.cursor.empty());
    CHECK_EQ(value_of(n.schedules.history("other", 3)).runs.size(), 1u);
    CHECK(error_of(n.schedules.history("warm", 3, "x")).code == ec::bad_request);
  });
}

TEST(a moment far ahead is set back) {
  for_each_schedule_database([](test::backend& kind) {
    auto n = node{kind};
    n.begin(due + 1'000'000 * minute);
    value_of(n.schedules.end("warm", 1, run_outcome::ok, "", due));
    CHECK(n.begin(due + minute).what == how::taken);
    REQUIRE(n.schedules.rewind("warm", due).has_value());
    CHECK_EQ(value_of(n.schedules.moments()).at("warm"), due);
    CHECK(n.begin(due + minute).what == how::started);
    REQUIRE(n.schedules.rewind("warm", due + 5 * minute).has_value()); // never forward
    CHECK_EQ(value_of(n.schedules.moments()).at("warm"), due + minute);
  });
}

TEST(how each schedule stands is its newest entry and whether somebody runs it) {
  for_each_schedule_database([](test::backend& kind) {
    auto n = node{kind};
    CHECK(value_of(n.schedules.standing(due)).empty());
    n.begin(due);
    CHECK(value_of(n.schedules.skip("warm", due + minute / 2, cron, "busy", "a", due + minute / 2)));
    value_of(n.schedules.begin("other", due, cron, "a", due, due + minute));
    value_of(n.schedules.end("other", 1, run_outcome::ok, "done", due + 1));
    const auto all = value_of(n.schedules.standing(due + minute / 2));
    REQUIRE_EQ(all.size(), 2u);
    CHECK(all.at("warm").under_way);
    CHECK_EQ(all.at("warm").last.n, 2);
    CHECK(all.at("warm").last.outcome == run_outcome::skipped);
    CHECK(!all.at("other").under_way);
    CHECK_EQ(all.at("other").last.message, "done");
    CHECK(!value_of(n.schedules.standing(due + 2 * minute)).at("warm").under_way); // its word is too old
  });
}
