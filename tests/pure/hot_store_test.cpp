#define TEST_SUITE hot_store
#include "tests/support/test.hpp"

#include "actors/cache/hot_store.hpp"

#include <map>
#include <random>
#include <thread>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

rendered of_size(std::size_t bytes) {
  rendered r;
  r.plain = blob{std::string(bytes, 'x')};
  r.head = blob{"Vary: Accept-Encoding\r\n"};
  r.etag = "W/\"0\"";
  r.fresh_until = 10s;
  r.dead_at = 20s;
  return r;
}

std::string numbered(std::string name, std::size_t i) {
  return name += std::to_string(i);
}

} // namespace

TEST(what is kept is what was put and can be changed as a copy) {
  auto r = of_size(3);
  r.status = 404;
  r.gzip = blob{"zip"};
  r.stored_at = 1s;
  const auto kept = hot_entry::make("key", r);
  CHECK_EQ(kept->key(), "key");
  CHECK_EQ(kept->etag(), "W/\"0\"");
  CHECK_EQ(kept->status(), 404);
  CHECK_EQ(kept->bytes(), r.bytes() + 3);
  const auto copy = kept->value();
  CHECK(copy.plain == r.plain && copy.gzip == r.gzip && copy.head == r.head && copy.etag == r.etag);
  CHECK(copy.status == 404 && copy.stored_at == 1s && copy.fresh_until == 10s && copy.dead_at == 20s);
  CHECK(kept->ask_for_gzip());
  CHECK(!kept->ask_for_gzip());
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
    CHECK_EQ(s.bytes(), index->bytes());
    s.erase("a");
    CHECK(index->find("a") == nullptr);
    CHECK_EQ(s.bytes(), 0u);
    CHECK(s.put("b", of_size(1)));
  }
  CHECK_EQ(index->size(), 0u);
  CHECK_EQ(index->bytes(), 0u);
}

TEST(a reader keeps what it found when the key is forgotten) {
  const auto index = std::make_shared<hot_index>();
  rendered_ptr found;
  {
    hot_store s{index, 1 << 20};
    CHECK(s.put("a", of_size(100)));
    found = index->find("a");
  }
  CHECK_EQ(found->plain.view().size(), 100u);
  CHECK_EQ(found->key(), "a");
}

TEST(an answer too large for the shard is not kept and neither is what it replaces) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 16'000};
  CHECK(s.put("a", of_size(100)));
  CHECK(!s.put("a", of_size(2'000)));
  CHECK(index->find("a") == nullptr);
}

TEST(answers with one head share its text) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 1 << 20};
  CHECK(s.put("a", of_size(1)) && s.put("b", of_size(1)));
  CHECK(index->find("a")->head.bytes == index->find("b")->head.bytes);
}

