#define TEST_SUITE binding_book
#include "tests/support/results.hpp"
#include "tests/support/test.hpp"

#include "actors/binding/binding_book.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using test::error_of;
using test::value_of;

namespace {

using time_point = binding_book::time;

struct world {
  binding_settings settings{"a", "B", "b", "", 3, {60s, 600s, 0, 2, {}, 0s}, 10s, 256, 0};
  std::shared_ptr<shared_binding> counted = std::make_shared<shared_binding>();
  time_point now{std::chrono::hours{1}};
  std::unique_ptr<binding_book> book;

  bool dies() { return book->died(book->generation(), now); }

  void start() {
    book = std::make_unique<binding_book>(settings, counted, 1);
    book->opened();
  }

  binding_book::ticket admitted(std::chrono::microseconds left = 10s) { return value_of(book->admit(now, left)); }

  ec refused(std::chrono::microseconds left = 10s) { return error_of(book->admit(now, left)).code; }

  void end(ec verdict, std::chrono::microseconds took = 1ms) { book->answered(admitted(), now, took, verdict); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(binding_book_tests, world)

TEST(a call has the time of its caller or that of the binding whichever is less) {
  start();
  CHECK(admitted(3s).remaining == 3s);
  const auto t = admitted(1h);
  CHECK(t.remaining == 10s);
  CHECK(t.until == now + 10s);
  CHECK(refused(0s) == ec::deadline_exceeded);
  CHECK(refused(-1us) == ec::deadline_exceeded);
}

TEST(a call with less than a quarter of the time is in a hurry) {
  start();
  CHECK(!admitted(2'500ms).hurried);
  CHECK(admitted(2'499ms).hurried);
}

TEST(hurry is measured by what callers usually have where that is less than the time-out) {
  settings.usual = 1s;
  start();
  CHECK(!admitted(250ms).hurried);
  CHECK(admitted(249ms).hurried);
  settings.usual = 1h;
  start();
  CHECK(admitted(2'499ms).hurried);
}

TEST(what a health check waits for is no hurry for any binding) {
  settings.timeout = 60s;
  start();
  CHECK(!admitted(never_hurried).hurried);
  CHECK(admitted(never_hurried - 1us).hurried);
}

TEST(all who hold a binding have one circuit and one rate and one bound of calls) {
  settings.concurrency = 2;
  settings.rate = 10;
  start();
  binding_book other{settings, counted, 2};
  other.opened();
  CHECK(book->admit(now, 1s).has_value());
  CHECK(error_of(other.admit(now, 1s)).code == ec::permit_refused);
  CHECK(other.retry_after(now) == 100ms);
  now += 100ms;
  const auto second = value_of(other.admit(now, 1s));
  now += 1s;
  CHECK(refused() == ec::overloaded);
  other.answered(second, now, 1ms, ec::none);
  CHECK(book->admit(now, 1s).has_value());
  const auto generation = other.generation();
  CHECK(dies());
  now += 1s;
  CHECK(error_of(other.admit(now, 1s)).code == ec::overloaded);
  settings.rate = 0;
  settings.concurrency = 256;
  const auto roomy = std::make_unique<binding_book>(settings, counted, 3);
  CHECK(error_of(roomy->admit(now, 1s)).code == ec::circuit_open);
  CHECK(roomy->retry_after(now) == 59s);
  CHECK(!other.died(generation, now)); // of the same fault
  CHECK_EQ(counted->trips.load(), 1);
}

TEST(of all who hold a binding one probes) {
  start();
  binding_book other{settings, counted, 2};
  (void)dies();
  now += 60s;
  const auto probe = admitted();
  CHECK(probe.probe);
  CHECK(error_of(other.admit(now, 1s)).code == ec::circuit_open);
  book->abandoned(probe, ec::cancelled);
  CHECK(value_of(other.admit(now, 1s)).probe);
}

TEST(so many calls are under way at once and no more) {
  settings.concurrency = 3;
  start();
  auto first = admitted();
  (void)admitted();
  (void)admitted();
  CHECK(refused() == ec::overloaded);
  book->answered(first, now, 1ms, ec::none);
  auto second = admitted();
  CHECK(refused() == ec::overloaded);
  (void)book->silent(second, now, 1ms);
  auto third = admitted();
  book->abandoned(third, ec::circuit_tripped);
  auto fourth = admitted();
  (void)book->malformed(fourth, now, 1ms);
  (void)admitted();
  CHECK_EQ(counted->refused.load(), 2);
}

TEST(S2-79 the rate holds over a second with a tenth of it at once) {
  settings.rate = 100;
  start();
  int at_once = 0;
  while (book->admit(now, 1s))
    ++at_once;
  CHECK_EQ(at_once, 10);
  settings.concurrency = 1'000;
  counted = std::make_shared<shared_binding>();
  start();
  int passed = 0;
  for (int i = 0; i < 1'000; ++i, now += 1ms)
    passed += book->admit(now, 1s) ? 1 : 0;
  CHECK(passed >= 100 && passed <= 110);
}

TEST(after a pause no more may come at once than ever) {
  settings.rate = 100;
  start();
  now += 1h;
  int at_once = 0;
  while (book->admit(now, 1s))
    ++at_once;
  CHECK_EQ(at_once, 10);
}

TEST(S2-56 an open circuit refuses and says so and what it refuses uses up no rate) {
  settings.rate = 10; // one call each 100 ms
  start();
  (void)dies();
  CHECK_EQ(error_of(book->admit(now, 1s)).message, "Circuit breaker OPEN for B");
  now += 59'950ms;
  CHECK(refused() == ec::circuit_open);
  now += 50ms; // less than 100 ms after what was refused
  CHECK(admitted().probe);
}

TEST(S2-55 two probes one after the other close the circuit) {
  start();
  (void)dies();
  CHECK(counted->state.load() == circuit_state::open);
  now += 60s;
  book->opened();
  for (int i = 0; i < 2; ++i) {
    const auto t = admitted();
    CHECK(t.probe);
    CHECK(counted->state.load() == circuit_state::half_open);
    CHECK(refused() == ec::circuit_open);
    book->answered(t, now, 1ms, ec::none);
  }
  CHECK(!admitted().probe);
  CHECK(counted->state.load() == circuit_state::closed);
  CHECK_EQ(counted->trips.load(), 1);
}

TEST(a probe that ends without a verdict frees its place) {
  start();
  (void)dies();
  now += 60s;
  book->abandoned(admitted(), ec::cancelled);
  book->answered(admitted(), now, 1ms, ec::cancelled);
  const auto hurried = admitted(1ms);
  CHECK(hurried.hurried && hurried.probe);
  CHECK(!book->silent(hurried, now, 1ms));
  book->answered(admitted(1ms), now, 1ms, ec::provider_failed);
  CHECK(admitted().probe);
}

TEST(silence in a row ends the session and an answer in between does not) {
  start();
  CHECK(!book->silent(admitted(), now, 10s));
  CHECK(!book->silent(admitted(), now, 10s));
  end(ec::none);
  CHECK(!book->silent(admitted(), now, 10s));
  CHECK(!book->silent(admitted(), now, 10s));
  CHECK(book->silent(admitted(), now, 10s));
  book->opened(); // the next life begins anew
  CHECK(!book->silent(admitted(), now, 10s));
}

TEST(what a former session did not answer is not held against this one) {
  start();
  std::vector<binding_book::ticket> old;
  for (int i = 0; i < 5; ++i)
    old.push_back(admitted());
  (void)dies();
  now += 60s;
  book->opened();
  for (const auto& t : old)
    CHECK(!book->silent(t, now, 10s));
  CHECK_EQ(counted->timeouts.load(), 5);
}

TEST(a death that was reported twice or late opens the circuit once) {
  start();
  const auto generation = book->generation();
  CHECK(book->died(generation, now));
  CHECK(!book->died(generation, now));
  book->opened();
  CHECK(!book->died(generation, now));
  CHECK_EQ(counted->trips.load(), 1);
}

TEST(S2-63 every call is counted once and the average is over those that were answered) {
  start();
  end(ec::none, 10ms);
  end(ec::provider_refused, 20ms);
  end(ec::provider_failed, 30ms);
  (void)book->silent(admitted(), now, 10s);
  book->abandoned(admitted(), ec::circuit_tripped);
  book->abandoned(admitted(), ec::cancelled);
  (void)book->malformed(admitted(), now, 40ms);
  (void)refused(0s);
  CHECK_EQ(counted->calls.load(), 7);
  CHECK_EQ(counted->cancelled.load(), 1);
  CHECK_EQ(counted->successful.load(), 2);
  CHECK_EQ(counted->failed.load(), 4);
  CHECK_EQ(counted->timeouts.load(), 1);
  CHECK_EQ(counted->refused.load(), 1);
  CHECK_EQ(counted->answered.load(), 4);
  CHECK_EQ(counted->average_us(), 25'000);
  metrics all;
  append(all, settings, *counted);
  const auto value = [&](std::string_view name) {
    for (const auto& m : all)
      if (m.name == name)
        return m.value;
    return std::int64_t{-1};
  };
  CHECK_EQ(value("binding_failure_rate_ppm"), 4'000'000 / 7);
  CHECK_EQ(value("binding_timeout_rate_ppm"), 1'000'000 / 7);
  CHECK_EQ(value("service_binding_avg_response_time_microseconds"), 25'000);
}

TEST(before the first call nothing is divided by it) {
  metrics all;
  append(all, settings, *counted);
  for (const auto& m : all)
    CHECK_EQ(m.value, 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
