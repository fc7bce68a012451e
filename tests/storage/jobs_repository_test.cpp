// Jobs as a whole: their order, their leases, their states, what is told of them, how they go.
#define TEST_SUITE jobs_repository
#include "tests/support/test.hpp"

#include "actors/jobs/progress.hpp"
#include "tests/storage/jobs_world.hpp"

#include <atomic>
#include <set>
#include <thread>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::fetched;
using test::jobs_node;
using test::start_ms;
using test::until_ms;
using test::value_of;
using numbers = std::vector<std::int64_t>;
using recovery = jobs_repository::recovery;

namespace {

void contains(const error& e, ec code, const std::string& text) {
  CHECK_EQ(to_string(e.code), to_string(code));
  if (e.message.find(text) == std::string::npos)
    CHECK_EQ(e.message, text);
}

std::string id_of(const std::optional<job_view>& job) {
  return job ? job->id : "none";
}

} // namespace

TEST(a job is found as it was queued) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.create("j1", "home");
    const auto job = node.find("j1");
    CHECK_EQ(job.kind, "warm");
    CHECK_EQ(job.library, "home");
    CHECK_EQ(job.source, "uploads/j1");
    CHECK_EQ(job.options, R"({"a":1})");
    CHECK(job.state == job_state::queued);
    CHECK_EQ(job.created_ms, start_ms);
    CHECK_EQ(job.started_ms, 0);
    CHECK(job.counts == job_counts{});
    CHECK(!value_of(node.jobs.find("j2")).has_value());
    CHECK(value_of(node.jobs.events_after("j1", 0, 10))
          == (std::vector<job_event>{{1, "state", start_ms, R"({"state":"queued"})"}}));
  });
}

TEST(a job that is created twice is there once) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.create("j1", "home");
    node.create("j1", "other", start_ms + 5);
    CHECK_EQ(node.find("j1").library, "home");
    CHECK_EQ(node.told("j1"), "1 state");
  });
}

TEST(the oldest job of a library starts and the others wait for it) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.create("new", "home", start_ms + 2);
    node.create("old", "home", start_ms + 1);
    node.create("elsewhere", "work", start_ms + 3);
    const auto first = value_of(node.jobs.start_next("a", start_ms + 4, until_ms));
    CHECK_EQ(id_of(first), "old");
    CHECK(first->state == job_state::running);
    CHECK_EQ(first->started_ms, start_ms + 4);
    CHECK_EQ(first->lease_owner, "a");
    CHECK_EQ(first->lease_until_ms, until_ms);
    CHECK(*first == node.find("old"));
    CHECK_EQ(id_of(value_of(node.jobs.start_next("b", start_ms, until_ms))), "elsewhere");
    CHECK_EQ(id_of(value_of(node.jobs.start_next("b", start_ms, until_ms))), "none");
    value_of(node.jobs.pause("old", start_ms));
    CHECK_EQ(id_of(value_of(node.jobs.start_next("b", start_ms, until_ms))), "none");
    value_of(node.jobs.cancel("old", "", start_ms));
    CHECK_EQ(id_of(value_of(node.jobs.start_next("b", start_ms, until_ms))), "new");
  });
}

TEST(two nodes that start jobs at once never start one twice nor two of one library) {
  test::for_each_jobs_database([](test::backend& kind) {
    constexpr auto jobs = 24;
    {
      auto node = jobs_node{kind};
      for (int i = 0; i < jobs; ++i)
        node.create("j" + std::to_string(100 + i), "library " + std::to_string(i % 12));
    }
    auto started = std::vector<std::vector<std::string>>(3);
    auto threads = std::vector<std::thread>{};
    for (std::size_t t = 0; t < started.size(); ++t)
      threads.emplace_back([&, t] {
        auto node = jobs_node{kind};
        for (;;) {
          auto next = node.jobs.start_next("node " + std::to_string(t), start_ms, until_ms);
          if (!next || !next.value())
            return;
          started[t].push_back(next.value()->id);
        }
      });
    for (auto& each : threads)
      each.join();
    auto all = std::multiset<std::string>{};
    for (const auto& each : started)
      all.insert(each.begin(), each.end());
    CHECK_EQ(all.size(), 12u);
    CHECK_EQ(std::set<std::string>(all.begin(), all.end()).size(), 12u);
    auto node = jobs_node{kind};
    auto libraries = std::set<std::string>{};
    for (const auto& each : value_of(node.jobs.list(1000)).entries)
      if (each.state == job_state::running)
        CHECK(libraries.insert(each.library).second);
    CHECK_EQ(libraries.size(), 12u);
  });
}

