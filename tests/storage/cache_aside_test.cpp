// Reading through a cache and writing past it, with every interleaving that could leave the old value behind.
#define TEST_SUITE cache_aside
#include "tests/support/test.hpp"

#include "storage/cache_aside.hpp"
#include "storage/kv_memory.hpp"
#include "tests/support/results.hpp"

#include <map>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;

namespace {

constexpr auto now = std::int64_t{1'700'000'000'000};

blob bytes(const std::string& text) {
  return blob{text};
}

/// A cache whose every call fails.
class broken_kv final : public kv {
  static error down() { return {ec::storage_failed, "down"}; }
  result<std::optional<kv_entry>> do_get(std::string_view, std::string_view, std::int64_t) override {
    return boost::outcome_v2::failure(down());
  }
  result<std::int64_t> do_put(std::string_view, const checked_write&, std::int64_t) override {
    return boost::outcome_v2::failure(down());
  }
  result<void> do_erase(std::string_view, std::string_view) override { return boost::outcome_v2::failure(down()); }
  result<std::vector<kv_name>> do_list(
    std::string_view, std::string_view, std::string_view, std::size_t, std::int64_t) override {
    return boost::outcome_v2::failure(down());
  }
  result<std::vector<std::optional<kv_entry>>> do_get_many(
    std::string_view, const std::vector<std::string>&, std::int64_t) override {
    return boost::outcome_v2::failure(down());
  }
  result<void> do_put_many(std::string_view, const std::vector<checked_write>&, std::int64_t) override {
    return boost::outcome_v2::failure(down());
  }
  result<void> do_erase_many(std::string_view, const std::vector<std::string>&) override {
    return boost::outcome_v2::failure(down());
  }
  result<std::optional<std::int64_t>> do_compare_and_set(
    std::string_view, const checked_write&, std::int64_t, std::int64_t) override {
    return boost::outcome_v2::failure(down());
  }
  result<std::int64_t> do_add(std::string_view, std::string_view, std::int64_t, std::int64_t, std::int64_t) override {
    return boost::outcome_v2::failure(down());
  }
  result<std::int64_t> do_sweep(std::int64_t, std::int64_t) override { return boost::outcome_v2::failure(down()); }
};

/// A table of one column, and how often it was read.
struct table {
  std::map<std::string, std::string> rows;
  int reads = 0;

  cache_aside::reader read(const std::string& key) {
    return [this, key]() -> result<std::optional<blob>> {
      ++reads;
      const auto found = rows.find(key);
      return found != rows.end() ? std::optional{blob{found->second}} : std::nullopt;
    };
  }
  cache_aside::writer write(const std::string& key, const std::string& text) {
    return [this, key, text]() -> result<void> {
      rows[key] = text;
      return ok();
    };
  }
};

struct user {
  std::string id;
  std::string email;
  friend bool operator==(const user&, const user&) = default;
};

} // namespace

TEST(get or fetch fetches once and says when it did) {
  auto cache = kv_memory{};
  auto fetches = 0;
  const auto fetch = [&]() -> result<blob> { return bytes("answer " + std::to_string(++fetches)); };
  const auto fresh = value_of(get_or_fetch(cache, "books", "search:query:swift+programming", fetch, now));
  CHECK(fresh.value == bytes("answer 1"));
  CHECK(!fresh.cached);
  const auto again = value_of(get_or_fetch(cache, "books", "search:query:swift+programming", fetch, now + 3'599'999));
  CHECK(again.value == bytes("answer 1"));
  CHECK(again.cached);
  CHECK_EQ(again.cached_at_ms, now);
  CHECK_EQ(
    value_of(cache.get("books", "search:query:swift+programming", now))->metadata, R"({"cached_at":1700000000000})");
  CHECK(!value_of(get_or_fetch(cache, "books", "search:query:swift+programming", fetch, now + 3'600'000)).cached);
}

TEST(get or fetch passes by a cache that fails and keeps no failure) {
  auto broken = broken_kv{};
  const auto fetch = []() -> result<blob> { return bytes("answer"); };
  CHECK(value_of(get_or_fetch(broken, "a", "k", fetch, now)).value == bytes("answer"));
  auto cache = kv_memory{};
  const auto failing = []() -> result<blob> { return fail(ec::provider_failed, "no"); };
  CHECK(error_of(get_or_fetch(cache, "a", "k", failing, now)).code == ec::provider_failed);
  CHECK(!value_of(cache.get("a", "k", now)).has_value());
  CHECK(error_of(get_or_fetch(cache, "a", "", fetch, now)).code == ec::bad_request);
}

