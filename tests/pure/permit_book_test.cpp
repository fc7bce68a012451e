#define TEST_SUITE permit_book
#include "tests/support/test.hpp"

#include "actors/rate_limiter/permit_book.hpp"
#include "actors/timer/pending_alarm.hpp"

#include <random>
#include <stdexcept>

using namespace troupe;
using namespace std::chrono_literals;
using ns = std::chrono::nanoseconds;
using tickets = std::vector<std::uint64_t>;

namespace {

constexpr ns t0 = 1h;

permit_book::settings two_lanes() {
  permit_book::settings s;
  s.rate = 1'000;
  s.burst = 1'000;
  s.jitter = 0ns;
  s.lanes = {{"google", 10, 5, 3}, {"openlibrary", 10, 5, 3}};
  return s;
}

struct book : permit_book {
  explicit book(const settings& s) : permit_book{s, t0} {}

  decision ask(ns now, std::string_view lane, std::uint64_t ticket, ns left = 1h, priority p = priority::interactive,
    std::uint64_t owner = 1) {
    return request(now, {lane, owner, now + left, ticket, p});
  }

  limit_report of(std::string_view lane, ns now = t0) {
    for (const auto& l : limits(now))
      if (l.name == lane)
        return l;
    return {};
  }

  /// Takes the burst, so that who comes now has to wait.
  tickets use_up(std::string_view lane, int n) {
    tickets permits;
    for (int i = 0; i < n; ++i)
      permits.push_back(ask(t0, lane, 1'000'000 + static_cast<std::uint64_t>(i)).permit);
    return permits;
  }
};

tickets granted(const std::vector<permit_book::decision>& all) {
  tickets out;
  for (const auto& d : all)
    if (d.refused == ec::none)
      out.push_back(d.ticket);
  return out;
}

tickets refused(const std::vector<permit_book::decision>& all) {
  tickets out;
  for (const auto& d : all)
    if (d.refused == ec::permit_refused)
      out.push_back(d.ticket);
  return out;
}

/// Polls whenever something is due, to and including `until`; gives each permit back at once.
tickets run(permit_book& b, ns from, ns until) {
  tickets out;
  for (auto now = from; now <= until;) {
    for (const auto& d : b.poll(now))
      if (d.refused == ec::none) {
        out.push_back(d.ticket);
        b.release(d.permit);
      }
    const auto next = b.next_wake(now);
    if (!next)
      break;
    now = std::max(*next, now + 1ns);
  }
  return out;
}

} // namespace

TEST(what is there is granted at once and without jitter) {
  auto s = two_lanes();
  s.jitter = 5ms;
  book b{s};
  const auto d = b.ask(t0, "google", 1);
  CHECK(d.permit != 0 && d.refused == ec::none);
  CHECK(d.waited == 0ns);
  CHECK(!b.next_wake(t0));
}

TEST(waiters are served by priority then deadline then arrival) {
  auto s = two_lanes();
  s.lanes[0].concurrency = 0;
  book b{s};
  b.use_up("google", 5);
  (void)b.ask(t0, "google", 1, 1h, priority::warming);
  (void)b.ask(t0, "google", 2, 3h, priority::batch);
  (void)b.ask(t0, "google", 3, 2h, priority::batch);
  (void)b.ask(t0, "google", 4, 5h);
  (void)b.ask(t0, "google", 5, 4h);
  (void)b.ask(t0, "google", 6, 4h);
  CHECK(run(b, t0, t0 + 1s) == (tickets{5, 6, 4, 3, 2, 1}));
}

TEST(C-33 a lane has only so many calls under way) {
  book b{two_lanes()};
  const auto held = b.use_up("google", 3);
  CHECK_EQ(b.ask(t0, "google", 4).permit, 0u);
  CHECK(b.poll(t0 + 10s).empty());
  b.release(held[0]);
  CHECK(granted(b.poll(t0 + 10s)) == (tickets{4}));
  b.release(held[0]); // a second time changes nothing
  CHECK_EQ(b.of("google").held, 3);
}

