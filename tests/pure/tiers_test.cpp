#define TEST_SUITE tiers
#include "tests/support/test.hpp"

#include "actors/cache/hot_index.hpp"
#include "actors/cache/tiers.hpp"

#include <map>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

std::uint64_t hash(int i) {
  return hash_of_key("book:isbn:" + std::to_string(i));
}

} // namespace

TEST(an entry is fresh and then revalidated and then for errors only and then dead) {
  const expiry e{0s, 10s, 100s};
  CHECK(standing_of(e, 5s, 9'999ms) == standing::fresh);
  CHECK(standing_of(e, 5s, 10s) == standing::revalidate);
  CHECK(standing_of(e, 5s, 14'999ms) == standing::revalidate);
  CHECK(standing_of(e, 5s, 15s) == standing::on_error);
  CHECK(standing_of(e, 5s, 99s) == standing::on_error);
  CHECK(standing_of(e, 5s, 100s) == standing::dead);
  CHECK(standing_of(e, 500s, 19'999ms) == standing::revalidate);
  CHECK(standing_of(e, 500s, 20s) == standing::on_error); // never older than twice its time
  CHECK(standing_of(e, 500s, 100s) == standing::dead);
  CHECK(standing_of({10s, 10s, 100s}, 5s, 10s) == standing::on_error); // never fresh: nothing is refreshed behind it
  CHECK(standing_of(e, 0s, 10s) == standing::on_error);
  CHECK(standing_of({}, 5s, 0s) == standing::dead);
}

TEST(S2-31 S2-32 an answer lives an hour in memory and seven days in the cold tier) {
  const tier_settings cfg;
  CHECK(hot_life(content::complete, {}, cfg).fresh == 3'600s);
  CHECK(cold_life({}, cfg).fresh == 604'800s);
}

TEST(what is degraded or not found is asked again soon and never kept longer than a whole answer) {
  tier_settings cfg;
  cfg.degraded_ttl = 30s;
  cfg.not_found_ttl = 20s;
  CHECK(hot_life(content::degraded, {}, cfg).fresh == 30s);
  CHECK(hot_life(content::not_found, {}, cfg).fresh == 20s);
  const lifetimes brief{.fresh_us = 10'000'000};
  CHECK(hot_life(content::not_found, brief, cfg).fresh == 10s);
  CHECK(worth_cold(content::complete) && !worth_cold(content::degraded) && !worth_cold(content::not_found));
}

TEST(a route says how long its answers live) {
  const lifetimes wish{.fresh_us = 60'000'000, .degraded_us = 5'000'000, .stale_us = 0};
  const auto whole = hot_life(content::complete, wish, {});
  CHECK(whole.fresh == 60s && whole.on_error == 0s);
  CHECK(hot_life(content::degraded, wish, {}).fresh == 5s);
  CHECK(hot_life(content::not_found, wish, {}).fresh == 5s);
  CHECK(cold_life(wish, {}).fresh == std::chrono::microseconds{wish.fresh_us});
  CHECK(cold_life({.fresh_us = 2'592'000'000'000}, {}).fresh == 720h);
}

TEST(a lifetime is jittered by a tenth at most and by the key alone) {
  for (int i = 0; i < 10'000; ++i) {
    const auto l = jittered(1h, hash(i));
    CHECK(l >= 54min && l <= 66min);
    CHECK(l == jittered(1h, hash(i)));
  }
  CHECK(jittered(0s, hash(1)) == 0s);
  CHECK(jittered(1h, 0) == 54min);
  CHECK(jittered(1h, ~std::uint64_t{0}) <= 66min);
  CHECK(jittered(87'600h, 0) == 78'840h);
  CHECK(jittered(87'600h, ~std::uint64_t{0}) > 96'359h);
}

TEST(a library that is warmed in one second does not expire in one) {
  std::map<std::int64_t, int> in_second;
  for (int i = 0; i < 72'000; ++i)
    ++in_second[std::chrono::duration_cast<std::chrono::seconds>(expiry_of({1h, 1min, 24h}, hash(i), 5s).fresh_until)
                  .count()];
  // 100 in each of 720 seconds on average.
  CHECK(in_second.size() >= 720);
  for (const auto& [second, n] : in_second)
    CHECK(n < 160);
}

TEST(staleness begins where freshness ends and lasts for the longer window) {
  const auto e = expiry_of({1h, 1min, 24h}, hash(1), 100s);
  CHECK(e.stored_at == 100s);
  CHECK(e.fresh_until == 100s + jittered(1h, hash(1)));
  CHECK(e.dead_at == e.fresh_until + 24h);
  const auto revalidated = expiry_of({1h, 1min, 0s}, hash(1), 100s);
  CHECK(revalidated.dead_at == revalidated.fresh_until + 1min);
}

TEST(what is promoted keeps its age and lives no longer for it) {
  const life hot{1h, 1min, 24h};
  const expiry young{100s, 100s + 168h, 100s + 192h};
  const auto p = promoted(young, hot, hash(1), 1h);
  CHECK(p.stored_at == 100s);
  CHECK(p.fresh_until == 1h + jittered(1h, hash(1)));
  CHECK(p.dead_at == p.fresh_until + 24h);
  const expiry old{100s, 100s + 2h, 100s + 3h};
  const auto q = promoted(old, hot, hash(1), 100min);
  CHECK(q.fresh_until == old.fresh_until && q.dead_at == old.dead_at);
}

TEST(a read goes from memory to the cold tier to the providers) {
  CHECK(after_hot(standing::fresh, {}) == read_step::answer);
  CHECK(after_hot(standing::revalidate, {}) == read_step::answer_and_refresh);
  CHECK(after_hot(standing::on_error, {}) == read_step::look_below);
  CHECK(after_hot(standing::dead, {}) == read_step::look_below);
  CHECK(after_hot(standing::dead, {.has_below = false}) == read_step::fetch);
  CHECK(after_cold(standing::fresh) == read_step::answer);
  CHECK(after_cold(standing::revalidate) == read_step::answer_and_refresh);
  CHECK(after_cold(standing::on_error) == read_step::fetch);
  CHECK(after_cold(standing::dead) == read_step::fetch);
}

TEST(a key is fetched once however many read it) {
  const read_about second{.under_way = true};
  CHECK(after_hot(standing::fresh, second) == read_step::answer);
  CHECK(after_hot(standing::revalidate, second) == read_step::answer);
  CHECK(after_hot(standing::on_error, second) == read_step::join);
  CHECK(after_hot(standing::dead, second) == read_step::join);
}

TEST(a read that bypasses the tiers asks the providers or waits for who does) {
  for (const auto s : {standing::fresh, standing::revalidate, standing::on_error, standing::dead}) {
    CHECK(after_hot(s, {.bypass = true}) == read_step::fetch);
    CHECK(after_hot(s, {.bypass = true, .under_way = true}) == read_step::join);
  }
}

TEST(a failure falls back on whatever is not dead) {
  CHECK(after_failure(standing::on_error, standing::fresh) == fallback::hot);
  CHECK(after_failure(standing::dead, standing::on_error) == fallback::cold);
  CHECK(after_failure(standing::dead, standing::fresh) == fallback::cold);
  CHECK(after_failure(standing::dead, standing::dead) == fallback::none);
}

TEST(X-Cache says where an answer comes from) {
  CHECK_EQ(x_cache(tier::hot, standing::fresh, false, false), "HIT-KV-HOT");
  CHECK_EQ(x_cache(tier::cold, standing::fresh, false, false), "HIT-R2-COLD");
  CHECK_EQ(x_cache(tier::cold, standing::fresh, true, false), "HIT-R2-PROMOTED");
  CHECK_EQ(x_cache(tier::cold, standing::fresh, false, true), "HIT-R2-COLD");
  CHECK_EQ(x_cache(tier::hot, standing::revalidate, false, false), "STALE");
  CHECK_EQ(x_cache(tier::hot, standing::on_error, false, true), "STALE");
  CHECK_EQ(x_cache(tier::cold, standing::on_error, true, false), "STALE");
  CHECK_EQ(x_cache(tier::database, standing::fresh, false, false), "HIT-D1");
  CHECK_EQ(x_cache(tier::providers, standing::dead, false, false), "MISS");
  CHECK_EQ(x_cache(tier::providers, standing::dead, false, true), "COALESCED");
}
