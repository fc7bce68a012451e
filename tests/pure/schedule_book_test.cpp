#define TEST_SUITE schedule_book
#include "tests/support/test.hpp"

#include "actors/scheduler/schedule_book.hpp"
#include "tests/support/results.hpp"

#include <map>
#include <random>

using namespace troupe;
using namespace std::chrono_literals;
using test::error_of;
using test::value_of;
using time_point = schedule_book::time;
using deed = schedule_book::decision::deed;
using missed = schedule_book::missed;

namespace {

// A midnight, so that the moments of a quarter of an hour lie on the quarters of the clock.
constexpr auto midnight = time_point{std::chrono::milliseconds{1'699'920'000'000}};

/// Every `period`, `at` after its beginning.
schedule_book::next_moment every(std::chrono::milliseconds period, std::chrono::milliseconds at = 0ms) {
  return [=](time_point after) -> std::optional<time_point> {
    const auto since = after - midnight - at;
    auto periods = since / period;
    if (since < 0ms && since % period != 0ms)
      --periods;
    return midnight + at + (periods + 1) * period;
  };
}

schedule_book::schedule quarter(missed policy = missed::run_once) {
  return {"warm", every(15min), policy};
}

/// What is decided, in one line: "run warm cron +15 min".
std::string told(const schedule_book::outlook& seen) {
  auto line = std::string{};
  for (const auto& each : seen.decisions) {
    line += line.empty() ? "" : ", ";
    line += each.what == deed::run ? "run " : each.what == deed::skip ? "skip " : "rewind ";
    line += each.name + ' ' + std::string{to_string(each.cause)} + ' ';
    line += std::to_string(std::chrono::duration_cast<std::chrono::minutes>(each.due - midnight).count());
  }
  return line;
}

struct counted {
  int calls = 0;
  schedule_book::next_moment of(schedule_book::next_moment next) {
    return [this, next](time_point after) {
      ++calls;
      return next(after);
    };
  }
};

} // namespace

TEST(a schedule runs at each of its moments and at no other time) {
  auto book = schedule_book{};
  book.add(quarter(), {}, midnight + 1min);
  auto runs = std::string{};
  for (auto now = midnight + 1min; now <= midnight + 61min; now += 10s) {
    const auto seen = book.look(now);
    if (!seen.decisions.empty())
      runs += told(seen) + "; ";
    book.ended("warm");
  }
  CHECK_EQ(runs, "run warm cron 15; run warm cron 30; run warm cron 45; run warm cron 60; ");
}

TEST(it says when to look again but never later than the clock can be trusted) {
  auto book = schedule_book{};
  CHECK(book.look(midnight).look_again == 30s);
  book.add(quarter(), {}, midnight);
  CHECK(book.look(midnight + 1min).look_again == 30s);
  CHECK(book.look(midnight + 14min + 59s).look_again == 1s);
  CHECK(book.look(midnight + 15min - 1ms).look_again == 1ms);
  CHECK(*book.next("warm") == midnight + 15min);
  CHECK(!book.next("nobody").has_value());
}

TEST(a new schedule has missed nothing) {
  auto book = schedule_book{};
  book.add(quarter(), {}, midnight + 7h + 1min);
  CHECK_EQ(told(book.look(midnight + 7h + 2min)), "");
}

TEST(a moment that is seen a little late is on time) {
  auto book = schedule_book{};
  book.add(quarter(missed::skip), midnight, midnight);
  CHECK_EQ(told(book.look(midnight + 15min + 59s)), "run warm cron 15");
}

TEST(after downtime a schedule runs once for all that it missed) {
  auto book = schedule_book{};
  book.add(quarter(), midnight, midnight + 10h + 5min);
  CHECK_EQ(told(book.look(midnight + 10h + 5min)), "run warm catch_up 600");
  book.ended("warm");
  CHECK_EQ(told(book.look(midnight + 10h + 6min)), "");
  CHECK_EQ(told(book.look(midnight + 10h + 15min)), "run warm cron 615");
}

TEST(after downtime a schedule that is to skip waits for its next moment) {
  auto book = schedule_book{};
  book.add(quarter(missed::skip), midnight, midnight + 10h + 5min);
  const auto seen = book.look(midnight + 10h + 5min);
  CHECK_EQ(told(seen), "skip warm catch_up 600");
  CHECK_EQ(seen.decisions.front().why, "missed by 5 min");
  CHECK(!book.is_under_way("warm"));
  CHECK_EQ(told(book.look(midnight + 10h + 15min)), "run warm cron 615");
}