TEST(a row is read once for its TTL and again after a save) {
  auto cache = kv_memory{};
  auto db = table{{{"user:1", "old"}}};
  auto aside = cache_aside{cache};
  CHECK(value_of(aside.find("user:1", now, db.read("user:1"))) == bytes("old"));
  CHECK(value_of(aside.find("user:1", now + 299'999, db.read("user:1"))) == bytes("old"));
  CHECK_EQ(db.reads, 1);
  CHECK(value_of(aside.find("user:1", now + 300'000, db.read("user:1"))) == bytes("old"));
  CHECK_EQ(db.reads, 2);
  CHECK(value_of(aside.save("user:1", db.write("user:1", "new"))));
  CHECK(value_of(aside.find("user:1", now, db.read("user:1"))) == bytes("new"));
  CHECK_EQ(db.reads, 3);
}

TEST(a reader that was overtaken by a save does not put the old row back) {
  auto cache = kv_memory{};
  auto db = table{{{"k", "old"}}};
  auto aside = cache_aside{cache};
  // The reader has the old row in its hands when the writer saves and clears.
  const auto seen = value_of(aside.find("k", now, [&]() -> result<std::optional<blob>> {
    auto old = bytes(db.rows["k"]);
    CHECK(value_of(aside.save("k", db.write("k", "new"))));
    return std::optional{old};
  }));
  CHECK(seen == bytes("old")); // it began before the save
  CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("new"));
  CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("new"));
  CHECK_EQ(db.reads, 1);
}

TEST(nor does it when another reader has claimed the key meanwhile) {
  auto cache = kv_memory{};
  auto db = table{{{"k", "old"}}};
  auto aside = cache_aside{cache};
  static_cast<void>(value_of(aside.find("k", now, [&]() -> result<std::optional<blob>> {
    auto old = bytes(db.rows["k"]);
    CHECK(value_of(aside.save("k", db.write("k", "new"))));
    CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("new"));
    return std::optional{old};
  })));
  CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("new"));
  // A reader beside one with a claim reads for itself and keeps nothing.
  REQUIRE(cache.erase("cache", "k").has_value());
  static_cast<void>(value_of(aside.find("k", now, [&]() -> result<std::optional<blob>> {
    CHECK(value_of(aside.find("k", now, [] { return result<std::optional<blob>>{std::optional{bytes("side")}}; }))
          == bytes("side"));
    return std::optional{bytes("mine")};
  })));
  CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("mine"));
}

TEST(a save through leaves its value only if no other wrote meanwhile) {
  auto cache = kv_memory{};
  auto db = table{};
  auto aside = cache_aside{cache};
  CHECK(value_of(aside.save_through("k", bytes("one"), now, db.write("k", "one"))));
  CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("one"));
  CHECK_EQ(db.reads, 0);
  // The second writer does all of its work before the first one's row is stored.
  CHECK(value_of(aside.save_through("k", bytes("first"), now, [&]() -> result<void> {
    CHECK(value_of(aside.save_through("k", bytes("second"), now, db.write("k", "second"))));
    db.rows["k"] = "first";
    return ok();
  })));
  CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("first"));
  // And after it.
  CHECK(value_of(aside.save_through("k", bytes("first"), now, [&]() -> result<void> {
    db.rows["k"] = "first";
    CHECK(value_of(aside.save_through("k", bytes("second"), now, db.write("k", "second"))));
    return ok();
  })));
  CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("second"));
}

TEST(a save that fails clears what may be old and says so) {
  auto cache = kv_memory{};
  auto db = table{{{"k", "old"}}};
  auto aside = cache_aside{cache};
  static_cast<void>(value_of(aside.find("k", now, db.read("k"))));
  const auto failing = [&]() -> result<void> {
    db.rows["k"] = "new"; // carried out, but nobody heard
    return fail(ec::storage_failed, "unknown");
  };
  CHECK(error_of(aside.save("k", failing)).code == ec::storage_failed);
  CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("new"));
  CHECK(error_of(aside.save_through("k", bytes("x"), now, failing)).code == ec::storage_failed);
  CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("new"));
}

TEST(without its cache a repository still reads and writes) {
  auto cache = broken_kv{};
  auto db = table{};
  auto aside = cache_aside{cache};
  CHECK(!value_of(aside.save("k", db.write("k", "new")))); // written, not cleared
  CHECK(value_of(aside.find("k", now, db.read("k"))) == bytes("new"));
}

TEST(what comes out of the cache is what comes out of the repository) {
  auto cache = kv_memory{};
  auto rows = std::map<std::string, user>{};
  auto reads = 0;
  auto users = cached_repository<user>{cache_aside{cache}, "user:",
    {[&](std::string_view id) -> result<std::optional<user>> {
       ++reads;
       const auto found = rows.find(std::string{id});
       return found != rows.end() ? std::optional{found->second} : std::nullopt;
     },
      [&](const user& u) -> result<void> {
        rows[u.id] = u;
        return ok();
      },
      [](const user& u) { return u.id; }},
    {[](const user& u) { return u.id + '\n' + u.email; },
      [](std::string_view text) -> std::optional<user> {
        const auto line = text.find('\n');
        if (line == std::string_view::npos)
          return {};
        return user{std::string{text.substr(0, line)}, std::string{text.substr(line + 1)}};
      }}};
  CHECK(!value_of(users.find("1", now)).has_value());
  CHECK(value_of(users.save({"1", "a@example.org"})));
  const auto first = value_of(users.find("1", now));
  CHECK(first == (user{"1", "a@example.org"}));
  CHECK(value_of(users.find("1", now)) == first);
  CHECK_EQ(reads, 2);
  CHECK(value_of(users.save_through({"1", "b@example.org"}, now)));
  CHECK(value_of(users.find("1", now)) == (user{"1", "b@example.org"}));
  CHECK_EQ(reads, 2);
  // Bytes of another version are passed by.
  REQUIRE(cache.put("cache", {.key = "user:1", .value = bytes("unreadable")}, now).has_value());
  CHECK(value_of(users.find("1", now)) == (user{"1", "b@example.org"}));
}
