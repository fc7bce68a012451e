// What every back-end of `kv` must do, written against the interface alone.
#define TEST_SUITE kv_conformance
#include "tests/support/test.hpp"

#include "storage/kv_memory.hpp"
#include "storage/kv_sql.hpp"
#include "storage/migrations.hpp"
#include "tests/storage/backends.hpp"

#include <atomic>
#include <limits>
#include <thread>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;

namespace {

constexpr auto now = std::int64_t{1'700'000'000'000};

void migrate(schema_sql& db) {
  const auto known = value_of(parse_migrations(built_in_migrations()));
  REQUIRE(migrate_up(db, known, 1).has_value());
}

/// Runs a test's body against a fresh, empty store of each kind.
template <class Body>
void for_each_store(Body&& body) {
  auto memory = kv_memory{};
  body(static_cast<kv&>(memory));
  test::for_each_database([&](test::backend& kind) {
    auto db = kind.open();
    migrate(*db);
    auto store = kv_sql{*db};
    body(static_cast<kv&>(store));
  });
}

blob bytes(const std::string& text) {
  return blob{text};
}

std::vector<std::string> keys_of(const kv_page& page) {
  auto keys = std::vector<std::string>{};
  for (const auto& each : page.names)
    keys.push_back(each.key);
  return keys;
}

using strings = std::vector<std::string>;

} // namespace

TEST(an entry comes back as it was stored until it is erased) {
  for_each_store([](kv& store) {
    CHECK(!value_of(store.get("users", "user:1", now)).has_value());
    const auto odd = std::string{"\0\xff\x01 value", 9};
    const auto version =
      value_of(store.put("users", {.key = "user:1", .value = bytes(odd), .metadata = R"({"type":"user-data"})"}, now));
    CHECK(version != 0);
    const auto found = value_of(store.get("users", "user:1", now));
    REQUIRE(found.has_value());
    CHECK(*found == (kv_entry{bytes(odd), R"({"type":"user-data"})", {}, version}));
    REQUIRE(store.erase("users", "user:1").has_value());
    CHECK(!value_of(store.get("users", "user:1", now)).has_value());
    CHECK(store.erase("users", "user:1").has_value());
  });
}

TEST(a second put replaces value and metadata and expiry and version) {
  for_each_store([](kv& store) {
    const auto first =
      value_of(store.put("a", {.key = "k", .value = bytes("one"), .metadata = "{}", .ttl_ms = 1000}, now));
    const auto second = value_of(store.put("a", {.key = "k", .value = bytes("two")}, now));
    CHECK(first != second);
    CHECK(*value_of(store.get("a", "k", now + 5000)) == (kv_entry{bytes("two"), "", {}, second}));
  });
}

TEST(an entry is gone from the very millisecond of its expiry) {
  for_each_store([](kv& store) {
    REQUIRE(store.put("a", {.key = "ttl", .value = bytes("x"), .ttl_ms = 3'600'000}, now).has_value());
    REQUIRE(store.put("a", {.key = "time", .value = bytes("x"), .expires_ms = now + 10}, now).has_value());
    CHECK(value_of(store.get("a", "ttl", now + 3'599'999))->expires_ms == now + 3'600'000);
    CHECK(!value_of(store.get("a", "ttl", now + 3'600'000)).has_value());
    CHECK(value_of(store.get("a", "time", now + 9)).has_value());
    CHECK(!value_of(store.get("a", "time", now + 10)).has_value());
    CHECK(keys_of(value_of(store.list("a", {}, now + 10))) == (strings{"ttl"}));
    CHECK(!value_of(store.get_many("a", {"time"}, now + 10)).front().has_value());
  });
}

TEST(namespaces do not see each other) {
  for_each_store([](kv& store) {
    REQUIRE(store.put("a", {.key = "k", .value = bytes("of a")}, now).has_value());
    REQUIRE(store.put("b", {.key = "k", .value = bytes("of b")}, now).has_value());
    CHECK(value_of(store.get("a", "k", now))->value == bytes("of a"));
    REQUIRE(store.erase("b", "k").has_value());
    CHECK(value_of(store.get("a", "k", now)).has_value());
    CHECK(value_of(store.list("b", {}, now)).names.empty());
  });
}

TEST(a list is in the order of bytes and has metadata and expiry) {
  for_each_store([](kv& store) {
    for (const auto* key : {"b", "a", "ab", "B", "ä", "a:1"})
      REQUIRE(store.put("n", {.key = key, .value = bytes("x")}, now).has_value());
    REQUIRE(store.put("n", {.key = std::string{"\xff\xff"}, .value = bytes("x"), .metadata = "m", .ttl_ms = 5}, now)
              .has_value());
    const auto page = value_of(store.list("n", {}, now));
    CHECK(keys_of(page) == (strings{"B", "a", "a:1", "ab", "b", "ä", "\xff\xff"}));
    CHECK(page.names.back() == (kv_name{"\xff\xff", "m", now + 5}));
    CHECK(page.complete);
    CHECK(page.cursor.empty());
  });
}

