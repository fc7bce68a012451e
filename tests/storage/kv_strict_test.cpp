#define TEST_SUITE kv_strict
#include "tests/support/test.hpp"

#include "storage/kv_memory.hpp"
#include "storage/kv_strict.hpp"
#include "tests/support/results.hpp"

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::value_of;

namespace {

constexpr auto now = std::int64_t{1'700'000'000'000};

kv_write write(const std::string& key, std::optional<std::int64_t> ttl_ms = {}) {
  return {.key = key, .value = blob{std::string{"x"}}, .ttl_ms = ttl_ms};
}

} // namespace

TEST(under strict rules a TTL is at least a minute) {
  auto beneath = kv_memory{};
  auto store = kv_strict{beneath};
  CHECK_EQ(error_of(store.put("n", write("k", 59'999), now)).message, "ttl: expected 60000 ms or more, got 59999");
  CHECK(error_of(store.add("n", "k", 1, now, 1000)).code == ec::bad_request);
  CHECK(error_of(store.put_many("n", {write("a"), write("b", 1)}, now)).code == ec::bad_request);
  CHECK(value_of(store.list("n", {}, now)).names.empty());
  CHECK(store.put("n", write("k", 60'000), now).has_value());
  CHECK(store.put("n", write("forever"), now).has_value());
}

TEST(under strict rules a key is written once a second) {
  auto beneath = kv_memory{};
  auto store = kv_strict{beneath};
  REQUIRE(store.put("n", write("k"), now).has_value());
  CHECK(error_of(store.put("n", write("k"), now + 999)).code == ec::client_limited);
  CHECK(error_of(store.add("n", "k", 1, now + 999)).code == ec::client_limited);
  CHECK(error_of(store.compare_and_set("n", write("k"), 0, now + 999)).code == ec::client_limited);
  CHECK(error_of(store.put_many("n", {write("a"), write("k")}, now + 999)).code == ec::client_limited);
  // The refused batch has used up nobody's turn.
  CHECK(store.put("n", write("a"), now + 999).has_value());
  CHECK(store.put("other", write("k"), now + 999).has_value());
  CHECK(store.put("n", write("k"), now + 1000).has_value());
  CHECK(store.erase("n", "k").has_value());
}

TEST(without strict rules neither holds) {
  auto store = kv_memory{};
  CHECK(store.put("n", write("k", 1), now).has_value());
  CHECK(store.put("n", write("k", 1), now).has_value());
}
