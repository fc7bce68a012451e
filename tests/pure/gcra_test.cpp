#define TEST_SUITE gcra
#include "tests/support/test.hpp"

#include "actors/rate_limiter/gcra.hpp"
#include "actors/rate_limiter/token_bucket.hpp"

#include <random>
#include <stdexcept>
#include <thread>

using namespace troupe;
using namespace std::chrono_literals;
using ns = std::chrono::nanoseconds;

namespace {

constexpr gcra_limit search{100, 60s};
constexpr gcra_limit details{200, 60s};

constexpr std::int64_t interval = 600'000'000;
constexpr std::int64_t burst = 100;

/// One stripe with one set: 16 places.
gcra_table tiny(gcra_limit limit = {1, 1s}) {
  return gcra_table{{limit}, {.capacity = 16, .stripes = 1, .seed = 1}};
}

std::string client(int i) {
  return "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
}

} // namespace

TEST(a step counts down from the burst and refuses at the end with the time of the next) {
  std::int64_t tat = 0;
  for (std::int64_t i = 0; i < burst; ++i) {
    const auto step = gcra_step(tat, 1000, interval, burst);
    CHECK(step.said.allowed);
    CHECK_EQ(step.said.limit, burst);
    CHECK_EQ(step.said.remaining, burst - 1 - i);
    CHECK_EQ(step.said.retry_after.count(), 0);
    CHECK_EQ(step.said.reset_after.count(), (i + 1) * interval);
    tat = step.new_tat;
  }
  const auto over = gcra_step(tat, 1000, interval, burst);
  CHECK(!over.said.allowed);
  CHECK_EQ(over.new_tat, tat);
  CHECK_EQ(over.said.remaining, 0);
  CHECK_EQ(over.said.retry_after.count(), interval);
  CHECK_EQ(over.said.reset_after.count(), burst * interval);
}

TEST(retry_after is the first instant at which the request passes) {
  std::mt19937_64 random{1};
  std::int64_t tat = 0;
  std::int64_t now = 0;
  for (int i = 0; i < 5000; ++i) {
    now += static_cast<std::int64_t>(random() % 400'000'000);
    const auto step = gcra_step(tat, now, interval, burst);
    if (!step.said.allowed) {
      const auto wait = step.said.retry_after.count();
      CHECK(wait > 0);
      CHECK(!gcra_step(tat, now + wait - 1, interval, burst).said.allowed);
      CHECK(gcra_step(tat, now + wait, interval, burst).said.allowed);
    }
    tat = step.new_tat;
  }
}

TEST(a hundred a minute decides at every instant as an exact token bucket does) {
  std::mt19937_64 random{2};
  auto exact = token_bucket{{100, 60s}, 100, 0ns};
  std::int64_t tat = 0;
  std::int64_t now = 0;
  int refused = 0;
  for (int i = 0; i < 50'000; ++i) {
    // Bursts, pauses, and instants right at a token's return.
    const auto kind = random() % 10;
    if (kind < 3)
      now += static_cast<std::int64_t>(random() % 1'200'000'000);
    else if (kind == 3)
      now = (now / interval + 1) * interval;
    else if (kind == 4)
      now += 1;
    const auto step = gcra_step(tat, now, interval, burst);
    refused += step.said.allowed ? 0 : 1;
    REQUIRE_EQ(step.said.allowed, exact.take(ns{now}, 1));
    REQUIRE_EQ(step.said.remaining, exact.available(ns{now}));
    tat = step.new_tat;
  }
  CHECK(refused > 0);
}

TEST(clients and endpoints have limits of their own) {
  gcra_table table{{search, details}};
  for (int i = 0; i < 100; ++i)
    CHECK(table.check("10.0.0.1", 0, 1s).allowed);
  CHECK(!table.check("10.0.0.1", 0, 1s).allowed);
  CHECK(table.check("10.0.0.2", 0, 1s).allowed);
  const auto other = table.check("10.0.0.1", 1, 1s);
  CHECK(other.allowed);
  CHECK_EQ(other.limit, 200);
  CHECK_EQ(other.remaining, 199);
  CHECK(table.check("10.0.0.1", 0, 1s + 600ms).allowed);
  CHECK(!table.check("10.0.0.1", 0, 1s + 600ms).allowed);
}

TEST(many threads at one word let exactly the burst through) {
  gcra_table table{{gcra_limit{1000, 1000h}}};
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i)
        allowed += table.check("2001:db8::1", 0, 1s).allowed ? 1 : 0;
    });
  for (auto& each : threads)
    each.join();
  CHECK_EQ(allowed.load(), 1000);
}