TEST(a prefix bounds a list whatever stands in it) {
  for_each_store([](kv& store) {
    for (const auto* key : {"user:1", "user:2", "user;1", "user", "%", "_", "user:%", "\xff", "\xff\xff", "\xfe"})
      REQUIRE(store.put("n", {.key = key, .value = bytes("x")}, now).has_value());
    CHECK(keys_of(value_of(store.list("n", {.prefix = "user:"}, now))) == (strings{"user:%", "user:1", "user:2"}));
    CHECK(keys_of(value_of(store.list("n", {.prefix = "%"}, now))) == (strings{"%"}));
    CHECK(keys_of(value_of(store.list("n", {.prefix = "\xff"}, now))) == (strings{"\xff", "\xff\xff"}));
    CHECK(keys_of(value_of(store.list("n", {.prefix = "nobody"}, now))).empty());
    // A cursor below the prefix does not widen the list.
    CHECK(keys_of(value_of(store.list("n", {.prefix = "user:", .cursor = "a"}, now))).size() == 3u);
  });
}

TEST(pages follow each other without gap or repeat while others write) {
  for_each_store([](kv& store) {
    for (int i = 10; i < 60; ++i)
      REQUIRE(store.put("n", {.key = "k" + std::to_string(i), .value = bytes("x")}, now).has_value());
    auto seen = strings{};
    auto query = kv_query{.prefix = "k", .limit = 7};
    for (auto complete = false; !complete;) {
      const auto page = value_of(store.list("n", query, now));
      for (const auto& key : keys_of(page))
        seen.push_back(key);
      complete = page.complete;
      query.cursor = page.cursor;
      // What was seen goes, what lies behind the cursor comes: neither shifts the pages.
      REQUIRE(store.erase("n", seen.front()).has_value());
      REQUIRE(store.put("n", {.key = "k0" + std::to_string(seen.size()), .value = bytes("x")}, now).has_value());
    }
    REQUIRE_EQ(seen.size(), 50u);
    for (std::size_t i = 0; i < seen.size(); ++i)
      REQUIRE_EQ(seen[i], "k" + std::to_string(i + 10));
    const auto exact = value_of(store.list("n", {.prefix = "k5", .limit = 10}, now));
    CHECK_EQ(exact.names.size(), 10u);
    CHECK(exact.complete);
  });
}

TEST(many keys are put and got and erased at once) {
  for_each_store([](kv& store) {
    auto writes = std::vector<kv_write>{};
    auto keys = strings{};
    for (int i = 0; i < 200; ++i) {
      keys.push_back("key " + std::to_string(i));
      writes.push_back({.key = keys.back(), .value = bytes(std::to_string(i) + "!"), .ttl_ms = 1000});
    }
    writes.push_back({.key = "key 0", .value = bytes("later")});
    REQUIRE(store.put_many("n", writes, now).has_value());
    keys.push_back("nobody");
    keys.push_back("key 0");
    const auto found = value_of(store.get_many("n", keys, now));
    REQUIRE_EQ(found.size(), 202u);
    CHECK(found[0]->value == bytes("later"));
    CHECK(found[1]->value == bytes("1!"));
    CHECK(found[199]->expires_ms == now + 1000);
    CHECK(!found[200].has_value());
    CHECK(found[201]->value == bytes("later"));
    keys.erase(keys.begin());
    keys.pop_back();
    REQUIRE(store.erase_many("n", keys).has_value());
    CHECK(keys_of(value_of(store.list("n", {}, now))) == (strings{"key 0"}));
    CHECK(store.put_many("n", {}, now).has_value());
    CHECK(store.erase_many("n", {}).has_value());
    CHECK(value_of(store.get_many("n", {}, now)).empty());
  });
}

TEST(any number of keys is got at once) {
  for_each_store([](kv& store) {
    auto keys = strings{};
    for (int i = 0; i < 70; ++i) {
      keys.push_back("key " + std::to_string(i));
      REQUIRE(store.put("n", {.key = keys.back(), .value = bytes(std::to_string(i))}, now).has_value());
    }
    for (const auto count : {1, 3, 4, 31, 32, 33, 35, 36, 64, 70}) {
      const auto found = value_of(store.get_many("n", {keys.begin(), keys.begin() + count}, now));
      REQUIRE_EQ(found.size(), static_cast<std::size_t>(count));
      for (int i = 0; i < count; ++i)
        CHECK(found[static_cast<std::size_t>(i)]->value == bytes(std::to_string(i)));
    }
  });
}

