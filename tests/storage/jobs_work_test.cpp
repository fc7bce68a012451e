// The work of a job: items, rejections and events, and that nothing of it is lost or done twice.
#define TEST_SUITE jobs_work
#include "tests/support/test.hpp"

#include "tests/storage/jobs_world.hpp"

#include <map>
#include <random>
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

TEST(items are claimed in the order of their numbers and each once) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 0);
    value_of(node.jobs.add_items("j1", "a", jobs_node::numbered(40, 42), start_ms));
    CHECK(node.claim("j1", 2) == (numbers{40, 41}));
    value_of(node.jobs.add_items("j1", "a", jobs_node::numbered(7, 8), start_ms)); // before what was claimed
    CHECK(node.claim("j1", 10) == (numbers{7, 8, 42}));
    CHECK(node.claim("j1", 10).empty());
    for (const auto limit : {0, -1}) {
      CHECK(error_of(node.jobs.claim("j1", "a", limit, start_ms)).code == ec::bad_request);
      CHECK(error_of(node.jobs.events_after("j1", 0, limit)).code == ec::bad_request);
    }
    const auto counts = node.find("j1").counts;
    CHECK_EQ(counts.items, 5);
    CHECK_EQ(counts.claimed, 5);
  });
}

TEST(a claimed item carries what is to be done) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 0);
    auto parsed = parsed_rows{};
    parsed.items = {
      {.n = 1, .kind = "author", .subject = "Станислав Лем"}, {.n = 2, .kind = "isbn", .subject = "'; --"}};
    value_of(node.jobs.add_items("j1", "a", parsed, start_ms));
    const auto items = value_of(node.jobs.claim("j1", "a", 10, start_ms));
    REQUIRE_EQ(items.size(), 2u);
    CHECK(items[0] == (job_item{.n = 1, .kind = "author", .subject = "Станислав Лем", .state = item_state::claimed}));
    CHECK_EQ(items[1].subject, "'; --");
    CHECK(value_of(node.jobs.items("j1", {}, 10)).entries == items);
  });
}

TEST(items that are added again are left alone and not counted again) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 100);
    value_of(node.jobs.finish("j1", "a", fetched(node.claim("j1", 10)), {}, start_ms));
    auto again = jobs_node::numbered(1, 120);
    again.items[0].subject = "another";
    again.items.push_back(again.items.back());
    again.rejections = {{3, "no title"}, {9, "bad ISBN"}, {3, "twice"}};
    again.totals = {.rows = 125, .accepted = 120, .rejected = 2, .duplicates = 3};
    for (int i = 0; i < 2; ++i) {
      const auto job = value_of(node.jobs.add_items("j1", "a", again, start_ms));
      CHECK_EQ(job.counts.items, 120);
      CHECK_EQ(job.counts.done, 10);
      CHECK(job.counts.parsed == again.totals);
    }
    CHECK_EQ(value_of(node.jobs.items("j1", {}, 1)).entries.front().subject, "Title 1");
    CHECK_EQ(value_of(node.jobs.items("j1", {}, 1000)).entries.size(), 120u);
    CHECK(value_of(node.jobs.rejections("j1", 10)).entries
          == (std::vector<job_rejection>{{3, "no title"}, {9, "bad ISBN"}}));
  });
}

TEST(items of a claim whose answer was lost are queued again by their owner) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 9);
    value_of(node.jobs.finish("j1", "a", fetched(node.claim("j1", 2)), {}, start_ms));
    node.claim("j1", 3);
    value_of(node.jobs.finish("j1", "a", fetched({4}), {}, start_ms));
    CHECK(error_of(node.jobs.requeue("j1", "b", start_ms)).code == ec::cancelled);
    CHECK_EQ(value_of(node.jobs.requeue("j1", "a", start_ms)).counts.claimed, 0);
    CHECK(node.claim("j1", 100) == (numbers{3, 5, 6, 7, 8, 9}));
    CHECK_EQ(node.find("j1").counts.claimed, 6);
  });
}

TEST(finishing marks items and counts them and tells it in one transaction) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 5);
    node.claim("j1", 4);
    const auto results = std::vector<item_result>{{.n = 4, .how = "hot"}, {.n = 1, .how = "fetched"},
      {.n = 2, .code = "provider_timeout", .message = "google: 3000 ms"}};
    const auto job = value_of(
      node.jobs.finish("j1", "a", results, job_event{.kind = "progress", .data = R"({"done":2})"}, start_ms + 7));
    CHECK(job == node.find("j1"));
    CHECK_EQ(job.counts.claimed, 1);
    CHECK_EQ(job.counts.done, 2);
    CHECK_EQ(job.counts.failed, 1);
    CHECK_EQ(job.counts.hits, 1);
    CHECK_EQ(job.updated_ms, start_ms + 7);
    CHECK(value_of(node.jobs.events_after("j1", 2, 10))
          == (std::vector<job_event>{{3, "progress", start_ms + 7, R"({"done":2})"}}));
    CHECK(value_of(node.jobs.items("j1", item_state::failed, 10)).entries
          == (std::vector<job_item>{{.n = 2,
            .kind = "title",
            .subject = "Title 2",
            .state = item_state::failed,
            .code = "provider_timeout",
            .message = "google: 3000 ms"}}));
    CHECK_EQ(value_of(node.jobs.items("j1", item_state::done, 10)).entries.back().how, "hot");
  });
}