TEST(S4-36 a burst of fifty gets forty at once and ten within a quarter of a second) {
  permit_book::settings s;
  s.lanes = {{"any", 1'000, 1'000, 0}};
  s.jitter = 0ns;
  book b{s};
  int at_once = 0;
  for (std::uint64_t i = 1; i <= 50; ++i)
    at_once += b.ask(t0, "any", i).permit != 0 ? 1 : 0;
  CHECK_EQ(at_once, 40);
  CHECK_EQ(run(b, t0, t0 + 225ms).size(), 9u);
  CHECK_EQ(run(b, t0 + 225ms + 1ns, t0 + 250ms).size(), 1u);
  CHECK_EQ(b.waiting(), 0u);
}

TEST(S4-02 all lanes together keep under the global rate) {
  auto s = two_lanes();
  s.rate = 4;
  s.burst = 2;
  book b{s};
  for (std::uint64_t i = 1; i <= 3; ++i) {
    (void)b.ask(t0, "google", 2 * i);
    (void)b.ask(t0, "openlibrary", 2 * i + 1);
  }
  CHECK_EQ(b.waiting(), 4u);
  CHECK(b.next_wake(t0) == t0 + 250ms);
  CHECK_EQ(b.poll(t0 + 250ms).size(), 1u);
}

TEST(C-32 a lane under an API takes from both and from neither when one has nothing) {
  permit_book::settings s;
  s.rate = s.burst = 100;
  s.jitter = 0ns;
  s.lanes = {{"spotify", 10, 4, 3}, {"spotify/search", 2, 2, 0}, {"spotify/warming", 10, 10, 1}};
  book b{s};
  CHECK(b.ask(t0, "spotify/search", 1).permit != 0);
  CHECK(b.ask(t0, "spotify/search", 2).permit != 0);
  CHECK_EQ(b.ask(t0, "spotify/search", 3, 1h).permit, 0u); // its own tokens are gone
  const auto third = b.ask(t0, "spotify/warming", 4);
  CHECK(third.permit == 0); // behind it in the book's queue, and decided by the poll
  const auto now = b.poll(t0);
  REQUIRE(granted(now) == (tickets{4}));
  CHECK_EQ(b.of("spotify").held, 3);
  CHECK_EQ(b.of("global").held, 3);
  b.release(now[0].permit);
  CHECK_EQ(b.of("spotify/warming").held, 0);
  // The API had four tokens and still has one: what waited took none.
  CHECK_EQ(b.ask(t0, "spotify", 5).permit, 0u);
  CHECK(granted(b.poll(t0)) == (tickets{5}));
  // Its three slots are taken, whichever lane took them.
  (void)b.ask(t0 + 1s, "spotify/warming", 6);
  CHECK(b.poll(t0 + 1s).empty());
}

TEST(limits that make no tree are refused at the start) {
  const auto refuses = [](std::vector<permit_book::lane_settings> lanes) {
    permit_book::settings s;
    s.lanes = std::move(lanes);
    try {
      permit_book b{s, t0};
      return false;
    } catch (const std::invalid_argument&) {
      return true;
    }
  };
  CHECK(refuses({{"google/warming", 1, 1, 1}}));
  CHECK(refuses({{"google", 1, 1, 1}, {"google", 1, 1, 1}}));
  CHECK(refuses({{"", 1, 1, 1}}));
  CHECK(refuses({{"global", 1, 1, 1}}));
  CHECK(!refuses({{"google", 1, 1, 1}, {"google/warming", 1, 1, 1}}));
}

TEST(a waiter whose deadline passes is refused at it) {
  auto s = two_lanes();
  s.lanes[0].concurrency = 1;
  book b{s};
  b.use_up("google", 1);
  (void)b.ask(t0, "google", 2, 2s); // the call under way might end in time
  CHECK(b.next_wake(t0) == t0 + 2s);
  CHECK(b.poll(t0 + 2s - 1ns).empty());
  CHECK(refused(b.poll(t0 + 2s)) == (tickets{2}));
  CHECK_EQ(b.waiting(), 0u);
}