TEST(a body is kept without the room that it was written in) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 1 << 20};
  auto roomy = std::string(1'000, 'x');
  roomy.reserve(2'000);
  rendered r;
  r.plain = blob{std::move(roomy)};
  CHECK(s.put("a", r));
  CHECK_EQ(index->find("a")->plain.bytes->capacity(), 1'000u);
}

TEST(what is read survives a scan of what is not) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 100'000};
  CHECK(s.put("popular", of_size(1'000)));
  for (std::size_t i = 0; i < 1'000; ++i) {
    CHECK(s.put(numbered("scan", i), of_size(1'000)));
    CHECK(index->find("popular") != nullptr);
  }
  CHECK(s.evicted() > 900);
}

TEST(what was read survives a scan many times larger than the shard although nobody reads it meanwhile) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 1'000'000};
  for (std::size_t i = 0; i < 200; ++i) {
    CHECK(s.put(numbered("book", i), of_size(1'000)));
    for (int read = 0; read < 2; ++read)
      (void)index->find(numbered("book", i));
  }
  for (std::size_t i = 0; i < 10'000; ++i)
    CHECK(s.put(numbered("scan", i), of_size(1'000)));
  for (std::size_t i = 0; i < 200; ++i)
    CHECK(s.find(numbered("book", i)) != nullptr);
}

TEST(what left unread and comes back soon stays through the next scan) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 100'000};
  // The main queue has to hold something: as many that left are remembered.
  for (std::size_t i = 0; i < 60; ++i) {
    CHECK(s.put(numbered("book", i), of_size(1'000)));
    for (int read = 0; read < 2; ++read)
      (void)index->find(numbered("book", i));
  }
  const auto scan = [&](const char* name, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      CHECK(s.put(numbered(name, i), of_size(1'000)));
  };
  scan("first", 100);
  CHECK(s.put("again", of_size(1'000)));
  scan("second", 30);
  CHECK(s.find("again") == nullptr);
  CHECK(s.put("again", of_size(1'000)));
  scan("third", 300);
  CHECK(s.find("again") != nullptr);
}

TEST(whatever has been read something leaves when there is no room) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 1'000'000};
  for (std::size_t i = 0; i < 2'000; ++i) {
    CHECK(s.put(numbered("k", i), of_size(1'000)));
    for (int read = 0; read < 20; ++read)
      (void)index->find(numbered("k", i));
  }
  CHECK(s.bytes() <= 1'000'000);
  CHECK(s.evicted() > 1'000);
}

TEST(a sweep drops what is dead in steps of the length asked for and nothing else) {
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 1 << 24};
  for (std::size_t i = 0; i < 1'000; ++i) {
    auto r = of_size(100);
    r.dead_at = i % 2 == 0 ? 20s : 40s;
    CHECK(s.put(numbered("k", i), r));
  }
  CHECK_EQ(s.sweep(19s, 5'000), 0u);
  std::size_t dropped = 0;
  for (int step = 0; step < 10; ++step) {
    const auto now = s.sweep(20s, 100);
    CHECK(now <= 100);
    dropped += now;
  }
  CHECK_EQ(dropped, 500u);
  CHECK_EQ(s.expired(), 500u);
  CHECK_EQ(s.evicted(), 0u);
  CHECK_EQ(index->size(), 500u);
  CHECK(s.find("k0") == nullptr && s.find("k1") != nullptr);
  CHECK_EQ(s.sweep(40s, 1'000), 500u);
  CHECK_EQ(s.sweep(40s, 1'000), 0u);
  CHECK_EQ(s.bytes(), 0u);
}

TEST(whatever is done the bytes stay under the bound and store and index and a model agree) {
  std::mt19937 random{5};
  const auto index = std::make_shared<hot_index>();
  hot_store s{index, 50'000};
  // The model knows what each key was put with last; the store may have forgotten it, but never has anything else.
  std::map<std::string, rendered> model;
  for (std::size_t i = 0; i < 40'000; ++i) {
    const auto now = std::chrono::seconds{i};
    const auto key = numbered("k", random() % 200);
    switch (random() % 8) {
    case 0:
      s.erase(key);
      model.erase(key);
      CHECK(index->find(key) == nullptr);
      break;
    case 1:
      (void)s.sweep(now, random() % 20);
      break;
    case 2:
    case 3:
      (void)index->find(key);
      break;
    default: {
      auto r = of_size(random() % 3'500);
      r.dead_at = now + std::chrono::seconds{random() % 1'000};
      if (random() % 4 == 0)
        r.gzip = blob{std::string(random() % 500, 'z')};
      const bool kept = s.put(key, r);
      CHECK_EQ(kept, s.fits(key, r));
      CHECK_EQ(kept, index->find(key) != nullptr);
      model[key] = r;
      if (!kept)
        model.erase(key);
    }
    }
    REQUIRE(s.bytes() <= 50'000);
    REQUIRE_EQ(s.size(), index->size());
    REQUIRE_EQ(s.bytes(), index->bytes());
    if (i % 100 != 0)
      continue;
    std::size_t bytes = 0;
    std::size_t size = 0;
    for (std::size_t k = 0; k < 200; ++k)
      if (const auto kept = s.find(numbered("k", k))) {
        const auto& put = model.at(numbered("k", k));
        REQUIRE(kept->plain == put.plain && kept->gzip == put.gzip && kept->dead_at == put.dead_at);
        bytes += kept->bytes();
        ++size;
      }
    REQUIRE(size == s.size() && bytes == s.bytes());
  }
  CHECK(s.evicted() > 1'000);
  CHECK(s.expired() > 100);
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
