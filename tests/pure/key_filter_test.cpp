#define TEST_SUITE key_filter
#include "tests/support/test.hpp"

#include "actors/cache/hot_index.hpp"
#include "actors/cache/key_filter.hpp"

using namespace troupe;

namespace {

std::string key(int i) {
  return "search:query:" + std::to_string(i);
}

std::vector<std::string> keys(int from, int to) {
  std::vector<std::string> out;
  for (int i = from; i < to; ++i)
    out.push_back(key(i));
  return out;
}

bool maybe(const key_filter& f, int i) {
  return f.maybe(hash_of_key(key(i)));
}

int known(const key_filter& f, int from, int to) {
  int n = 0;
  for (int i = from; i < to; ++i)
    n += maybe(f, i) ? 1 : 0;
  return n;
}

void add(key_filter& f, int from, int to) {
  for (int i = from; i < to; ++i)
    f.add(hash_of_key(key(i)));
}

} // namespace

TEST(until all has been listed once any key may be there) {
  key_filter f;
  CHECK(maybe(f, 1));
  f.listed(keys(2, 3), false, true); // the end of a listing whose beginning was lost
  CHECK(maybe(f, 1));
  f.listed(keys(2, 3), true, false);
  CHECK(maybe(f, 1));
  f.listed({}, false, true);
  CHECK(!maybe(f, 1));
  CHECK(maybe(f, 2));
}

TEST(every key that was listed or stored may be there) {
  key_filter f;
  f.listed(keys(0, 50'000), true, false);
  f.listed(keys(50'000, 100'000), false, true);
  add(f, 100'000, 200'000);
  CHECK_EQ(known(f, 0, 200'000), 200'000);
}

TEST(of keys that are nowhere one in a hundred may be there with 200000 kept and one in seven with twice as many) {
  key_filter f;
  f.listed(keys(0, 200'000), true, true);
  CHECK(known(f, 1'000'000, 1'100'000) < 1'500);
  add(f, 200'000, 400'000);
  CHECK(known(f, 1'000'000, 1'100'000) < 16'000);
}

TEST(what was removed is forgotten with the next listing and what was stored meanwhile is not) {
  key_filter f;
  f.listed(keys(0, 1'000), true, true);
  f.listed({}, true, false);
  add(f, 5'000, 5'001);
  f.listed(keys(500, 1'000), false, false);
  CHECK_EQ(known(f, 0, 1'000), 1'000);
  f.listed({}, false, true);
  CHECK(known(f, 0, 500) < 5);
  CHECK_EQ(known(f, 500, 1'000), 500);
  CHECK(maybe(f, 5'000));
}

TEST(a listing that begins anew forgets the half that was under way) {
  key_filter f;
  f.listed(keys(1, 2), true, false);
  f.listed(keys(2, 3), true, true);
  CHECK(!maybe(f, 1));
  CHECK(maybe(f, 2));
}