TEST(who cannot be served before the deadline is refused at once) {
  auto s = two_lanes();
  s.lanes[0].concurrency = 0;
  book b{s};
  b.use_up("google", 5);
  CHECK(b.ask(t0, "google", 1, 100ms).refused == ec::permit_refused); // the next token comes at that very time
  CHECK(b.ask(t0, "google", 2, 100ms + 1ns).refused == ec::none);
  CHECK(b.ask(t0, "google", 3, 150ms).refused == ec::permit_refused);
  CHECK(b.ask(t0, "google", 4, 201ms).refused == ec::none);
  // It goes before all of them. Whoever cannot be served because of it learns that at its deadline.
  CHECK(b.ask(t0, "google", 5, 100ms + 1ns, priority::interactive).refused == ec::permit_refused);
  CHECK(b.ask(t0, "google", 6, 0ns).refused == ec::permit_refused);
  CHECK(b.ask(t0, "google", 7, -1s).refused == ec::permit_refused);
  CHECK_EQ(b.waiting(), 2u);
}

TEST(what a dead owner held and waited for is freed) {
  book b{two_lanes()};
  const auto held = b.use_up("google", 3);
  (void)b.ask(t0, "google", 4);
  (void)b.ask(t0, "google", 9, 1h, priority::interactive, 2);
  b.owner_down(1);
  CHECK_EQ(b.of("google").held, 0);
  CHECK(granted(b.poll(t0)) == (tickets{9}));
  b.release(held[0]); // comes too late and changes nothing
  CHECK_EQ(b.of("google").held, 1);
}

TEST(an owner that dies while its permit is held back frees it) {
  auto s = two_lanes();
  s.jitter = 5ms;
  s.seed = 3;
  book b{s};
  b.use_up("google", 3);
  (void)b.ask(t0, "google", 9, 1h, priority::interactive, 2);
  b.owner_down(1);
  CHECK(b.poll(t0 + 1s).empty()); // granted, and held back
  CHECK_EQ(b.of("google").held, 1);
  b.owner_down(2);
  CHECK_EQ(b.of("google").held, 0);
  CHECK(b.poll(t0 + 2s).empty());
}

TEST(S4-07 who had to wait leaves up to five milliseconds later and never past the deadline) {
  auto s = two_lanes();
  s.lanes[0] = {"google", 10, 1, 0};
  s.jitter = 5ms;
  s.seed = 42;
  book b{s};
  b.use_up("google", 1);
  for (std::uint64_t i = 1; i <= 100; ++i)
    REQUIRE(b.ask(t0, "google", i, 100ms * i + 2ms).refused == ec::none);
  ns least = 1h;
  ns most{};
  auto now = t0;
  for (std::uint64_t i = 1; i <= 100;) {
    for (const auto& d : b.poll(now)) {
      REQUIRE_EQ(d.ticket, i);
      REQUIRE(d.refused == ec::none);
      const ns late = now - (t0 + 100ms * i);
      REQUIRE(late >= 0ns && late < 2ms); // 5 ms, but for the deadline
      least = std::min(least, late);
      most = std::max(most, late);
      ++i;
    }
    if (const auto next = b.next_wake(now))
      now = *next;
  }
  CHECK(least < most);
}

