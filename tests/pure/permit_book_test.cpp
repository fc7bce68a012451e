#define TEST_SUITE permit_book
#include "tests/support/test.hpp"

#include "actors/rate_limiter/permit_book.hpp"

#include <random>

using namespace troupe;
using namespace std::chrono_literals;
using ns = std::chrono::nanoseconds;

namespace {

constexpr ns t0 = 1h;

permit_book::settings two_lanes() {
  permit_book::settings s;
  s.rate = 1'000;
  s.burst = 1'000;
  s.lanes = {{"google", 10, 5, 3}, {"openlibrary", 10, 5, 3}};
  return s;
}

std::vector<std::uint64_t> granted(const std::vector<permit_book::decision>& all) {
  std::vector<std::uint64_t> out;
  for (const auto& d : all)
    if (d.refused == ec::none)
      out.push_back(d.ticket);
  return out;
}

} // namespace

using tickets = std::vector<std::uint64_t>;

TEST(waiters are served in the order of their deadlines) {
  permit_book b{two_lanes(), t0};
  CHECK(b.request(t0, "google", 1, t0 + 3s, 1) == ec::none);
  CHECK(b.request(t0, "google", 1, t0 + 1s, 2) == ec::none);
  CHECK(b.request(t0, "google", 1, t0 + 2s, 3) == ec::none);
  CHECK(granted(b.poll(t0)) == (tickets{2, 3, 1}));
}

TEST(C-33 a lane has only so many calls under way) {
  permit_book b{two_lanes(), t0};
  for (std::uint64_t i = 1; i <= 4; ++i)
    CHECK(b.request(t0, "google", 1, t0 + 1h, i) == ec::none);
  const auto first = b.poll(t0);
  CHECK(granted(first) == (tickets{1, 2, 3}));
  CHECK(b.poll(t0 + 10s).empty());
  b.release(first[0].permit);
  CHECK(granted(b.poll(t0 + 10s)) == (tickets{4}));
}

TEST(S4-36 beyond the burst a lane gets its rate) {
  auto s = two_lanes();
  s.lanes[0].concurrency = 100;
  permit_book b{s, t0};
  for (std::uint64_t i = 1; i <= 8; ++i)
    CHECK(b.request(t0, "google", 1, t0 + 1h, i) == ec::none);
  CHECK_EQ(b.poll(t0).size(), 5u);
  CHECK(b.next_wake(t0) == t0 + 100ms);
  CHECK(b.poll(t0 + 99ms).empty());
  CHECK_EQ(b.poll(t0 + 100ms).size(), 1u);
  CHECK_EQ(b.poll(t0 + 300ms).size(), 2u);
}

TEST(S4-02 all lanes together keep under the global rate) {
  auto s = two_lanes();
  s.rate = 4;
  s.burst = 2;
  permit_book b{s, t0};
  for (std::uint64_t i = 1; i <= 3; ++i) {
    CHECK(b.request(t0, "google", 1, t0 + 1h, 2 * i) == ec::none);
    CHECK(b.request(t0, "openlibrary", 2, t0 + 1h, 2 * i + 1) == ec::none);
  }
  CHECK_EQ(b.poll(t0).size(), 2u);
  CHECK(b.next_wake(t0) == t0 + 250ms);
  CHECK_EQ(b.poll(t0 + 250ms).size(), 1u);
}

TEST(a waiter whose deadline passes is refused) {
  auto s = two_lanes();
  s.lanes[0].concurrency = 1;
  permit_book b{s, t0};
  CHECK(b.request(t0, "google", 1, t0 + 1s, 1) == ec::none);
  CHECK(b.request(t0, "google", 1, t0 + 2s, 2) == ec::none);
  CHECK_EQ(b.poll(t0).size(), 1u);
  CHECK(b.next_wake(t0) == t0 + 2s);
  const auto late = b.poll(t0 + 2s);
  REQUIRE_EQ(late.size(), 1u);
  CHECK(late[0].refused == ec::permit_refused);
  CHECK_EQ(late[0].ticket, 2u);
  CHECK_EQ(b.waiting(), 0u);
}

TEST(what a dead owner held and waited for is freed) {
  permit_book b{two_lanes(), t0};
  for (std::uint64_t i = 1; i <= 4; ++i)
    CHECK(b.request(t0, "google", 1, t0 + 1h, i) == ec::none);
  const auto held = b.poll(t0);
  CHECK(b.request(t0, "google", 2, t0 + 1h, 9) == ec::none);
  b.owner_down(1);
  CHECK_EQ(b.granted(), 0u);
  CHECK(granted(b.poll(t0)) == (tickets{9}));
  b.release(held[0].permit); // comes too late and changes nothing
  CHECK_EQ(b.granted(), 1u);
}

TEST(a paused lane waits and the other does not) {
  permit_book b{two_lanes(), t0};
  b.pause("google", t0 + 7s);
  b.pause("google", t0 + 3s);
  CHECK(b.request(t0, "google", 1, t0 + 1h, 1) == ec::none);
  CHECK(b.request(t0, "openlibrary", 2, t0 + 1h, 2) == ec::none);
  CHECK(granted(b.poll(t0)) == (tickets{2}));
  CHECK(b.next_wake(t0) == t0 + 7s);
  CHECK(b.poll(t0 + 7s - 1ns).empty());
  CHECK(granted(b.poll(t0 + 7s)) == (tickets{1}));
}

TEST(an unknown lane and a full queue are refused at once) {
  auto s = two_lanes();
  s.max_waiting = 1;
  permit_book b{s, t0};
  CHECK(b.request(t0, "nobody", 1, t0 + 1s, 1) == ec::bad_request);
  CHECK(b.request(t0, "google", 1, t0 + 1s, 1) == ec::none);
  CHECK(b.request(t0, "google", 1, t0 + 1s, 2) == ec::overloaded);
}

TEST(whatever happens every request ends once and nothing leaks) {
  std::mt19937_64 random{11};
  permit_book b{two_lanes(), t0};
  auto now = t0;
  std::map<std::uint64_t, int> endings;
  std::vector<std::uint64_t> permits;
  std::uint64_t ticket = 0;
  std::size_t decided = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += std::chrono::microseconds{random() % 30'000};
    if (random() % 2 == 0)
      REQUIRE(b.request(now, random() % 2 == 0 ? "google" : "openlibrary", 1,
                now + std::chrono::milliseconds{random() % 2'000}, ++ticket)
              == ec::none);
    if (!permits.empty() && random() % 2 == 0) {
      b.release(permits.back());
      permits.pop_back();
    }
    for (const auto& d : b.poll(now)) {
      ++decided;
      REQUIRE_EQ(++endings[d.ticket], 1);
      if (d.refused == ec::none)
        permits.push_back(d.permit);
      REQUIRE(b.granted("google") <= 3);
      REQUIRE(b.granted("openlibrary") <= 3);
    }
  }
  for (const auto p : permits)
    b.release(p);
  decided += b.poll(now + 1h).size();
  CHECK_EQ(decided, ticket);
  CHECK_EQ(b.waiting(), 0u);
}
