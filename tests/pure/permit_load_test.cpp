// The permit book under load: what its rates, shares and refusals add up to.
#define TEST_SUITE permit_load
#include "tests/support/test.hpp"

#include "actors/rate_limiter/permit_book.hpp"

#include <algorithm>
#include <functional>
#include <random>

using namespace troupe;
using namespace std::chrono_literals;
using ns = std::chrono::nanoseconds;

namespace {

#ifdef TROUPE_SANITIZED
constexpr int fewer = 10; // worlds: each takes twenty times as long here; the plain build runs all
#else
constexpr int fewer = 1;
#endif

constexpr ns t0 = 1h;

struct arrival {
  ns at;
  std::string lane;
  priority urgency = priority::interactive;
  ns left = 10s;
};

struct ending {
  ns at{};
  ns waited{};
  bool granted = false;
  bool refused_at_once = false;
};

/// Runs a book through these arrivals (in the order of time) until all have ended; calls take no time.
std::vector<ending> run(permit_book& b, const std::vector<arrival>& all) {
  std::vector<ending> out(all.size());
  const auto note = [&](const permit_book::decision& d, ns now) {
    out[d.ticket - 1] = {now, d.waited, d.refused == ec::none, false};
    if (d.permit != 0)
      b.release(d.permit);
  };
  auto now = t0;
  for (std::size_t i = 0; i < all.size() || b.next_wake(now);) {
    const auto wake = b.next_wake(now);
    if (i < all.size() && (!wake || all[i].at <= *wake)) {
      now = std::max(now, all[i].at);
      const auto& a = all[i];
      const auto d = b.request(now, {a.lane, 1, now + a.left, ++i, a.urgency});
      if (d.permit != 0 || d.refused != ec::none)
        note(d, now);
      out[i - 1].refused_at_once = d.refused != ec::none;
    } else {
      now = *wake;
    }
    for (const auto& d : b.poll(now))
      note(d, now);
  }
  return out;
}

std::vector<ns> waits(const std::vector<arrival>& all, const std::vector<ending>& ends, priority p) {
  std::vector<ns> out;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].urgency == p && ends[i].granted)
      out.push_back(ends[i].waited);
  std::sort(out.begin(), out.end());
  return out;
}

ns p99(const std::vector<ns>& sorted) {
  return sorted.empty() ? ns{} : sorted[sorted.size() * 99 / 100];
}

permit_book::settings one_lane(std::int64_t rate, std::int64_t burst) {
  permit_book::settings s;
  s.rate = s.burst = 1'000'000;
  s.lanes = {{"lane", rate, burst, 0}};
  s.seed = 1;
  return s;
}

void merge_in(std::vector<arrival>& all, const std::vector<arrival>& more) {
  all.insert(all.end(), more.begin(), more.end());
  std::stable_sort(all.begin(), all.end(), [](const arrival& a, const arrival& b) { return a.at < b.at; });
}

/// Calls that come independently of each other, so many a second, for so long.
std::vector<arrival> poisson(std::mt19937_64& random, std::int64_t rate, ns time, priority p, ns left) {
  std::vector<arrival> out;
  std::exponential_distribution<> gap{static_cast<double>(rate)};
  for (auto at = t0; at < t0 + time; at += ns{static_cast<std::int64_t>(gap(random) * 1e9)})
    out.push_back({at, "lane", p, left});
  return out;
}

} // namespace

