#define TEST_SUITE promotion
#include "tests/support/test.hpp"

#include "actors/cache/hot_index.hpp"
#include "actors/cache/promotion.hpp"

#include <random>
#include <unordered_map>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

std::uint64_t hash(int i) {
  return hash_of_key("book:isbn:" + std::to_string(i));
}

} // namespace

TEST(the third cold hit promotes and then the count begins anew) {
  promotion p{{}};
  for (int round = 0; round < 2; ++round) {
    CHECK(!p.hit(hash(1), 1s));
    CHECK(!p.hit(hash(1), 2s));
    CHECK(p.hit(hash(1), 3s));
    CHECK_EQ(p.size(), 0u);
  }
}

TEST(a privileged hit promotes at once) {
  promotion p{{}};
  CHECK(!p.hit(hash(1), 1s));
  CHECK(p.hit(hash(1), 1s, true));
  CHECK_EQ(p.size(), 0u);
  promotion first{{.hits = 1}};
  CHECK(first.hit(hash(1), 1s));
}

TEST(hits too far apart do not add up) {
  promotion p{{.hits = 2, .window = 60s}};
  CHECK(!p.hit(hash(1), 0s));
  CHECK(!p.hit(hash(1), 60s));
  CHECK(p.hit(hash(1), 119s));
}

TEST(what is forgotten begins anew) {
  promotion p{{}};
  CHECK(!p.hit(hash(1), 1s) && !p.hit(hash(1), 1s));
  p.forget(hash(1));
  CHECK(!p.hit(hash(1), 1s));
}

TEST(keys that were hit twice survive a scan of any length) {
  promotion p{{.keys = 1'024}};
  for (int i = 0; i < 100; ++i)
    CHECK(!p.hit(hash(i), 1s) && !p.hit(hash(i), 1s));
  for (int i = 1'000; i < 101'000; ++i)
    CHECK(!p.hit(hash(i), 2s));
  CHECK(p.size() <= 1'024);
  int promoted = 0;
  for (int i = 0; i < 100; ++i)
    promoted += p.hit(hash(i), 3s) ? 1 : 0;
  CHECK(promoted >= 99); // five such keys in one bucket of four are rare
}

TEST(what aged out makes room before what was hit once) {
  promotion p{{.hits = 3, .window = 10s, .keys = 4}};
  for (int i = 0; i < 4; ++i)
    CHECK(!p.hit(hash(i), 0s) && !p.hit(hash(i), 0s));
  for (int i = 10; i < 14; ++i)
    CHECK(!p.hit(hash(i), 10s));
  for (int i = 10; i < 14; ++i)
    CHECK(!p.hit(hash(i), 10s));
  for (int i = 10; i < 14; ++i)
    CHECK(p.hit(hash(i), 10s));
}

TEST(as long as all keys find a place it counts as a plain table would) {
  std::mt19937 random{7};
  promotion p{{.hits = 3, .window = 100s, .keys = 65'536}};
  std::unordered_map<int, std::pair<int, int>> model; // hits, last
  for (int now = 0; now < 20'000; ++now) {
    const int key = static_cast<int>(random() % 500);
    if (random() % 50 == 0) {
      p.forget(hash(key));
      model.erase(key);
      continue;
    }
    const bool at_once = random() % 50 == 0;
    auto& [hits, last] = model[key];
    if (now - last >= 100)
      hits = 0;
    last = now;
    const bool expected = at_once || ++hits == 3;
    if (expected)
      model.erase(key);
    REQUIRE_EQ(p.hit(hash(key), std::chrono::seconds{now}, at_once), expected);
  }
}