TEST(a bulk read of more than 100 MB is refused with the key that was too many) {
  auto store = kv_memory{};
  const auto large = blob{std::string(kv_limits::value_bytes, 'v')};
  REQUIRE(static_cast<kv&>(store).put("n", {.key = "large", .value = large}, now).has_value());
  auto keys = strings(3, "large");
  CHECK(store.get_many("n", keys, now).has_value());
  keys.emplace_back("large");
  const auto refused = store.get_many("n", keys, now);
  CHECK_EQ(refused.error().code, ec::answer_too_large);
  CHECK_EQ(refused.error().message,
    "values: expected at most 100000000 bytes together, got more with key 4; ask for fewer keys at once");
}

TEST(compare and set stores only over the version that it expects) {
  for_each_store([](kv& store) {
    const auto write = [](const char* text) { return kv_write{.key = "k", .value = bytes(text)}; };
    CHECK(!value_of(store.compare_and_set("n", write("no"), 7, now)).has_value());
    const auto first = value_of(store.compare_and_set("n", write("one"), 0, now));
    REQUIRE(first.has_value());
    CHECK(!value_of(store.compare_and_set("n", write("no"), 0, now)).has_value());
    const auto second = value_of(store.compare_and_set("n", write("two"), *first, now));
    REQUIRE(second.has_value());
    CHECK(!value_of(store.compare_and_set("n", write("no"), *first, now)).has_value());
    CHECK(*value_of(store.get("n", "k", now)) == (kv_entry{bytes("two"), "", {}, *second}));
    // A key that went and came back is another.
    REQUIRE(store.erase("n", "k").has_value());
    REQUIRE(store.put("n", write("three"), now).has_value());
    CHECK(!value_of(store.compare_and_set("n", write("no"), *second, now)).has_value());
    // What has expired is not there.
    const auto brief = value_of(store.put("n", {.key = "b", .value = bytes("x"), .ttl_ms = 5}, now));
    const auto late = kv_write{.key = "b", .value = bytes("y")};
    CHECK(!value_of(store.compare_and_set("n", late, brief, now + 5)).has_value());
    CHECK(value_of(store.compare_and_set("n", late, 0, now + 5)).has_value());
  });
}

TEST(a counter adds in one step and keeps its expiry and metadata) {
  for_each_store([](kv& store) {
    CHECK_EQ(value_of(store.add("n", "c", 5, now, 1000)), 5);
    CHECK_EQ(value_of(store.add("n", "c", -7, now + 500, 1000)), -2);
    const auto found = value_of(store.get("n", "c", now));
    CHECK(found->value == bytes("-2"));
    CHECK(found->expires_ms == now + 1000);
    CHECK_EQ(value_of(store.add("n", "c", 1, now + 1000)), 1);
    CHECK(!value_of(store.get("n", "c", now + 1000))->expires_ms.has_value());
    REQUIRE(store.put("n", {.key = "d", .value = bytes("41"), .metadata = "m"}, now).has_value());
    CHECK(value_of(store.get("n", "d", now))->value == bytes("41"));
    CHECK_EQ(value_of(store.add("n", "d", 1, now)), 42);
    CHECK_EQ(value_of(store.get("n", "d", now))->metadata, "m");
  });
}

TEST(what is no whole number is not added to and comes back as it was) {
  for_each_store([](kv& store) {
    for (const auto* text : {"", "x", "007", "+1", "1.0", " 1", "-0", "9223372036854775808"}) {
      REQUIRE(store.put("n", {.key = "k", .value = bytes(text)}, now).has_value());
      CHECK(error_of(store.add("n", "k", 1, now)).code == ec::bad_request);
      CHECK(value_of(store.get("n", "k", now))->value == bytes(text));
    }
    using limits = std::numeric_limits<std::int64_t>;
    for (const auto& [edge, step] : {std::pair{limits::max(), std::int64_t{1}},
           std::pair{limits::min(), std::int64_t{-1}}, std::pair{std::int64_t{-1}, limits::min()}}) {
      REQUIRE(store.put("n", {.key = "k", .value = bytes(std::to_string(edge))}, now).has_value());
      CHECK(error_of(store.add("n", "k", step, now)).code == ec::bad_request);
      CHECK(value_of(store.get("n", "k", now))->value == bytes(std::to_string(edge)));
    }
  });
}

