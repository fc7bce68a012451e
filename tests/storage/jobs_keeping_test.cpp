// What of old jobs is kept, on each kind of database.
#define TEST_SUITE jobs_keeping
#include "tests/support/test.hpp"

#include "tests/storage/jobs_world.hpp"

#include <fmt/format.h>

using namespace troupe;
using test::fetched;
using test::jobs_node;
using test::start_ms;
using test::value_of;

namespace {

// A job that was done at that time, with two items.
void do_one(jobs_node& node, const std::string& id, const std::string& library, std::int64_t at) {
  node.create(id, library, at);
  REQUIRE(value_of(node.jobs.start_next("a", at, at + test::lease_ms)).has_value());
  value_of(node.jobs.add_items(id, "a", jobs_node::numbered(1, 2), at));
  value_of(node.jobs.finish(id, "a", fetched(node.claim(id, 2)), {}, at));
  value_of(node.jobs.complete(id, "a", "", at));
}

std::string ids(const std::vector<job_view>& jobs) {
  std::string out;
  for (const auto& each : jobs)
    out += each.id + ' ';
  return out;
}

} // namespace

TEST(a purge leaves each library its newest done job) {
  test::for_each_jobs_node([](jobs_node& node) {
    do_one(node, "a1", "a", start_ms);
    do_one(node, "b1", "b", start_ms + 1);
    do_one(node, "a2", "a", start_ms + 2);
    node.create("a3", "a", start_ms + 3);
    value_of(node.jobs.cancel("a3", "", start_ms + 3));
    const auto gone = value_of(node.jobs.purge(start_ms + 100, 1'000));
    CHECK(gone.all);
    CHECK_EQ(gone.jobs, 2);
    CHECK_EQ(ids(value_of(node.jobs.list(10)).entries), "a2 b1 ");
    CHECK(value_of(node.jobs.purge(start_ms + 100, 1'000)).all);
    do_one(node, "b2", "b", start_ms + 4);
    CHECK_EQ(value_of(node.jobs.purge(start_ms + 100, 1'000)).jobs, 1);
    CHECK_EQ(ids(value_of(node.jobs.list(10)).entries), "b2 a2 ");
  });
}

TEST(many small jobs count towards the share of a purge) {
  test::for_each_jobs_node([](jobs_node& node) {
    for (int i = 0; i < 20; ++i) {
      const auto id = fmt::format("j{:02}", i);
      node.create(id, "a");
      value_of(node.jobs.cancel(id, "", start_ms + 1));
    }
    const auto gone = value_of(node.jobs.purge(start_ms + 2, 10));
    CHECK(!gone.all);
    CHECK(gone.jobs + gone.rows <= 12);
  });
}

TEST(the last done job of each library is found however many libraries there are) {
  test::for_each_jobs_node([](jobs_node& node) {
    std::vector<storage::statement> rows;
    for (int i = 0; i < 1'500; ++i)
      rows.push_back({"INSERT INTO jobs (id, kind, library, source, options, state, phase, message, created_ms,"
                      " started_ms, ended_ms, updated_ms, row_count, accepted, rejected, duplicates, items, claimed,"
                      " done, failed, hits, events, claim_from, lease_owner, lease_until_ms, mark) VALUES (?, 'warm',"
                      " ?, 'uploads/1', '{}', 'done', '', '', ?, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, '', 0, 1)",
        {fmt::format("j{:04}", i), fmt::format("library{:04}", i), start_ms + i}});
    value_of(node.db->batch(rows));
    const auto found = value_of(node.jobs.last_done(start_ms + 10'000, 10'000));
    CHECK_EQ(found.size(), 1'500u);
    CHECK_EQ(value_of(node.jobs.last_done(start_ms + 10'000, 100)).size(), 100u);
    CHECK_EQ(value_of(node.jobs.last_done(start_ms + 7, 10'000)).size(), 7u);
  });
}

TEST(a library with a job under way or without a done one has no last done job) {
  test::for_each_jobs_node([](jobs_node& node) {
    do_one(node, "a1", "a", start_ms);
    do_one(node, "a2", "a", start_ms + 1);
    do_one(node, "b1", "b", start_ms + 2);
    node.create("b2", "b", start_ms + 3);
    node.create("c1", "c", start_ms + 3);
    value_of(node.jobs.cancel("c1", "", start_ms + 4));
    CHECK_EQ(ids(value_of(node.jobs.last_done(start_ms + 100, 10))), "a2 ");
  });
}

TEST(uploads that no job names are told from those that one does) {
  test::for_each_jobs_node([](jobs_node& node) {
    std::vector<std::string> all;
    for (int i = 0; i < 70; ++i) {
      all.push_back(fmt::format("uploads/j{}", i));
      if (i % 2 == 0)
        node.create(fmt::format("j{}", i), "a");
    }
    const auto lost = value_of(node.jobs.without_job(all));
    CHECK_EQ(lost.size(), 35u);
    CHECK_EQ(lost.front(), "uploads/j1");
    CHECK_EQ(lost.back(), "uploads/j69");
    CHECK(value_of(node.jobs.without_job({})).empty());
  });
}

TEST(a paused job gives back what it has claimed) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 4);
    node.claim("j1", 3);
    value_of(node.jobs.pause("j1", start_ms));
    CHECK_EQ(value_of(node.jobs.requeue("j1", "a", start_ms)).counts.claimed, 0);
    CHECK(node.find("j1").state == job_state::paused);
    CHECK_EQ(value_of(node.jobs.items("j1", item_state::queued, 10)).entries.size(), 4u);
    CHECK_EQ(node.find("j1").lease_owner, ""); // for another job
    CHECK(test::error_of(node.jobs.requeue("j1", "b", start_ms)).code == ec::cancelled);
  });
}

TEST(hits are counted by their tier) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 4);
    node.claim("j1", 4);
    const auto job = value_of(node.jobs.finish(
      "j1", "a", {{1, "hot", {}, {}}, {2, "cold", {}, {}}, {3, "cold", {}, {}}, {4, "fetched", {}, {}}}, {}, start_ms));
    CHECK_EQ(job.counts.hot, 1);
    CHECK_EQ(job.counts.cold, 2);
    CHECK_EQ(job.counts.hits, 3);
    CHECK(node.find("j1").counts == job.counts);
  });
}