TEST(of two at the last token exactly one passes) {
  for (int round = 0; round < 50; ++round) {
    gcra_table table{{gcra_limit{2, 1h}}};
    CHECK(table.check("10.0.0.1", 0, 1s).allowed);
    std::atomic<int> allowed{0};
    const auto ask = [&] { allowed += table.check("10.0.0.1", 0, 1s).allowed ? 1 : 0; };
    std::thread a{ask};
    std::thread b{ask};
    a.join();
    b.join();
    CHECK_EQ(allowed.load(), 1);
  }
}

TEST(threads that bring new clients while others check stay exact for each) {
  gcra_table table{{gcra_limit{5, 1h}}, {.capacity = 1 << 12, .stripes = 4, .seed = 1}};
  std::vector<std::atomic<int>> allowed(300);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300 * 4; ++i) {
        const auto who = static_cast<std::size_t>((i * 7 + t * 31) % 300);
        allowed[who] += table.check(client(static_cast<int>(who)), 0, 1s).allowed ? 1 : 0;
      }
    });
  for (auto& each : threads)
    each.join();
  for (const auto& each : allowed)
    CHECK_EQ(each.load(), 5);
  CHECK_EQ(table.overflowed(), 0u);
}

TEST(only a full bucket is evicted) {
  auto table = tiny();
  for (int i = 0; i < 16; ++i)
    CHECK(table.check(client(i), 0, 1s).allowed);
  CHECK_EQ(table.size(), 16u);
  CHECK(table.check(client(99), 0, 2s - 1ns).allowed); // all busy for one ns more: the shared word
  CHECK_EQ(table.overflowed(), 1u);
  for (int i = 0; i < 16; ++i)
    CHECK(!table.check(client(i), 0, 2s - 1ns).allowed); // nobody was forgotten
  CHECK(table.check(client(100), 0, 2s).allowed);        // now they are full, and a place is taken over
  CHECK_EQ(table.overflowed(), 1u);
  CHECK_EQ(table.size(), 16u);
}

TEST(strangers to a table of busy clients share one limit and known ones keep their own) {
  auto table = tiny({10, 10s});
  for (int i = 0; i < 16; ++i)
    CHECK_EQ(table.check(client(i), 0, 1s).remaining, 9);
  int allowed = 0;
  for (int i = 100; i < 200; ++i)
    allowed += table.check(client(i), 0, 1s).allowed ? 1 : 0;
  CHECK_EQ(allowed, 10);
  for (int i = 0; i < 16; ++i)
    CHECK_EQ(table.check(client(i), 0, 1s).remaining, 8);
}

TEST(a client too long for a place of its own is limited all the same) {
  gcra_table table{{gcra_limit{3, 1h}}};
  const std::string longest(gcra_table::longest_client, 'x');
  CHECK_EQ(table.check(longest, 0, 1s).remaining, 2);
  CHECK_EQ(table.overflowed(), 0u);
  int allowed = 0;
  for (int i = 0; i < 10; ++i)
    allowed += table.check(longest + "y", 0, 1s).allowed ? 1 : 0;
  CHECK_EQ(allowed, 3);
  CHECK_EQ(table.check(longest, 0, 1s).remaining, 1);
}

TEST(however many clients come the table keeps to its capacity) {
  gcra_table table{{gcra_limit{1, 1s}}, {.capacity = 1000, .stripes = 4, .seed = 7}};
  for (int i = 0; i < 50'000; ++i)
    (void)table.check(client(i), 0, ns{i * 1'000'000LL});
  CHECK(table.size() <= table.capacity());
  CHECK(table.capacity() <= 2048u);
}

TEST(clients whose addresses differ in one place never share a word) {
  gcra_table table{{gcra_limit{1, 1h}}, {.capacity = 1 << 16, .stripes = 64, .seed = 3}};
  bool all = true;
  for (int i = 0; i < 10'000; ++i)
    all = all && table.check(client(i), 0, 1s).allowed;
  CHECK(all);
  CHECK_EQ(table.size(), 10'000u);
  CHECK(table.check("", 0, 1s).allowed);
}

TEST(a limit that is none is refused) {
  const auto refuses = [](gcra_limit limit) {
    try {
      gcra_table table{{limit}};
      return false;
    } catch (const std::invalid_argument&) {
      return true;
    }
  };
  CHECK(refuses({0, 1s}));
  CHECK(refuses({1, 0s}));
  CHECK(refuses({-1, 1s}));
  CHECK(refuses({std::int64_t{1} << 60, 1s}));
}

TEST(a limit that does not divide its period never lets more than the limit through) {
  const auto step_ns = (60'000'000'000 + 6) / 7;
  std::int64_t tat = 0;
  int passed = 0;
  for (std::int64_t now = 0; now < 60'000'000'000; now += 100'000'000) {
    const auto step = gcra_step(tat, now, step_ns, 7);
    tat = step.new_tat;
    passed += step.said.allowed ? 1 : 0;
  }
  CHECK(passed <= 7 + 6); // the burst, and what comes back within less than a period
}