TEST(downtime that ends at a moment is made up for by the run of that moment) {
  for (const auto policy : {missed::run_once, missed::skip}) {
    auto book = schedule_book{};
    book.add(quarter(policy), midnight, midnight + 10h);
    CHECK_EQ(told(book.look(midnight + 10h + 1s)), "run warm cron 600");
    CHECK_EQ(told(book.look(midnight + 10h + 2s)), "");
  }
}

TEST(a moment that comes while the previous run is under way is skipped and not queued) {
  auto book = schedule_book{};
  book.add(quarter(), midnight, midnight);
  CHECK_EQ(told(book.look(midnight + 15min)), "run warm cron 15");
  CHECK(book.is_under_way("warm"));
  const auto seen = book.look(midnight + 30min);
  CHECK_EQ(told(seen), "skip warm cron 30");
  CHECK_EQ(seen.decisions.front().why, "the previous run is under way");
  CHECK_EQ(told(book.look(midnight + 31min)), "");
  book.ended("warm");
  CHECK_EQ(told(book.look(midnight + 32min)), "");
  CHECK_EQ(told(book.look(midnight + 45min)), "run warm cron 45");
}

TEST(a clock that is set back repeats no moment) {
  for (const auto back :
    {std::chrono::milliseconds{1s}, std::chrono::milliseconds{2h}, std::chrono::milliseconds{24h}}) {
    auto book = schedule_book{};
    book.add(quarter(), midnight, midnight);
    auto seen = std::map<time_point, int>{};
    const auto live = [&](time_point from, time_point to) {
      for (auto now = from; now <= to; now += 30s)
        for (const auto& each : book.look(now).decisions) {
          CHECK(each.what == deed::run);
          ++seen[each.due];
          book.ended("warm");
        }
    };
    live(midnight, midnight + 25h);
    const auto runs = seen.size();
    live(midnight + 25h - back, midnight + 25h); // that time passes again
    CHECK_EQ(seen.size(), runs);
    live(midnight + 25h, midnight + 26h);
    CHECK_EQ(seen.size(), runs + 4);
    for (const auto& [due, times] : seen)
      CHECK_EQ(times, 1);
  }
}

TEST(a clock that jumps forward starts no storm and one that returns no repetition) {
  auto book = schedule_book{};
  book.add(quarter(), midnight, midnight);
  CHECK_EQ(told(book.look(midnight + 15min)), "run warm cron 15");
  book.ended("warm");
  CHECK_EQ(told(book.look(midnight + 9h + 7min)), "run warm catch_up 540");
  book.ended("warm");
  for (auto now = midnight + 16min; now < midnight + 9h + 15min; now += 1min)
    CHECK_EQ(told(book.look(now)), "");
  CHECK_EQ(told(book.look(midnight + 9h + 15min)), "run warm cron 555");
}

TEST(a clock that had been years ahead does not silence a schedule for years) {
  auto book = schedule_book{};
  book.add(quarter(), midnight + 24h * 3000, midnight);
  CHECK_EQ(told(book.look(midnight + 1min)), "rewind warm cron 1");
  CHECK_EQ(told(book.look(midnight + 2min)), "");
  CHECK_EQ(told(book.look(midnight + 15min)), "run warm cron 15");
}

TEST(somebody may start a run by hand unless one is under way) {
  auto book = schedule_book{};
  book.add(quarter(), midnight, midnight);
  const auto made = value_of(book.trigger("warm", midnight + 3min));
  CHECK(made.what == deed::run);
  CHECK(made.cause == run_cause::manual);
  CHECK(made.due == midnight + 3min);
  CHECK(error_of(book.trigger("warm", midnight + 4min)).code == ec::bad_request);
  CHECK(error_of(book.trigger("nobody", midnight)).code == ec::not_found);
  book.ended("warm");
  CHECK(value_of(book.trigger("warm", midnight + 5min)).due == midnight + 5min);
  CHECK_EQ(told(book.look(midnight + 15min)), "skip warm cron 15"); // the one by hand is still under way
  book.ended("warm");
  CHECK_EQ(told(book.look(midnight + 30min)), "run warm cron 30");
}

TEST(many schedules that are due at once come in parts) {
  auto book = schedule_book{{.at_once = 10}};
  for (int i = 0; i < 25; ++i)
    book.add({std::to_string(100 + i), every(15min), missed::run_once}, midnight, midnight);
  auto names = std::vector<std::string>{};
  for (const auto expected : {10U, 10U, 5U}) {
    const auto seen = book.look(midnight + 15min);
    CHECK_EQ(seen.decisions.size(), expected);
    CHECK_EQ(seen.look_again == 0ms, expected == 10U);
    for (const auto& each : seen.decisions)
      names.push_back(each.name);
  }
  CHECK_EQ(names.size(), 25u);
  CHECK_EQ(names.front(), "100");
  CHECK_EQ(names.back(), "124");
}