TEST(the database itself refuses a second job under way in a library) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 0);
    node.create("j2", "home");
    CHECK(!node.db->run("UPDATE jobs SET state = 'running' WHERE id = 'j2'").has_value());
  });
}

TEST(each transition is allowed from its states alone and says in which the job is) {
  test::for_each_jobs_node([](jobs_node& node) {
    auto& jobs = node.jobs;
    node.create("j1", "home");
    contains(error_of(jobs.pause("j1", start_ms)), ec::bad_request, "job j1: is queued, cannot be paused");
    contains(error_of(jobs.resume("j1", start_ms)), ec::bad_request, "job j1: is queued, cannot be resumed");
    contains(error_of(jobs.complete("j1", "a", "", start_ms)), ec::cancelled, "queued");
    value_of(jobs.start_next("a", start_ms, until_ms));
    contains(error_of(jobs.resume("j1", start_ms)), ec::bad_request, "is running, cannot be resumed");
    CHECK(value_of(jobs.pause("j1", start_ms)).state == job_state::paused);
    contains(error_of(jobs.pause("j1", start_ms)), ec::bad_request, "is paused, cannot be paused");
    contains(error_of(jobs.complete("j1", "a", "", start_ms)), ec::bad_request, "is paused, cannot be completed");
    contains(error_of(jobs.claim("j1", "a", 1, start_ms)), ec::bad_request, "is paused");
    contains(error_of(jobs.add_items("j1", "a", {}, start_ms)), ec::bad_request, "is paused");
    CHECK(value_of(jobs.resume("j1", start_ms)).state == job_state::running);
    CHECK(value_of(jobs.complete("j1", "a", R"({"items":0})", start_ms + 9)).state == job_state::done);
    CHECK_EQ(node.find("j1").ended_ms, start_ms + 9);
    contains(error_of(jobs.cancel("j1", "", start_ms)), ec::bad_request, "is done, cannot be cancelled");
    contains(error_of(jobs.pause("j1", start_ms)), ec::bad_request, "is done");
    contains(error_of(jobs.fail_job("j1", "a", "late", "", start_ms)), ec::cancelled, "done");
    contains(error_of(jobs.pause("j9", start_ms)), ec::not_found, "j9");
    CHECK_EQ(node.told("j1"), "1 state, 2 state, 3 state, 4 state, 5 done");
  });
}

TEST(a job cannot be completed while items are left) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 3);
    contains(error_of(node.jobs.complete("j1", "a", "", start_ms)), ec::bad_request, "3 items");
    value_of(node.jobs.finish("j1", "a", fetched(node.claim("j1", 2)), {}, start_ms));
    contains(error_of(node.jobs.complete("j1", "a", "", start_ms)), ec::bad_request, "1 items");
    value_of(node.jobs.finish("j1", "a", fetched(node.claim("j1", 2)), {}, start_ms));
    CHECK(value_of(node.jobs.complete("j1", "a", "", start_ms)).state == job_state::done);
  });
}

