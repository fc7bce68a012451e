#define TEST_SUITE left_lately
#include "tests/support/test.hpp"

#include "actors/cache/hot_index.hpp"
#include "actors/cache/left_lately.hpp"

using namespace troupe;

namespace {

std::uint64_t hash(int i) {
  return hash_of_key(std::to_string(i));
}

int taken(left_lately& l, int from, int to) {
  int n = 0;
  for (int i = from; i < to; ++i)
    n += l.take(hash(i)) ? 1 : 0;
  return n;
}

} // namespace

TEST(nobody left who was never there and nobody is taken twice) {
  left_lately l;
  CHECK(!l.take(hash(1)));
  l.add(hash(1)); // it remembers none yet
  CHECK(!l.take(hash(1)));
  l.remember(10);
  l.add(hash(1));
  CHECK(l.take(hash(1)));
  CHECK(!l.take(hash(1)));
}

TEST(who left too long ago is forgotten) {
  left_lately l;
  l.remember(1'000);
  for (int i = 0; i < 3'000; ++i)
    l.add(hash(i));
  CHECK_EQ(taken(l, 0, 2'000), 0);
  CHECK(taken(l, 2'000, 3'000) > 800); // a few lose their place to one that left later
}

TEST(growing forgets nobody) {
  left_lately l;
  l.remember(100);
  for (int i = 0; i < 50; ++i)
    l.add(hash(i));
  const auto kept = [&](int to) {
    left_lately copy = l;
    return taken(copy, 0, to);
  };
  const auto before = kept(50);
  l.remember(100'000);
  CHECK_EQ(kept(50), before);
}

TEST(strangers are rarely taken for somebody who left) {
  left_lately l;
  l.remember(100'000);
  for (int i = 0; i < 100'000; ++i)
    l.add(hash(i));
  CHECK(taken(l, 100'000, 200'000) < 300);
}