TEST(S4-02 a minute under ten times the load gives the rate and no window more) {
  permit_book::settings s;
  s.lanes = {{"lane", 1'000, 1'000, 0}};
  s.seed = 5;
  permit_book b{s, t0};
  std::vector<arrival> all;
  for (auto at = t0; at < t0 + 60s; at += 2'500us)
    all.push_back({at, "lane", priority::batch, 10s});
  const auto ends = run(b, all);
  std::vector<ns> calls;
  for (const auto& e : ends)
    if (e.granted && e.at <= t0 + 60s)
      calls.push_back(e.at);
  std::sort(calls.begin(), calls.end());
  const auto above_burst = static_cast<std::int64_t>(calls.size()) - 40;
  CHECK(above_burst * 100 >= 60 * 40 * 99);
  CHECK(above_burst * 100 <= 60 * 40 * 101);
  for (std::size_t first = 0, last = 0; last < calls.size(); ++last) {
    while (calls[last] - calls[first] >= 1s)
      ++first;
    REQUIRE(last - first + 1 <= 80);
  }
  // Who could not be served was told when it asked.
  const auto told_late =
    std::count_if(ends.begin(), ends.end(), [](const ending& e) { return !e.granted && !e.refused_at_once; });
  CHECK_EQ(told_late, 0);
}

TEST(S4-44 interactive calls wait at most twice as long beside more batch work than fits) {
  for (const auto seed : {1U, 2U}) {
    std::mt19937_64 random{seed};
    const auto alone = poisson(random, 32, 120s, priority::interactive, 30s); // 80 % of the rate
    auto mixed = alone;
    merge_in(mixed, poisson(random, 80, 120s, priority::batch, 60s));
    merge_in(mixed, poisson(random, 40, 120s, priority::warming, 60s));
    permit_book a{one_lane(40, 1), t0};
    permit_book m{one_lane(40, 1), t0};
    const auto before = waits(alone, run(a, alone), priority::interactive);
    const auto ends = run(m, mixed);
    const auto beside = waits(mixed, ends, priority::interactive);
    CHECK_EQ(before.size(), alone.size());
    CHECK_EQ(beside.size(), alone.size());
    CAF_MESSAGE("interactive p99 wait alone " << p99(before).count() / 1000 << " us, beside batch and warming "
                                              << p99(beside).count() / 1000 << " us");
    CHECK(p99(before) > 25ms); // there is something to compare
    CHECK(p99(beside) <= 2 * p99(before));
    CHECK(waits(mixed, ends, priority::batch).size() > 1'000);
  }
}

TEST(nobody starves however much goes before them) {
  // More interactive calls than fit, all the time; each batch and warming call waits on a lane of its own or the same.
  permit_book::settings s;
  s.rate = s.burst = 50;
  s.lanes = {{"lane", 40, 1, 0}, {"slow", 3, 1, 0}, {"lane/under", 40, 1, 0}};
  s.seed = 1;
  permit_book b{s, t0};
  std::vector<arrival> all;
  for (auto at = t0; at < t0 + 120s; at += 10ms) {
    all.push_back({at, "lane", priority::interactive, 5s});
    all.push_back({at, "slow", priority::interactive, 5s});
  }
  std::vector<arrival> low;
  for (auto at = t0 + 1s; at < t0 + 60s; at += 5s) {
    low.push_back({at, "lane", priority::batch, 1h});
    low.push_back({at, "lane/under", priority::warming, 1h});
  }
  for (auto at = t0 + 1s; at < t0 + 60s; at += 20s)
    low.push_back({at, "slow", priority::warming, 1h});
  merge_in(all, low);
  const auto ends = run(b, all);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].urgency != priority::interactive) {
      REQUIRE(ends[i].granted);
      // Overdue after 4 or 6 s, then one permit in 16 of its lane's: every 0.4 s, or every 5.3 s of the slow one.
      REQUIRE(ends[i].waited < 20s);
      REQUIRE(ends[i].at < t0 + 120s);
    }
}

TEST(an interactive call with a far deadline is not passed over for ever) {
  permit_book b{one_lane(40, 1), t0};
  std::vector<arrival> all{{t0, "lane", priority::interactive, 1s}, {t0, "lane", priority::interactive, 1h}};
  for (auto at = t0; at < t0 + 60s; at += 10ms)
    all.push_back({at, "lane", priority::interactive, 2s});
  const auto ends = run(b, all);
  CHECK(ends[1].granted);
  CHECK(ends[1].waited < 3s);
}

namespace {

/// By brute force: one lane's tokens in steps of a millisecond, its waiters in the order of their turns, a newcomer
/// among them. When does it get a permit, if it does before its deadline?
bool served_in_time(std::int64_t level_micro, std::int64_t rate, ns paused_until, std::vector<lane_queue::waiter> queue,
  const lane_queue::waiter& who, ns now) {
  queue.push_back(who);
  std::sort(queue.begin(), queue.end(), [](const auto& a, const auto& b) { return a.rank() < b.rank(); });
  for (auto at = now; at < who.deadline; at += 1ms) {
    if (at > now && (paused_until <= at - 1ms || level_micro < 1'000'000))
      level_micro += rate * 1'000;
    if (at > now && paused_until > at - 1ms)
      level_micro = std::min<std::int64_t>(level_micro, 1'000'000); // burst 1: what a pause gives
    std::erase_if(queue, [&](const auto& w) { return w.deadline <= at; });
    while (at >= paused_until && level_micro >= 1'000'000 && !queue.empty()) {
      if (queue.front().ticket == who.ticket)
        return true;
      level_micro -= 1'000'000;
      queue.erase(queue.begin());
    }
  }
  return false;
}

} // namespace