TEST(a job that fails or is cancelled says why and its last event is an error) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 2);
    node.claim("j1", 1);
    const auto failed = value_of(node.jobs.fail_job("j1", "a", "line 3: not CSV", R"({"why":"csv"})", start_ms + 1));
    CHECK(failed.state == job_state::failed);
    CHECK_EQ(failed.message, "line 3: not CSV");
    CHECK_EQ(failed.counts.claimed, 0);
    CHECK(value_of(node.jobs.events_after("j1", 2, 9))
          == (std::vector<job_event>{{3, "error", start_ms + 1, R"({"why":"csv"})"}}));
    node.create("j2", "home");
    CHECK(value_of(node.jobs.cancel("j2", "", start_ms)).state == job_state::cancelled);
    CHECK_EQ(value_of(node.jobs.events_after("j2", 1, 9)).front().data,
      R"({"state":"cancelled","counts":)" + to_json(job_counts{}) + '}');
    CHECK_EQ(node.told("j2"), "1 state, 2 error");
  });
}

TEST(a job that is cancelled tells what it had done) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 4);
    value_of(
      node.jobs.finish("j1", "a", {{.n = node.claim("j1", 3).front(), .how = std::string{done_hot}}}, {}, start_ms));
    const auto cancelled = value_of(node.jobs.cancel("j1", "", start_ms));
    CHECK_EQ(cancelled.counts.hits, 1);
    CHECK_EQ(value_of(node.jobs.events_after("j1", cancelled.events - 1, 9)).front().data,
      R"({"state":"cancelled","counts":)" + to_json(cancelled.counts) + '}');
    node.create("j2", "away");
    value_of(node.jobs.cancel("j2", R"({"why":"so"})", start_ms));
    CHECK_EQ(value_of(node.jobs.events_after("j2", 1, 9)).front().data, R"({"why":"so"})");
  });
}

TEST(nothing follows the end of a job) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 1);
    const auto claimed = node.claim("j1", 1);
    value_of(node.jobs.cancel("j1", "", start_ms));
    const auto progress = job_event{.kind = "progress", .data = "{}"};
    CHECK(error_of(node.jobs.append("j1", "a", progress, start_ms)).code == ec::cancelled);
    CHECK(error_of(node.jobs.finish("j1", "a", fetched(claimed), progress, start_ms)).code == ec::cancelled);
    CHECK(error_of(node.jobs.advance("j1", "a", "warming", start_ms)).code == ec::cancelled);
    CHECK(error_of(node.jobs.renew("j1", "a", start_ms, until_ms)).code == ec::cancelled);
    CHECK_EQ(node.told("j1"), "1 state, 2 state, 3 error");
  });
}

TEST(the owner renews its lease and nobody else does) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 0);
    CHECK_EQ(value_of(node.jobs.renew("j1", "a", start_ms, until_ms + 9)).lease_until_ms, until_ms + 9);
    contains(error_of(node.jobs.renew("j1", "b", start_ms, until_ms + 99)), ec::cancelled, "of a");
    value_of(node.jobs.pause("j1", start_ms));
    CHECK(value_of(node.jobs.renew("j1", "a", start_ms, until_ms + 10)).state == job_state::paused);
    CHECK(error_of(node.jobs.renew("j1", "", start_ms, until_ms)).code == ec::cancelled);
  });
}

TEST(a paused job goes on with its owner or is queued again when that has died) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 4);
    CHECK(node.claim("j1", 2) == (numbers{1, 2}));
    value_of(node.jobs.pause("j1", start_ms));
    CHECK_EQ(value_of(node.jobs.finish("j1", "a", fetched({1}), {}, start_ms)).counts.done, 1); // it may finish
    CHECK(value_of(node.jobs.resume("j1", until_ms - 1)).state == job_state::running);
    CHECK_EQ(node.find("j1").counts.claimed, 1);
    value_of(node.jobs.pause("j1", start_ms));
    const auto queued = value_of(node.jobs.resume("j1", until_ms));
    CHECK(queued.state == job_state::queued);
    CHECK_EQ(queued.lease_owner, "");
    CHECK_EQ(id_of(value_of(node.jobs.start_next("b", until_ms, until_ms + 1))), "j1");
    CHECK(node.claim("j1", 9, "b") == (numbers{2, 3, 4}));
  });
}

