#define TEST_SUITE waiters
#include "tests/support/test.hpp"

#include "actors/cache/waiters.hpp"

#include <string>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

using list = waiters<std::string, int>;

constexpr list::time at(std::chrono::seconds s) {
  return list::time{s};
}

list three() {
  list out;
  out.add("a", 1, false, at(10s));
  out.add("b", 2, true, at(30s));
  out.add("c", 3, false, at(20s));
  return out;
}

} // namespace

TEST(all come back in the order in which they asked) {
  auto w = three();
  CHECK_EQ(w.size(), 3u);
  CHECK(w.take_all() == std::vector<std::string>{"a", "b", "c"});
  CHECK_EQ(w.size(), 0u);
  CHECK(w.take_all().empty());
}

TEST(who leaves is given back once and not again) {
  auto w = three();
  CHECK(w.leave(2) == "b");
  CHECK(!w.leave(2));
  CHECK(!w.leave(9));
  CHECK_EQ(w.size(), 2u);
  CHECK(!w.any_gzip());
  CHECK(w.take_all() == std::vector<std::string>{"a", "c"});
}

TEST(one who asked twice leaves once each time) {
  list w;
  w.add("first", 1, false, at(1s));
  w.add("second", 1, false, at(1s));
  CHECK(w.leave(1) == "first");
  CHECK(w.leave(1) == "second");
  CHECK_EQ(w.size(), 0u);
}

TEST(the latest deadline is of those who have not left) {
  auto w = three();
  CHECK(w.latest() == at(30s));
  static_cast<void>(w.leave(2));
  CHECK(w.latest() == at(20s));
  CHECK(!list{}.latest());
}

TEST(those whose deadline is earlier are taken and the others stay) {
  auto w = three();
  CHECK(w.take_late(at(20s)) == std::vector<std::string>{"a"});
  CHECK_EQ(w.size(), 2u);
  CHECK(w.leave(3) == "c");
  CHECK(w.take_all() == std::vector<std::string>{"b"});
}

TEST(ten thousand leave from the front in linear time) {
  list w;
  for (int i = 0; i < 10'000; ++i)
    w.add(std::to_string(i), i, false, at(1s));
  for (int i = 0; i < 10'000; ++i)
    CHECK(w.leave(i).has_value());
  CHECK_EQ(w.size(), 0u);
}
