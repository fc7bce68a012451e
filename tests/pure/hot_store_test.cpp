#define TEST_SUITE hot_store
#include "tests/support/test.hpp"

#include "actors/cache/hot_store.hpp"

#include <random>
#include <set>
#include <thread>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

rendered_ptr of_size(std::size_t bytes) {
  auto r = std::make_shared<rendered>();
  r->plain = blob{std::string(bytes, 'x')};
  r->fresh_until = 10s;
  r->dead_at = 20s;
  return r;
}

} // namespace

TEST(an answer is fresh and then stale and then nothing) {
  const auto r = of_size(1);
  CHECK(freshness_of(r.get(), 9s) == freshness::fresh);
  CHECK(freshness_of(r.get(), 10s) == freshness::stale);
  CHECK(freshness_of(r.get(), 20s) == freshness::none);
  CHECK(freshness_of(nullptr, 0s) == freshness::none);
}

TEST(what is kept is published and what is forgotten is not) {
  const auto index = std::make_shared<hot_index>();
  {
    hot_store s{index, 1 << 20};
    CHECK(s.put("a", of_size(100)));
    CHECK(index->find("a") != nullptr);
    CHECK(s.put("a", of_size(200)));
    CHECK_EQ(index->size(), 1u);
    CHECK_EQ(index->find("a")->plain.view().size(), 200u);
    s.erase("a");
    CHECK(index->find("a") == nullptr);
    CHECK_EQ(s.bytes(), 0u);
    CHECK(s.put("b", of_size(1)));
  }
  CHECK_EQ(index->size(), 0u);
  CHECK_EQ(index->bytes(), 0u);
}

TEST(an answer too large for the shard is not kept and neither is what it replaces) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 16'000};
  CHECK(s.put("a", of_size(100)));
  CHECK(!s.put("a", of_size(2'000)));
  CHECK(index->find("a") == nullptr);
}

TEST(what is read survives a scan of what is not) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 100'000};
  CHECK(s.put("popular", of_size(1'000)));
  for (int i = 0; i < 1'000; ++i) {
    CHECK(s.put("scan" + std::to_string(i), of_size(1'000)));
    CHECK(index->find("popular") != nullptr);
  }
  CHECK(s.evicted() > 900);
}

TEST(whatever is put the bytes stay under the bound and index and store agree) {
  std::mt19937 random{5};
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 50'000};
  for (int i = 0; i < 20'000; ++i) {
    const auto key = "k" + std::to_string(random() % 200);
    switch (random() % 4) {
    case 0:
      s.erase(key);
      break;
    case 1:
      (void)index->find(key);
      break;
    default:
      (void)s.put(key, of_size(random() % 3'000));
    }
    REQUIRE(s.bytes() <= 50'000);
    REQUIRE_EQ(s.size(), index->size());
  }
  for (int i = 0; i < 200; ++i) {
    const auto key = "k" + std::to_string(i);
    CHECK(s.find(key) == index->find(key));
  }
}

TEST(readers on other threads see whole answers or none) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 1 << 16};
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> broken{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&, t] {
      for (unsigned i = 0; !stop; ++i) {
        const auto r = index->find("k" + std::to_string((i + static_cast<unsigned>(t)) % 50));
        if (r && r->plain.view() != std::string(r->plain.view().size(), 'x'))
          ++broken;
      }
    });
  for (std::size_t i = 0; i < 20'000; ++i)
    (void)s.put("k" + std::to_string(i % 50), of_size(i % 2'000));
  stop = true;
  for (auto& r : readers)
    r.join();
  CHECK_EQ(broken.load(), 0);
}