TEST(a sweep frees what has expired and nothing else) {
  for_each_store([](kv& store) {
    for (int i = 0; i < 10; ++i)
      REQUIRE(
        store.put(i % 2 == 0 ? "a" : "b", {.key = "k" + std::to_string(i), .value = bytes("x"), .ttl_ms = i + 1}, now)
          .has_value());
    REQUIRE(store.put("a", {.key = "stays", .value = bytes("x")}, now).has_value());
    // Written again it does not expire any more.
    REQUIRE(store.put("a", {.key = "k0", .value = bytes("x")}, now).has_value());
    CHECK_EQ(value_of(store.sweep(now, 100)), 0);
    CHECK_EQ(value_of(store.sweep(now + 6, 3)), 3);
    CHECK_EQ(value_of(store.sweep(now + 6, 100)), 2);
    CHECK_EQ(value_of(store.sweep(now + 6, 100)), 0);
    CHECK(keys_of(value_of(store.list("a", {}, now))) == (strings{"k0", "k6", "k8", "stays"}));
    CHECK(keys_of(value_of(store.list("b", {}, now))) == (strings{"k7", "k9"}));
    CHECK(error_of(store.sweep(now, 0)).code == ec::bad_request);
  });
}

TEST(limits are refused with the field and the size and the limit) {
  for_each_store([](kv& store) {
    const auto refusal = [&](const kv_write& what) {
      const auto failed = error_of(store.put("n", what, now));
      CHECK(failed.code == ec::bad_request);
      return failed.message;
    };
    CHECK_EQ(refusal({.key = "", .value = {}}), "key: expected 1 to 512 bytes, got 0");
    CHECK_EQ(refusal({.key = std::string(513, 'k'), .value = {}}), "key: expected 1 to 512 bytes, got 513");
    CHECK_EQ(refusal({.key = "k", .value = bytes(std::string((25U << 20) + 1, 'x'))}),
      "value: expected at most 26214400 bytes, got 26214401");
    CHECK_EQ(refusal({.key = "k", .value = {}, .metadata = std::string(1025, 'm')}),
      "metadata: expected at most 1024 bytes, got 1025");
    CHECK_EQ(refusal({.key = "k", .value = {}, .ttl_ms = 0}), "ttl: expected more than 0 ms, got 0");
    CHECK_EQ(refusal({.key = "k", .value = {}, .expires_ms = now}),
      "expiry: expected a time after 1700000000000 (now in Unix ms), got 1700000000000");
    CHECK_EQ(refusal({.key = "k", .value = {}, .ttl_ms = 1, .expires_ms = now + 1}),
      "expiry: expected a TTL or a time, got both");
    CHECK_EQ(
      error_of(store.put("", {.key = "k", .value = {}}, now)).message, "namespace: expected 1 to 128 bytes, got 0");
    CHECK_EQ(error_of(store.list("n", {.limit = 1001}, now)).message, "limit: expected 1 to 1000, got 1001");
    CHECK_EQ(
      error_of(store.get_many("n", strings(10'001, "k"), now)).message, "bulk: expected at most 10000 keys, got 10001");
    const auto big = bytes(std::string(25U << 20, 'x'));
    auto writes = std::vector<kv_write>{};
    for (int i = 0; i < 4; ++i)
      writes.push_back({.key = std::to_string(i), .value = big});
    CHECK_EQ(
      error_of(store.put_many("n", writes, now)).message, "bulk: expected at most 100000000 bytes, got 104857604");
    writes = {{.key = "good", .value = {}}, {.key = "", .value = {}}};
    CHECK_EQ(error_of(store.put_many("n", writes, now)).message, "item 2: key: expected 1 to 512 bytes, got 0");
    CHECK(value_of(store.list("n", {}, now)).names.empty());
    // At the limit itself all is well.
    const auto longest = std::string(512, 'k');
    REQUIRE(store.put("n", {.key = longest, .value = big, .metadata = std::string(1024, 'm')}, now).has_value());
    CHECK(value_of(store.get("n", longest, now))->value == big);
  });
}

TEST(of several that compete each add counts and one compare and set wins) {
  test::for_each_database([](test::backend& kind) {
    migrate(*kind.open());
    auto wins = std::atomic<int>{0};
    auto failures = std::atomic<int>{0};
    {
      auto threads = std::vector<std::jthread>{};
      for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
          auto db = kind.try_open();
          if (!db) {
            ++failures;
            return;
          }
          auto store = kv_sql{*db.value()};
          for (int k = 0; k < 25; ++k)
            failures += store.add("n", "c", 1, now).has_value() ? 0 : 1;
          const auto won = store.compare_and_set("n", {.key = "lock", .value = bytes("mine")}, 0, now);
          failures += won ? 0 : 1;
          wins += won && won.value() ? 1 : 0;
        });
    }
    CHECK_EQ(failures.load(), 0);
    CHECK_EQ(wins.load(), 1);
    auto db = kind.open();
    auto store = kv_sql{*db};
    CHECK(value_of(store.get("n", "c", now))->value == bytes("100"));
  });
}