TEST(S4-43 nothing leaves a lane before Retry-After has passed) {
  book b{two_lanes()};
  CHECK(b.limited(t0, "google", 7s));
  CHECK(b.limited(t0, "google", 3s));
  CHECK(!b.limited(t0, "nobody", 3s));
  CHECK(b.of("google").paused && !b.of("openlibrary").paused);
  CHECK(b.ask(t0, "google", 1).permit == 0);
  (void)b.ask(t0, "openlibrary", 2);
  CHECK(granted(b.poll(t0)) == (tickets{2}));
  CHECK(b.next_wake(t0) == t0 + 7s);
  CHECK(b.poll(t0 + 7s - 1ns).empty());
  CHECK(granted(b.poll(t0 + 7s)) == (tickets{1}));
  const auto after = b.of("google", t0 + 7s);
  CHECK(!after.paused && after.current_rate == 5 && after.configured_rate == 10 && after.limited == 2);
}

TEST(a pause refuses at once whom it makes too late and holds back what was on its way out) {
  auto s = two_lanes();
  s.lanes[0] = {"google", 10, 1, 0};
  s.jitter = 5ms;
  s.seed = 42;
  book b{s};
  b.use_up("google", 1);
  (void)b.ask(t0, "google", 1, 10s);
  (void)b.ask(t0, "google", 2, 1s, priority::batch);
  (void)b.ask(t0, "google", 3, 20s, priority::batch);
  CHECK(b.poll(t0 + 100ms).empty()); // the first is granted, and held back
  REQUIRE_EQ(b.waiting(), 2u);
  CHECK(b.limited(t0 + 100ms, "google", 2s));
  CHECK(refused(b.poll(t0 + 100ms)) == (tickets{2}));
  CHECK(b.ask(t0 + 100ms, "google", 4, 2s).refused == ec::permit_refused);
  CHECK(run(b, t0 + 100ms, t0 + 2'100ms - 1ns).empty());
  CHECK(run(b, t0 + 2'100ms - 1ns, t0 + 2'400ms) == (tickets{1, 3}));
}

TEST(a pause of an API holds back the lanes beneath it) {
  auto s = two_lanes();
  s.lanes = {{"a", 10, 10, 0}, {"a/b", 10, 10, 0}};
  book b{s};
  CHECK(b.limited(t0, "a", 2s));
  CHECK(b.ask(t0, "a/b", 1, 2s).refused == ec::permit_refused);
  CHECK(b.ask(t0, "a/b", 2, 3s).refused == ec::none);
  CHECK(b.poll(t0 + 1s).empty());
  CHECK(granted(b.poll(t0 + 2s)) == (tickets{2}));
}

TEST(an unknown lane or priority and a full queue are refused at once) {
  auto s = two_lanes();
  s.max_waiting = 1;
  book b{s};
  CHECK(b.ask(t0, "nobody", 1).refused == ec::bad_request);
  CHECK(b.ask(t0, "global", 1).refused == ec::bad_request);
  CHECK(b.ask(t0, "google", 1, 1s, static_cast<priority>(3)).refused == ec::bad_request);
  b.use_up("google", 3);
  CHECK(b.ask(t0, "google", 1).refused == ec::none);
  CHECK(b.ask(t0, "google", 2).refused == ec::overloaded);
  CHECK(b.ask(t0, "openlibrary", 3).permit != 0); // has what it needs, and does not wait
}

TEST(S4-42 a warning comes once an episode) {
  pending_alarm a;
  CHECK(!a.rises(100));
  CHECK(a.rises(101));
  CHECK(!a.rises(1'000));
  CHECK(!a.rises(50));
  CHECK(!a.rises(101));
  CHECK(!a.rises(49));
  CHECK(!a.rises(100));
  CHECK(a.rises(101));
}

TEST(whatever happens every request ends once and nothing leaks) {
  std::mt19937_64 random{11};
  auto s = two_lanes();
  s.jitter = 5ms;
  s.seed = 1;
  s.lanes.push_back({"google/warming", 5, 2, 1});
  book b{s};
  auto now = t0;
  std::map<std::uint64_t, std::uint64_t> open; // ticket: owner
  std::map<std::uint64_t, std::uint64_t> permits;
  std::uint64_t ticket = 0;
  const auto lanes = std::array<const char*, 3>{"google", "openlibrary", "google/warming"};
  const auto end = [&](const permit_book::decision& d, std::uint64_t owner) {
    if (d.permit != 0)
      REQUIRE(permits.emplace(d.permit, owner).second);
  };
  for (int i = 0; i < 50'000; ++i) {
    now += std::chrono::microseconds{random() % 30'000};
    const auto owner = 1 + random() % 5;
    if (random() % 2 == 0) {
      const auto d = b.ask(now, lanes[random() % 3], ++ticket, std::chrono::milliseconds{1 + random() % 5'000},
        static_cast<priority>(random() % 3), owner);
      if (d.refused == ec::none && d.permit == 0)
        open.emplace(d.ticket, owner);
      end(d, owner);
    }
    if (!permits.empty() && random() % 2 == 0) {
      b.release(permits.begin()->first);
      permits.erase(permits.begin());
    }
    if (random() % 500 == 0)
      CHECK(b.limited(now, lanes[random() % 3], std::chrono::milliseconds{random() % 2'000}));
    if (random() % 1'000 == 0) {
      b.owner_down(owner);
      std::erase_if(open, [&](const auto& entry) { return entry.second == owner; });
      std::erase_if(permits, [&](const auto& entry) { return entry.second == owner; });
    }
    for (const auto& d : b.poll(now)) {
      const auto its = open.extract(d.ticket);
      REQUIRE(!its.empty()); // waited, and ends for the first time
      end(d, its.mapped());
    }
    REQUIRE(b.of("google", now).held <= 3);
    REQUIRE(b.of("openlibrary", now).held <= 3);
    REQUIRE(b.of("google/warming", now).held <= 1);
    if (const auto next = b.next_wake(now))
      REQUIRE(*next > now);
  }
  while (!open.empty() || b.of("global", now).held > 0) {
    for (const auto& [permit, owner] : permits)
      b.release(permit);
    permits.clear();
    now += 1s;
    for (const auto& d : b.poll(now)) {
      end(d, 0);
      REQUIRE_EQ(open.erase(d.ticket), 1u);
    }
    REQUIRE(now < t0 + 24h);
  }
  CHECK_EQ(b.waiting(), 0u);
  CHECK(!b.next_wake(now));
}

TEST(who is served at the last moment does not lose the permit to the jitter) {
  permit_book::settings s;
  s.rate = 40;
  s.burst = 1;
  s.jitter = 5ms;
  s.seed = 1;
  s.lanes = {{"google", 1'000, 1'000, 1'000}};
  permit_book b{s, 0s};
  REQUIRE(b.request(0s, {"google", 1, 10s, 1, priority::interactive}).permit != 0);
  REQUIRE(b.request(0s, {"google", 1, 26ms, 2, priority::interactive}).permit == 0);
  const auto served = b.poll(25ms); // its token comes, a millisecond before its deadline
  REQUIRE_EQ(served.size(), 1u);
  CHECK(served[0].refused == ec::none);
  CHECK(served[0].permit != 0);
}

TEST(a request that is withdrawn leaves its token to the next) {
  permit_book::settings s;
  s.rate = 40;
  s.burst = 1;
  s.jitter = 0ms;
  s.lanes = {{"google", 1'000, 1'000, 1'000}};
  permit_book b{s, 0s};
  REQUIRE(b.request(0s, {"google", 1, 10s, 1, priority::interactive}).permit != 0);
  const permit_book::call second{"google", 1, 5s, 2, priority::interactive};
  REQUIRE(b.request(0s, second).permit == 0);
  REQUIRE(b.request(0s, {"google", 1, 10s, 3, priority::interactive}).permit == 0);
  CHECK(b.withdraw(second));
  CHECK(!b.withdraw(second));
  CHECK_EQ(b.waiting(), 1u);
  const auto served = b.poll(25ms);
  REQUIRE_EQ(served.size(), 1u);
  CHECK_EQ(served[0].ticket, 3u);
}