TEST(what a dead node had claimed is queued again for the one that takes over) {
  test::for_each_jobs_database([](test::backend& kind) {
    auto a = jobs_node{kind};
    auto b = jobs_node{kind};
    a.run("j1", 6);
    CHECK(a.claim("j1", 2) == (numbers{1, 2}));
    value_of(a.jobs.finish("j1", "a", fetched({1, 2}), {}, start_ms));
    CHECK(a.claim("j1", 3) == (numbers{3, 4, 5}));
    CHECK(value_of(b.jobs.recover("b", until_ms - 1, until_ms + 9, recovery::of_expired)).empty());
    const auto taken = value_of(b.jobs.recover("b", until_ms, until_ms + 9, recovery::of_expired));
    REQUIRE_EQ(taken.size(), 1u);
    CHECK_EQ(taken.front().lease_owner, "b");
    CHECK_EQ(taken.front().counts.claimed, 0);
    CHECK(taken.front() == b.find("j1"));
    // The first was only slow: it is told, and changes nothing.
    contains(error_of(a.jobs.finish("j1", "a", fetched({3, 4, 5}), {}, until_ms)), ec::cancelled, "of b");
    CHECK(error_of(a.jobs.claim("j1", "a", 1, until_ms)).code == ec::cancelled);
    CHECK(error_of(a.jobs.add_items("j1", "a", jobs_node::numbered(7, 9), until_ms)).code == ec::cancelled);
    CHECK(error_of(a.jobs.complete("j1", "a", "", until_ms)).code == ec::cancelled);
    CHECK_EQ(b.find("j1").counts.done, 2);
    CHECK_EQ(b.find("j1").counts.items, 6);
    CHECK(b.claim("j1", 9, "b") == (numbers{3, 4, 5, 6}));
  });
}

TEST(a node that starts again has its own jobs at once and those of others when their lease has run out) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("mine", 2, "one");
    node.claim("mine", 1);
    node.create("theirs", "two");
    value_of(node.jobs.start_next("b", start_ms, until_ms));
    node.create("paused", "three");
    value_of(node.jobs.start_next("a", start_ms, until_ms));
    value_of(node.jobs.pause("paused", start_ms));
    CHECK(value_of(node.jobs.recover("a", start_ms + 1, until_ms, recovery::of_expired)).empty());
    const auto taken = value_of(node.jobs.recover("a", start_ms + 1, until_ms + 1, recovery::at_start));
    REQUIRE_EQ(taken.size(), 1u);
    CHECK_EQ(taken.front().id, "mine");
    CHECK_EQ(taken.front().lease_until_ms, until_ms + 1);
    CHECK(node.claim("mine", 9) == (numbers{1, 2}));
    CHECK(node.find("paused").state == job_state::paused);
    CHECK_EQ(node.find("paused").lease_owner, "");
    CHECK(value_of(node.jobs.resume("paused", start_ms)).state == job_state::queued);
    CHECK_EQ(node.find("theirs").lease_owner, "b");
  });
}

TEST(of two nodes that take over at once one has the job) {
  test::for_each_jobs_database([](test::backend& kind) {
    jobs_node{kind}.run("j1", 50);
    jobs_node{kind}.claim("j1", 20);
    auto taken = std::atomic<int>{0};
    auto threads = std::vector<std::thread>{};
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        auto node = jobs_node{kind};
        const auto mine =
          node.jobs.recover("node " + std::to_string(t), until_ms, until_ms + 1000, recovery::of_expired);
        if (mine)
          taken += static_cast<int>(mine.value().size());
      });
    for (auto& each : threads)
      each.join();
    CHECK_EQ(taken.load(), 1);
    CHECK_EQ(jobs_node{kind}.find("j1").counts.claimed, 0);
  });
}

