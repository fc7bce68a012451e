#define TEST_SUITE job_progress
#include "tests/support/test.hpp"

#include "actors/jobs/progress.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;
using namespace std::chrono_literals;
using time_point = job_progress::time;

namespace {

constexpr auto start = time_point{1'000'000s};

job_counts of(std::int64_t items, std::int64_t done, std::int64_t failed = 0) {
  auto counts = job_counts{};
  counts.parsed = {items, items, 0, 0};
  counts.items = items;
  counts.done = done;
  counts.failed = failed;
  return counts;
}

} // namespace

TEST(rate and time left follow from what was done of late) {
  auto p = job_progress{"warming", of(25'000, 0), start};
  CHECK_EQ(p.view(start).items_per_1000_s, -1);
  CHECK_EQ(p.view(start).left_ms, -1);
  for (int s = 1; s <= 10; ++s)
    p.update(of(25'000, s * 9, s), start + s * 1s);
  const auto seen = p.view(start + 10s);
  CHECK_EQ(seen.items_per_1000_s, 10'000);
  CHECK_EQ(seen.left_ms, 2'490'000);
  CHECK_EQ(seen.percent_hundredths, 40);
  CHECK_EQ(seen.phase, "warming");
}

TEST(the rate forgets what was half a minute ago) {
  auto p = job_progress{"warming", of(100'000, 0), start};
  auto done = std::int64_t{0};
  for (int s = 1; s <= 100; ++s)
    p.update(of(100'000, done += 1000), start + s * 1s);
  CHECK_EQ(p.view(start + 100s).items_per_1000_s, 1'000'000);
  for (int s = 101; s <= 130; ++s)
    p.update(of(100'000, ++done > 100'000 ? 100'000 : done), start + s * 1s);
  CHECK(p.view(start + 130s).items_per_1000_s <= 1000);
}

TEST(a job that stands still has no rate and no end) {
  auto p = job_progress{"warming", of(1000, 0), start};
  for (int s = 1; s <= 10; ++s)
    p.update(of(1000, s), start + s * 1s);
  const auto seen = p.view(start + 60s);
  CHECK_EQ(seen.items_per_1000_s, 0);
  CHECK_EQ(seen.left_ms, -1);
}

TEST(many updates in a second leave the window as long as it is) {
  auto p = job_progress{"warming", of(1'000'000, 0), start};
  for (int i = 1; i <= 20'000; ++i)
    p.update(of(1'000'000, i), start + i * 1ms);
  const auto seen = p.view(start + 20s);
  CHECK_EQ(seen.items_per_1000_s, 1'000'000);
  CHECK_EQ(seen.left_ms, 980'000);
}

TEST(a job that goes on after a restart does not count what it had done before) {
  auto p = job_progress{"warming", of(1000, 500), start};
  CHECK(!p.is_due(start + 5s));
  p.update(of(1000, 502), start + 2s);
  CHECK_EQ(p.view(start + 2s).items_per_1000_s, 1000);
  CHECK_EQ(p.view(start + 2s).percent_hundredths, 5020);
}

TEST(events come at most one a second and one a percent) {
  auto p = job_progress{"warming", of(100'000, 0), start};
  auto events = 0;
  auto last = start - 1h;
  for (int i = 1; i <= 100'000; ++i) {
    const auto now = start + i * 1ms; // 100 s in all: a percent each second
    p.update(of(100'000, i), now);
    if (p.is_due(now)) {
      CHECK(now - last >= 1s);
      last = now;
      CHECK_EQ(p.tell(now).counts.done, i);
      CHECK(!p.is_due(now));
      ++events;
    }
  }
  CHECK(events >= 90);
  CHECK(events <= 101);
}

TEST(a slow job tells each percent and a fast one each second) {
  auto slow = job_progress{"warming", of(300, 0), start};
  auto events = 0;
  for (int i = 1; i <= 300; ++i) {
    const auto now = start + i * 10s;
    slow.update(of(300, i), now);
    if (slow.is_due(now)) {
      CHECK_EQ(slow.tell(now).counts.done, i);
      ++events;
    }
  }
  CHECK_EQ(events, 100);
  auto fast = job_progress{"warming", of(300, 0), start};
  fast.update(of(300, 299), start + 999ms);
  CHECK(!fast.is_due(start + 999ms));
  CHECK(fast.is_due(start + 1s));
}

TEST(while parsing events come at ever larger numbers of rows) {
  auto p = job_progress{"parsing", of(0, 0), start};
  auto told = std::vector<std::int64_t>{};
  auto counts = job_counts{};
  for (int s = 1; s <= 2000; ++s) {
    const auto now = start + s * 1s;
    counts.parsed.rows = s * 50;
    counts.items = s * 40;
    p.update(counts, now);
    if (p.is_due(now))
      told.push_back(p.tell(now).counts.parsed.rows);
  }
  CHECK(told == (std::vector<std::int64_t>{50, 100, 200, 500, 1000, 2000, 5000, 10'000, 20'000, 50'000, 100'000}));
}

TEST(the largest numbers there are do not overflow) {
  constexpr auto most = std::int64_t{1} << 60;
  auto p = job_progress{"warming", of(most, 0), start};
  auto counts = of(most, most / 2);
  counts.parsed.rows = std::numeric_limits<std::int64_t>::max();
  p.update(counts, start + 2s);
  CHECK_EQ(p.view(start + 2s).percent_hundredths, 5000);
  auto parsing = job_progress{"parsing", counts, start};
  CHECK(!parsing.is_due(start + 2s));
}

TEST(a new phase begins its rate and its percent anew) {
  auto p = job_progress{"parsing", of(0, 0), start};
  p.update(of(500, 0), start + 5s);
  p.enter("warming", start + 5s);
  CHECK_EQ(p.view(start + 5s).items_per_1000_s, -1);
  p.update(of(500, 5), start + 6s);
  CHECK(p.is_due(start + 6s));
  CHECK_EQ(p.tell(start + 6s).phase, "warming");
}

TEST(counts that go back begin a new window) {
  auto p = job_progress{"warming", of(500, 100), start};
  p.update(of(500, 20), start + 2s);
  CHECK_EQ(p.view(start + 2s).items_per_1000_s, -1);
  p.update(of(500, 30), start + 4s);
  CHECK_EQ(p.view(start + 4s).items_per_1000_s, 5000);
}

TEST(errors are counted by cause and the causes are bounded) {
  auto p = job_progress{"warming", of(5000, 0), start};
  p.failed("provider_timeout", 7);
  p.failed("provider_failed");
  p.failed("provider_timeout");
  CHECK(p.view(start).errors
        == (std::vector<std::pair<std::string, std::int64_t>>{{"provider_timeout", 8}, {"provider_failed", 1}}));
  for (int i = 0; i < 1000; ++i)
    p.failed("cause " + std::to_string(i));
  const auto errors = p.view(start).errors;
  CHECK_EQ(errors.size(), job_progress::most_causes + 1);
  CHECK_EQ(errors.back().first, "other");
  auto sum = std::int64_t{0};
  for (const auto& [cause, times] : errors)
    sum += times;
  CHECK_EQ(sum, 1009);
}

TEST(what is done has nothing left) {
  auto p = job_progress{"warming", of(10, 0), start};
  p.update(of(10, 8, 2), start + 1ms);
  const auto seen = p.view(start + 1ms);
  CHECK_EQ(seen.percent_hundredths, 10'000);
  CHECK_EQ(seen.left_ms, 0);
  CHECK_EQ((job_progress{"warming", job_counts{}, start}.view(start).percent_hundredths), -1);
}

TEST(progress is JSON of whole numbers) {
  auto p = job_progress{"warming", of(3, 0), start};
  p.failed("bad \"bytes\" \xff");
  p.update(of(3, 1), start + 3s);
  const auto json = nlohmann::json::parse(to_json(p.view(start + 3s)));
  CHECK_EQ(json["phase"], "warming");
  CHECK_EQ(json["percent_hundredths"], 3333);
  CHECK_EQ(json["items_per_1000_s"], 333);
  CHECK_EQ(json["left_ms"], 6000);
  CHECK_EQ(json["counts"]["done"], 1);
  CHECK_EQ(json["counts"]["rows"], 3);
  CHECK_EQ(json["errors"].size(), 1u);
  CHECK(to_json(p.view(start + 3s)).find('.') == std::string::npos);
  const auto early = nlohmann::json::parse(to_json(job_progress{"", {}, start}.view(start)));
  CHECK(!early.contains("left_ms"));
  CHECK(!early.contains("items_per_1000_s"));
  CHECK_EQ(to_json(job_counts{}),
    R"({"rows":0,"accepted":0,"rejected":0,"duplicates":0,"items":0,"claimed":0,"done":0,"failed":0,"hits":0,"hot":0,"cold":0})");
}