TEST(a hundred years of missed minutes are counted in a hundred questions) {
  auto asked = counted{};
  auto book = schedule_book{};
  book.add({"warm", asked.of(every(1min)), missed::run_once}, midnight, midnight);
  asked.calls = 0;
  const auto now = midnight + 24h * 36'525 + 30s;
  const auto seen = book.look(now);
  REQUIRE_EQ(seen.decisions.size(), 1u);
  CHECK(seen.decisions.front().due == now - 30s);
  CHECK(asked.calls <= 100);
}

TEST(the last of any pattern of missed moments is found) {
  auto random = std::mt19937{7};
  for (int round = 0; round < 300; ++round) {
    auto moments = std::set<time_point>{};
    for (auto n = 1 + random() % 40; n > 0; --n)
      moments.insert(midnight + std::chrono::milliseconds{1 + random() % (round % 2 == 0 ? 500 : 90'000'000)});
    auto asked = counted{};
    const auto next = [&](time_point after) -> std::optional<time_point> {
      const auto at = moments.upper_bound(after);
      return at != moments.end() ? std::optional{*at} : std::nullopt;
    };
    const auto now = midnight + std::chrono::milliseconds{random() % 90'000'000};
    auto book = schedule_book{};
    book.add({"warm", asked.of(next), missed::run_once}, midnight, midnight);
    const auto seen = book.look(now);
    const auto expected = moments.upper_bound(now);
    if (expected == moments.begin()) {
      REQUIRE(seen.decisions.empty());
    } else {
      REQUIRE_EQ(seen.decisions.size(), 1u);
      REQUIRE(seen.decisions.front().due == *std::prev(expected));
    }
    REQUIRE(asked.calls <= 120);
    REQUIRE(book.look(now).decisions.empty());
  }
}

TEST(a schedule without another moment is quiet and one whose moments do not advance too) {
  auto book = schedule_book{};
  book.add(
    {"once", [](time_point after) { return after < midnight + 1h ? std::optional{midnight + 1h} : std::nullopt; },
      missed::run_once},
    midnight, midnight);
  book.add({"stuck", [](time_point after) { return std::optional{after}; }, missed::run_once}, midnight, midnight);
  CHECK_EQ(told(book.look(midnight + 1h)), "run once cron 60");
  book.ended("once");
  CHECK_EQ(told(book.look(midnight + 24h)), "");
  CHECK(!book.next("stuck").has_value());
  CHECK(book.look(midnight + 24h).look_again == 30s);
}

TEST(a schedule that is replaced loses neither its run nor a moment that is due) {
  auto book = schedule_book{};
  book.add(quarter(), midnight, midnight);
  CHECK_EQ(told(book.look(midnight + 15min)), "run warm cron 15");
  book.add({"warm", every(10min), missed::run_once}, {}, midnight + 16min);
  CHECK(book.is_under_way("warm"));
  CHECK_EQ(book.size(), 1u);
  CHECK(*book.next("warm") == midnight + 20min);
  book.ended("warm");
  book.add(quarter(), {}, midnight + 20min); // it is due, and nobody has looked
  CHECK_EQ(told(book.look(midnight + 20min)), "");
  CHECK(*book.next("warm") == midnight + 30min);
  book.add({"warm", every(5min), missed::run_once}, {}, midnight + 30min);
  CHECK_EQ(told(book.look(midnight + 30min)), "run warm cron 30");
  book.remove("warm");
  book.remove("warm");
  CHECK_EQ(told(book.look(midnight + 40min)), "");
  CHECK_EQ(book.size(), 0u);
}

TEST(a moment that is given back is due once more unless a later one has come) {
  auto book = schedule_book{};
  book.add(quarter(), midnight, midnight);
  CHECK_EQ(told(book.look(midnight + 15min)), "run warm cron 15");
  book.ended("warm");
  book.give_back("warm", midnight + 15min);
  CHECK(*book.next("warm") == midnight + 15min);
  CHECK_EQ(told(book.look(midnight + 15min + 5s)), "run warm cron 15");
  book.ended("warm");
  book.give_back("warm", midnight + 15min);
  CHECK_EQ(told(book.look(midnight + 17min)), "run warm catch_up 15"); // by now it is late
  book.ended("warm");
  CHECK_EQ(told(book.look(midnight + 30min)), "run warm cron 30");
  book.give_back("warm", midnight + 15min);
  book.give_back("nothing", midnight + 15min);
  CHECK(*book.next("warm") == midnight + 45min);
}