TEST(jobs are listed newest first in pages) {
  test::for_each_jobs_node([](jobs_node& node) {
    for (int i = 0; i < 5; ++i)
      node.create("j" + std::to_string(i), "home", start_ms + i / 2); // some at one moment
    auto seen = std::string{};
    auto cursor = std::string{};
    do {
      auto page = value_of(node.jobs.list(2, cursor));
      CHECK(page.entries.size() <= 2);
      for (const auto& each : page.entries)
        seen += each.id + ' ';
      cursor = page.cursor;
    } while (!cursor.empty());
    CHECK_EQ(seen, "j4 j3 j2 j1 j0 ");
    CHECK(error_of(node.jobs.list(2, "nonsense")).code == ec::bad_request);
    CHECK(error_of(node.jobs.list(0)).code == ec::bad_request);
  });
}

TEST(jobs that ended before a time are purged with all that hangs on them) {
  test::for_each_jobs_node([](jobs_node& node) {
    for (const auto* id : {"old", "new", "open"}) {
      node.run(id, 3, id);
      auto parsed = parsed_rows{};
      parsed.rejections = {{1, "no title"}};
      value_of(node.jobs.add_items(id, "a", parsed, start_ms));
    }
    value_of(node.jobs.cancel("old", "", start_ms + 10));
    value_of(node.jobs.cancel("new", "", start_ms + 20));
    const auto gone = value_of(node.jobs.purge(start_ms + 20, 1000));
    CHECK_EQ(gone.jobs, 1);
    CHECK_EQ(gone.rows, 3 + 1 + 3);
    CHECK(gone.all);
    CHECK(!value_of(node.jobs.find("old")).has_value());
    CHECK(value_of(node.jobs.find("new")).has_value());
    for (const auto* table : {"job_items", "job_rejections", "job_events"})
      CHECK(value_of(node.db->all("SELECT job FROM " + std::string{table} + " WHERE job = 'old'")).empty());
    CHECK_EQ(value_of(node.jobs.purge(start_ms + 20, 1000)).jobs, 0);
    CHECK(value_of(node.jobs.find("open")).has_value());
  });
}

TEST(a purge stops after its share and goes on later) {
  test::for_each_jobs_node([](jobs_node& node) {
    for (const auto* id : {"j1", "j2"}) {
      node.run(id, 6000);
      value_of(node.jobs.cancel(id, "", start_ms + 10));
    }
    auto gone = value_of(node.jobs.purge(start_ms + 20, 4000));
    CHECK(!gone.all);
    CHECK_EQ(gone.jobs, 0);
    CHECK_EQ(gone.rows, 4000);
    CHECK(!value_of(node.jobs.find("j1")).has_value()); // nobody sees a job of which a part is gone
    CHECK_EQ(value_of(node.jobs.list(10)).entries.size(), 1u);
    auto calls = 0;
    for (; !gone.all; ++calls)
      gone = value_of(node.jobs.purge(start_ms + 20, 4000));
    CHECK(calls <= 4);
    CHECK(value_of(node.db->all("SELECT id FROM jobs")).empty());
    CHECK(value_of(node.db->all("SELECT job FROM job_items LIMIT 1")).empty());
  });
}

TEST(a group of writes that share a commit may hold any of these) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.create("j1", "home");
    node.create("j2", "home");
    const auto group = [&](const std::function<result<void>()>& work) { return node.db->exclusively(work); };
    REQUIRE(group([&]() -> result<void> {
      value_of(node.jobs.start_next("a", start_ms, until_ms));
      CHECK(!value_of(node.jobs.start_next("a", start_ms, until_ms)).has_value());
      value_of(node.jobs.add_items("j1", "a", jobs_node::numbered(1, 40), start_ms));
      value_of(node.jobs.finish("j1", "a", fetched(node.claim("j1", 20)), {}, start_ms));
      CHECK(error_of(node.jobs.resume("j1", start_ms)).code == ec::bad_request);
      return ok();
    }).has_value());
    CHECK_EQ(node.find("j1").counts.done, 20);
    CHECK(!group([&]() -> result<void> {
      value_of(node.jobs.cancel("j1", "", start_ms));
      return fail(ec::internal, "taken back");
    }).has_value());
    CHECK(node.find("j1").state == job_state::running);
    CHECK(node.claim("j1", 1) == (numbers{21}));
  });
}