TEST(a result counts once however often it comes) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 5);
    node.claim("j1", 2);
    const auto progress = job_event{.kind = "progress", .data = "{}"};
    for (int i = 0; i < 3; ++i)
      CHECK_EQ(value_of(node.jobs.finish("j1", "a", fetched({1, 2, 2}), progress, start_ms)).counts.done, 2);
    CHECK_EQ(node.told("j1"), "1 state, 2 state, 3 progress");
    // Items that were never claimed, or that there are not, are nobody's to end.
    CHECK_EQ(value_of(node.jobs.finish("j1", "a", fetched({3, 77}), {}, start_ms)).counts.done, 2);
    CHECK_EQ(value_of(node.jobs.items("j1", {}, 10)).entries.size(), 5u);
  });
}

TEST(many results of all kinds are marked each as it ended) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 500);
    auto results = std::vector<item_result>{};
    for (const auto n : node.claim("j1", 256)) {
      auto ended = item_result{.n = n, .how = n % 2 == 0 ? "hot" : "fetched"};
      if (n % 5 == 0)
        ended = {.n = n, .code = "provider_failed", .message = std::to_string(n)};
      results.push_back(ended);
    }
    const auto job = value_of(node.jobs.finish("j1", "a", results, {}, start_ms));
    CHECK_EQ(job.counts.failed, 51);
    CHECK_EQ(job.counts.done, 205);
    CHECK_EQ(job.counts.hits, 103);
    for (const auto& each : value_of(node.jobs.items("j1", {}, 1000)).entries) {
      const auto expected = each.n > 256 ? item_state::queued : each.n % 5 == 0 ? item_state::failed : item_state::done;
      REQUIRE(each.state == expected);
      REQUIRE(each.message == (expected == item_state::failed ? std::to_string(each.n) : ""));
      REQUIRE(each.how == (expected != item_state::done ? "" : each.n % 2 == 0 ? "hot" : "fetched"));
    }
  });
}

TEST(rejections and items are paged) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 7);
    auto parsed = parsed_rows{};
    for (std::int64_t line = 2; line < 70; ++line)
      parsed.rejections.push_back({line, "row " + std::to_string(line)});
    value_of(node.jobs.add_items("j1", "a", parsed, start_ms));
    auto lines = std::int64_t{0};
    auto cursor = std::string{};
    do {
      const auto page = value_of(node.jobs.rejections("j1", 30, cursor));
      for (const auto& each : page.entries)
        CHECK_EQ(each.line, 2 + lines++);
      cursor = page.cursor;
    } while (!cursor.empty());
    CHECK_EQ(lines, 68);
    const auto first = value_of(node.jobs.items("j1", {}, 3));
    CHECK_EQ(value_of(node.jobs.items("j1", {}, 3, first.cursor)).entries.front().n, 4);
    CHECK(error_of(node.jobs.items("j1", {}, 3, "x")).code == ec::bad_request);
    CHECK(value_of(node.jobs.items("nobody", {}, 3)).entries.empty());
  });
}

TEST(events are numbered without gaps and read from any place) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 0);
    value_of(node.jobs.advance("j1", "a", "parsing", start_ms + 1));
    for (int i = 0; i < 20; ++i)
      value_of(node.jobs.append("j1", "a", {.kind = "progress", .data = std::to_string(i)}, start_ms + i));
    const auto all = value_of(node.jobs.events_after("j1", 0, 1000));
    REQUIRE_EQ(all.size(), 23u);
    for (std::size_t i = 0; i < all.size(); ++i)
      CHECK_EQ(all[i].seq, static_cast<std::int64_t>(i) + 1);
    CHECK_EQ(all[2].data, R"({"phase":"parsing"})");
    CHECK_EQ(node.find("j1").phase, "parsing");
    CHECK_EQ(node.find("j1").events, 23);
    const auto some = value_of(node.jobs.events_after("j1", 20, 2));
    REQUIRE_EQ(some.size(), 2u);
    CHECK(some.front() == all[20]);
    CHECK(value_of(node.jobs.events_after("j1", 23, 2)).empty());
    for (const auto* kind : {"done", "error"})
      CHECK(error_of(node.jobs.append("j1", "a", {.kind = kind, .data = "{}"}, start_ms)).code == ec::bad_request);
  });
}