TEST(who is refused at once could not have been served and who is let in could) {
  std::mt19937_64 random{23};
  int refused = 0;
  int let_in = 0;
  for (int world = 0; world < 1'500 / fewer; ++world) {
    // Rates whose tokens come on whole milliseconds.
    const auto rate = std::array<std::int64_t, 5>{1, 4, 10, 40, 100}[random() % 5];
    auto s = one_lane(rate, 1);
    s.jitter = 0ns;
    s.lanes[0].adaptive = false;
    permit_book b{s, t0};
    std::uint64_t ticket = 0;
    REQUIRE(b.request(t0, {"lane", 1, t0 + 1h, ++ticket, priority::interactive}).permit != 0);
    const bool pause = random() % 3 == 0;
    const auto until = pause ? ns{t0 + 1ms * (random() % 2'000)} : t0;
    if (pause)
      REQUIRE(b.limited(t0, "lane", until - t0));
    std::vector<lane_queue::waiter> queue;
    const auto reach = 2 + random() % 4'000;
    for (int i = 0; i < 40; ++i) {
      const lane_queue::waiter who{
        ++ticket, 1, static_cast<priority>(random() % 3), t0, t0 + 1ms * (1 + random() % reach)};
      const auto d = b.request(t0, {"lane", 1, who.deadline, who.ticket, who.priority});
      REQUIRE(d.permit == 0);
      const bool could = served_in_time(0, rate, until, queue, who, t0);
      REQUIRE_EQ(d.refused == ec::none, could);
      if (could)
        queue.push_back(who);
      ++(could ? let_in : refused);
    }
  }
  CHECK(refused > 5'000 / fewer);
  CHECK(let_in > 5'000 / fewer);
}

TEST(in a tree of limits nobody is refused who would have been served alone in it) {
  // The newcomer's fate in the same book if it is let in whatever the book thinks: asked with a far deadline, of its
  // own class, when nobody is behind it.
  std::mt19937_64 random{29};
  int refused = 0;
  for (int world = 0; world < 2'000 / fewer; ++world) {
    permit_book::settings s;
    s.rate = 1 + static_cast<std::int64_t>(random() % 60);
    s.burst = 1 + static_cast<std::int64_t>(random() % 10);
    const auto any = [&](std::uint64_t most) { return 1 + static_cast<std::int64_t>(random() % most); };
    s.lanes = {{"a", any(40), any(10), 0}, {"a/b", any(40), any(10), 0}};
    s.jitter = 0ns;
    permit_book asked{s, t0};
    permit_book let_in{s, t0};
    auto now = t0;
    if (random() % 2 == 0) {
      const auto pause = 1ms * (random() % 1'000);
      REQUIRE(asked.limited(now, "a", pause));
      REQUIRE(let_in.limited(now, "a", pause));
    }
    const auto ahead = random() % 40;
    std::uint64_t ticket = 0;
    for (std::uint64_t i = 0; i < ahead; ++i) {
      ++ticket;
      (void)asked.request(now, {"a/b", 1, now + 1h, ticket, priority::interactive});
      (void)let_in.request(now, {"a/b", 1, now + 1h, ticket, priority::interactive});
    }
    (void)asked.poll(now);
    (void)let_in.poll(now);
    ++ticket;
    const auto deadline = now + 1ms * (1 + random() % 4'000);
    const auto said = asked.request(now, {"a/b", 1, deadline, ticket, priority::batch});
    auto truth = let_in.request(now, {"a/b", 1, now + 2h, ticket, priority::batch});
    auto served = now;
    while (truth.permit == 0) {
      for (const auto& d : let_in.poll(served))
        if (d.ticket == ticket)
          truth = d;
      if (truth.permit != 0)
        break;
      const auto next = let_in.next_wake(served);
      REQUIRE(next.has_value());
      served = *next;
    }
    if (said.refused != ec::none) {
      ++refused;
      REQUIRE(served >= deadline);
    }
  }
  CHECK(refused > 200 / fewer);
}
