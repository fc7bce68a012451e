#define TEST_SUITE deadlines
#include "actors/timer/deadlines.hpp"

#include "tests/support/test.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

using time_point = std::chrono::steady_clock::time_point;

time_point at(std::chrono::seconds s) {
  return time_point{s};
}

} // namespace

TEST(deadlines come due in their order and once) {
  deadlines<int> d;
  d.add(at(3s), 30);
  d.add(at(1s), 10);
  d.add(at(2s), 20);
  d.add(at(2s), 21);
  CHECK(d.next() == at(1s));
  CHECK(d.take_due(at(0s)).empty());
  CHECK(d.take_due(at(2s)) == std::vector<int>({10, 20, 21}));
  CHECK(d.take_due(at(2s)).empty());
  CHECK(d.next() == at(3s));
}

TEST(a deadline that was removed never comes due) {
  deadlines<std::string> d;
  d.add(at(1s), "a");
  d.add(at(1s), "b");
  d.remove(at(1s), "a");
  d.remove(at(1s), "a");
  d.remove(at(9s), "b"); // another time is another entry
  CHECK(d.take_due(at(1s)) == std::vector<std::string>({"b"}));
  CHECK(!d.next());
}

TEST(only an earlier wake up is sent while one is under way) {
  wake_up a;
  CHECK(a.set(at(5s)));
  CHECK(!a.set(at(5s)));
  CHECK(!a.set(at(6s)));
  CHECK(a.set(at(3s)));
}

TEST(an overtaken wake up is a stray and starts no second chain) {
  wake_up a;
  REQUIRE(a.set(at(5s)));
  REQUIRE(a.set(at(3s)));
  CHECK(a.rang(at(3s)));
  REQUIRE(a.set(at(9s)));
  CHECK(!a.rang(at(5s))); // the first tick arrives, and the one for 9 s is still under way
  CHECK(!a.set(at(9s)));
  CHECK(a.rang(at(9s)));
}