TEST(a job that tells too much is not listened to but its end is) {
  test::for_each_jobs_node([](jobs_node& node) {
    node.run("j1", 0);
    value_of(node.db->run("UPDATE jobs SET events = ?", {jobs_repository::most_events}));
    const auto progress = job_event{.kind = "progress", .data = "{}"};
    CHECK_EQ(value_of(node.jobs.append("j1", "a", progress, start_ms)).events, jobs_repository::most_events);
    CHECK_EQ(value_of(node.jobs.complete("j1", "a", "", start_ms)).events, jobs_repository::most_events + 1);
    CHECK_EQ(value_of(node.jobs.events_after("j1", jobs_repository::most_events, 9)).front().kind, "done");
  });
}

TEST(whoever cancels while another finishes leaves whole batches and whole counts) {
  test::for_each_jobs_database([](test::backend& kind) {
    constexpr std::int64_t items = 400;
    jobs_node{kind}.run("j1", items);
    auto worker = std::thread{[&] {
      auto node = jobs_node{kind};
      for (;;) {
        auto claimed = node.jobs.claim("j1", "a", 7, start_ms);
        if (!claimed || claimed.value().empty())
          return;
        auto results = std::vector<item_result>{};
        for (const auto& each : claimed.value())
          results.push_back({.n = each.n, .how = "hot"});
        if (!node.jobs.finish("j1", "a", results, job_event{.kind = "progress", .data = "{}"}, start_ms))
          return;
      }
    }};
    auto node = jobs_node{kind};
    while (node.find("j1").counts.done < items / 8)
      value_of(node.jobs.renew("j1", "a", start_ms, until_ms)); // gets in the worker's way
    const auto cancelled = value_of(node.jobs.cancel("j1", "", start_ms));
    worker.join();
    CHECK(node.find("j1") == cancelled);
    auto states = std::map<item_state, std::int64_t>{};
    for (const auto& each : value_of(node.jobs.items("j1", {}, 1000)).entries)
      ++states[each.state];
    CHECK_EQ(states[item_state::done], cancelled.counts.done);
    CHECK_EQ(states[item_state::claimed], 0);
    CHECK_EQ(states[item_state::queued], items - cancelled.counts.done);
    const auto events = value_of(node.jobs.events_after("j1", 0, 1000));
    CHECK_EQ(events.back().kind, "error");
    for (std::size_t i = 0; i < events.size(); ++i)
      REQUIRE_EQ(events[i].seq, static_cast<std::int64_t>(i) + 1);
  });
}

TEST(through any order of deaths and take overs every item ends once) {
  test::for_each_jobs_node([](jobs_node& node) {
    auto random = std::mt19937{20261121};
    constexpr std::int64_t items = 300;
    node.run("j1", items);
    auto ended = std::map<std::int64_t, int>{};
    auto owner = std::string{"a"};
    auto now = start_ms;
    auto left_over = std::vector<std::int64_t>{}; // claimed by somebody who has lost the lease
    auto ghost = std::string{};
    while (node.find("j1").counts.done < items) {
      auto claimed = std::vector<std::int64_t>{};
      for (const auto& each : value_of(node.jobs.claim("j1", owner, 1 + random() % 40, now)))
        claimed.push_back(each.n);
      if (random() % 3 == 0) { // it dies here
        ghost = owner;
        left_over = claimed;
        owner = "node " + std::to_string(random() % 5) + '.' + std::to_string(now);
        now += test::lease_ms + 1;
        REQUIRE_EQ(
          value_of(node.jobs.recover(owner, now, now + test::lease_ms, jobs_repository::recovery::of_expired)).size(),
          1u);
        REQUIRE(error_of(node.jobs.finish("j1", ghost, fetched(left_over), {}, now)).code == ec::cancelled);
        continue;
      }
      value_of(node.jobs.finish("j1", owner, fetched(claimed), {}, now));
      for (const auto n : claimed)
        ++ended[n];
    }
    CHECK_EQ(ended.size(), static_cast<std::size_t>(items));
    for (const auto& [n, times] : ended)
      REQUIRE_EQ(times, 1);
    CHECK(value_of(node.jobs.complete("j1", owner, "", now)).state == job_state::done);
  });
}

TEST(a library is added and claimed and finished) {
  test::for_each_jobs_node([](jobs_node& node) {
    constexpr std::int64_t items = 6'000;
    constexpr std::int64_t at_once = 2'000;
    node.run("j1", 0);
    for (std::int64_t first = 1; first <= items; first += at_once)
      value_of(node.jobs.add_items("j1", "a", jobs_node::numbered(first, first + at_once - 1), start_ms));
    auto next = std::int64_t{1};
    for (;;) {
      const auto claimed = node.claim("j1", 256);
      if (claimed.empty())
        break;
      REQUIRE_EQ(claimed.front(), next);
      next = claimed.back() + 1;
      value_of(node.jobs.finish("j1", "a", fetched(claimed), {}, start_ms));
    }
    CHECK_EQ(node.find("j1").counts.done, items);
    CHECK(value_of(node.jobs.complete("j1", "a", "", start_ms)).state == job_state::done);
  });
}
