#define TEST_SUITE cache_tiers
#include "tests/support/test.hpp"

#include "actors/cache_keeper/cache_keeper.hpp"
#include "tests/actors/cache_world.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

const std::string dune = "search:query:dune";

struct world : test::cache_world {
  world() { start(); }

  std::string provider_of(const std::shared_ptr<answer>& a) {
    return json::parse(a->plain.view())["provider"].get<std::string>();
  }

  // Past the time of memory and the key-value store, within that of the cold tier.
  void grow_cold() {
    advance(jittered(3600s) + 25h);
    start();
  }

  // The keeper, of tiers that are this node's alone unless told otherwise.
  caf::actor keep(bool shared = false) {
    cache_keeper_settings k;
    k.shards = {shard};
    k.kv = table;
    k.cold = bucket;
    k.shared = shared;
    k.longest_cold = 24h * 10;
    k.wall_ms = settings.wall_ms;
    k.log = lines.log;
    keepers.push_back(caf::actor_cast<caf::actor>(sys.spawn(cache_keeper, k)));
    settle();
    return keepers.back();
  }
  std::vector<caf::actor> keepers;

  ~world() override {
    for (const auto& keeper : keepers)
      self->send_exit(keeper, caf::exit_reason::user_shutdown);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(cache_tiers_tests, world)

TEST(a complete answer is kept in the key-value store and in the cold tier) {
  CHECK_EQ(ask()->x_cache, "MISS");
  CHECK_EQ(pairs.count(dune), 1u);
  CHECK_EQ(cold_objects.count(dune), 1u);
  CHECK_EQ(pairs[dune].expires_ms, wall_ms() + us(jittered(3600s) - gather) / 1000 + 24 * 3'600'000);
  CHECK_EQ(counter("troupe_cache_tier_kept_total"), 2);
}

TEST(answers of one moment are handed down together) {
  hold = true;
  settings.max_fetches = 10;
  start();
  ask("a");
  ask("b");
  inside(boss, [this] {
    for (auto& each : held)
      each.deliver(next);
  });
  CHECK(pairs.empty());
  advance(gather);
  CHECK_EQ(pairs.size(), 2u);
  CHECK_EQ(kv_writes, 1);
  CHECK_EQ(cold_objects.size(), 2u);
}

TEST(what waits to be handed down is not lost when the shard ends) {
  hold = true;
  ask();
  inside(boss, [this] { held[0].deliver(next); });
  CHECK(pairs.empty());
  start();
  CHECK_EQ(pairs.count(dune), 1u);
}

TEST(what lacks a provider or found nothing is kept in memory alone) {
  next.degraded = true;
  ask("a");
  next.degraded = false;
  next.found = false;
  ask("b");
  CHECK(pairs.empty());
  CHECK(cold_objects.empty());
}

TEST(a route that keeps nothing is kept nowhere) {
  kept = {0, 0, 0};
  ask();
  ask();
  CHECK_EQ(asked, 2);
  CHECK(pairs.empty());
  CHECK(cold_objects.empty());
}

TEST(after a restart the key-value store answers as memory would) {
  const auto before = ask();
  advance(10s);
  start();
  const auto after = ask();
  CHECK_EQ(after->x_cache, "HIT-KV-HOT");
  CHECK_EQ(provider_of(after), "cache:kv");
  CHECK_EQ(after->age_us, us(10s + gather));
  CHECK(std::abs(after->ttl_us - us(jittered(3600s) - 10s - gather)) <= 1'000); // kept in whole milliseconds
  CHECK_EQ(after->etag, before->etag);
  CHECK_EQ(asked, 1);
  kv_reads.clear();
  ask();
  CHECK(kv_reads.empty()); // from memory
}

TEST(S2-32 what memory has forgotten the cold tier knows for days) {
  ask();
  grow_cold();
  const auto a = ask();
  CHECK_EQ(a->x_cache, "HIT-R2-COLD");
  CHECK_EQ(provider_of(a), "cache:r2");
  CHECK_EQ(asked, 1);
  CHECK(index->find(dune) == nullptr);      // read once, it stays cold
  CHECK_EQ(a->ttl_us, us(jittered(3600s))); // clients keep it no longer than a hot one
}

TEST(the third read of a cold answer makes it hot) {
  ask();
  grow_cold();
  CHECK_EQ(ask()->x_cache, "HIT-R2-COLD");
  CHECK_EQ(ask()->x_cache, "HIT-R2-COLD");
  CHECK_EQ(ask()->x_cache, "HIT-R2-PROMOTED");
  const auto hot = ask();
  CHECK_EQ(hot->x_cache, "HIT-KV-HOT");
  CHECK_EQ(provider_of(hot), "cache:kv");
  CHECK(hot->age_us > us(25h)); // its age goes on
  CHECK_EQ(asked, 1);
}

TEST(a warming read makes a cold answer hot at once) {
  ask();
  grow_cold();
  asks_as = priority::warming;
  CHECK_EQ(ask()->x_cache, "HIT-R2-PROMOTED");
  CHECK_EQ(ask()->x_cache, "HIT-KV-HOT");
}

TEST(what the cold tier has kept too long is fetched anew) {
  ask();
  advance(jittered(168h) + 1s);
  start();
  CHECK_EQ(ask()->x_cache, "MISS");
  CHECK_EQ(asked, 2);
}

TEST(with all providers failing an old cold answer is better than none) {
  ask();
  advance(jittered(168h) + 1h);
  start();
  fail_all();
  const auto a = ask();
  CHECK_EQ(a->x_cache, "STALE");
  CHECK_EQ(provider_of(a), "cache:r2");
  CHECK_EQ(json::parse(a->plain.view())["stale"], true);
  advance(24h);
  start();
  CHECK(ask()->code == ec::all_providers_failed);
}

TEST(what the database keeps is not kept in the cold tier as well) {
  next.rows = {{"9780441172719", "Dune", "Frank Herbert", "{}", {}, 0}};
  ask("book:isbn:9780441172719", true);
  CHECK(cold_reads.empty());
  CHECK(cold_objects.empty());
  CHECK_EQ(pairs.count("book:isbn:9780441172719"), 1u);
}

TEST(tiers that fail are passed over and asked again after a second) {
  broken_tiers = true;
  CHECK_EQ(ask("a")->x_cache, "MISS");
  CHECK(lines.has("kv tier failed: disk"));
  CHECK(lines.has("cold tier failed: disk"));
  const auto reads = kv_reads.size();
  CHECK_EQ(ask("b")->x_cache, "MISS");
  CHECK_EQ(kv_reads.size(), reads);
  broken_tiers = false;
  advance(1s);
  ask("c");
  CHECK_EQ(kv_reads.size(), reads + 1);
}

TEST(bytes that nobody can read are as good as none) {
  ask();
  pairs[dune].value = blob{"TCA1 something else"};
  cold_objects[dune].body = blob{std::string(100, '\xff')};
  start();
  CHECK_EQ(ask()->x_cache, "MISS");
}

TEST(the answer of another key is not taken for this one s) {
  ask("a");
  pairs["b"] = pairs["a"];
  start();
  CHECK_EQ(ask("b")->x_cache, "MISS");
}

TEST(a key above the store s limit stays in memory) {
  const std::string key(600, 'k');
  ask(key);
  CHECK(pairs.empty());
  CHECK(kv_reads.empty());
  CHECK_EQ(ask(key)->x_cache, "HIT-KV-HOT");
}

TEST(just past its time an answer goes out at once and is fetched anew behind it) {
  settings.tiers.revalidate = 60s;
  start();
  ask();
  advance(jittered(3600s) + 5s);
  next.data = blob{R"([{"title":"Dune Messiah"}])"};
  const auto old = ask();
  CHECK_EQ(old->x_cache, "STALE");
  CHECK(old->plain.view().find("Messiah") == std::string_view::npos);
  CHECK_EQ(asked, 2);
  CHECK(fetches_seen.back().what.priority == priority::warming);
  const auto fresh = ask();
  CHECK_EQ(fresh->x_cache, "HIT-KV-HOT");
  CHECK(fresh->plain.view().find("Messiah") != std::string_view::npos);
  CHECK_EQ(asked, 2);
  CHECK_EQ(fetches->load(), 0);
}

TEST(only one refresh of a key is under way) {
  settings.tiers.revalidate = 60s;
  start();
  ask();
  advance(jittered(3600s) + 5s);
  hold = true;
  for (int i = 0; i < 5; ++i)
    CHECK_EQ(ask()->x_cache, "STALE");
  CHECK_EQ(asked, 2);
  inside(boss, [this] { held[0].deliver(next); });
  CHECK_EQ(ask()->x_cache, "HIT-KV-HOT");
}

TEST(a refresh that fails leaves the stale answer and the next one tries again) {
  settings.tiers.revalidate = 60s;
  start();
  ask();
  advance(jittered(3600s) + 5s);
  fail_all();
  CHECK_EQ(ask()->x_cache, "STALE");
  CHECK_EQ(ask()->x_cache, "STALE");
  CHECK_EQ(asked, 3);
  CHECK_EQ(fetches->load(), 0);
}

TEST(who joins a refresh and leaves does not end it) {
  settings.tiers.revalidate = 60s;
  start();
  ask();
  advance(jittered(3600s) + 5s);
  hold = true;
  ask();
  const auto joined = ask(dune, false, false, 10s, true); // wants no stale one
  leave(2);
  CHECK(joined->code == ec::cancelled);
  CHECK(cancelled.empty());
  inside(boss, [this] { held[0].deliver(next); });
  CHECK_EQ(ask()->x_cache, "HIT-KV-HOT");
}

TEST(an answer is never served older than twice its time without a failure) {
  settings.tiers.revalidate = 60s;
  start();
  kept = {2'000'000, 1'000'000, 3'600'000'000};
  ask();
  advance(2 * jittered(2s));
  CHECK_EQ(ask()->x_cache, "MISS");
}

TEST(a bypassing read asks the providers and what they say is kept) {
  ask();
  next.data = blob{R"([{"title":"Dune Messiah"}])"};
  CHECK_EQ(ask(dune, false, false, 10s, true)->x_cache, "MISS");
  CHECK_EQ(asked, 2);
  const auto hit = ask();
  CHECK_EQ(hit->x_cache, "HIT-KV-HOT");
  CHECK(hit->plain.view().find("Messiah") != std::string_view::npos);
}

TEST(a bypassing read that joins one of a slow tier takes it to the providers) {
  ask();
  start();
  hung_table = true;
  const auto patient = ask();
  CHECK(patient->code == ec::internal); // the test's own mark: not answered
  const auto bypassing = ask(dune, false, false, 10s, true);
  CHECK_EQ(patient->x_cache, "MISS");
  CHECK_EQ(bypassing->x_cache, "COALESCED");
  CHECK_EQ(asked, 2);
}

TEST(a bypassing read whose providers fail gets what is kept and marked) {
  ask();
  fail_all();
  CHECK_EQ(ask(dune, false, false, 10s, true)->x_cache, "STALE");
}

TEST(that nobody knows a book is remembered for a short time) {
  next.found = false;
  next.data = blob{"null"};
  settings.tiers.not_found_ttl = 30s;
  start();
  const std::string key = "book:isbn:9780000000000";
  CHECK_EQ(ask(key, true)->status, 404);
  CHECK_EQ(ask(key, true)->status, 404);
  CHECK_EQ(asked, 1);
  advance(jittered(30s, key));
  CHECK_EQ(ask(key, true)->status, 404);
  CHECK_EQ(asked, 2);
}

TEST(entries that are dead are swept within a minute without being read) {
  for (int i = 0; i < 10; ++i)
    ask("k" + std::to_string(i));
  CHECK_EQ(counter("troupe_cache_entries"), 10);
  advance(27h);
  advance(1s);
  CHECK_EQ(counter("troupe_cache_entries"), 0);
  CHECK_EQ(index->size(), 0u);
}

TEST(after a restart the keeper hands back what the key-value store has) {
  settings.max_fetches = 1000;
  start();
  for (int i = 0; i < 250; ++i)
    ask("k" + std::to_string(i));
  start();
  CHECK_EQ(index->size(), 0u);
  keep();
  CHECK_EQ(index->size(), 250u);
  CHECK_EQ(counter("troupe_cache_restored_total"), 250);
  kv_reads.clear();
  CHECK_EQ(ask("k7")->x_cache, "HIT-KV-HOT");
  CHECK(kv_reads.empty());
}

TEST(what clients have asked for meanwhile is not replaced by what comes back) {
  ask();
  const auto old = pairs[dune];
  next.data = blob{R"([{"title":"Dune Messiah"}])"};
  ask(dune, false, false, 10s, true);
  caf::anon_send(shard, kv_pairs{old});
  settle();
  CHECK(ask()->plain.view().find("Messiah") != std::string_view::npos);
}

TEST(the keeper drops from the cold tier what has died) {
  ask("old");
  advance(24h * 12);
  ask("new");
  keep();
  CHECK_EQ(cold_objects.count("old"), 0u);
  CHECK_EQ(cold_objects.count("new"), 1u);
}

TEST(the keeper goes on looking for what has died) {
  ask("old");
  keep();
  CHECK_EQ(cold_objects.count("old"), 1u);
  advance(24h * 12);
  advance(2min);
  CHECK_EQ(cold_objects.count("old"), 0u);
}

TEST(a key that no tier has goes to the providers at once) {
  keep();
  CHECK_EQ(ask()->x_cache, "MISS");
  CHECK(kv_reads.empty());
  CHECK(cold_reads.empty());
  grow_cold();
  keep();
  CHECK_EQ(ask()->x_cache, "HIT-R2-COLD");
  CHECK_EQ(ask("b")->x_cache, "MISS");
  CHECK_EQ(cold_reads, std::vector<std::string>{dune});
}

TEST(what is stored after the listing is found) {
  keep();
  ask();
  advance(jittered(3600s) + 25h); // memory has forgotten it
  CHECK_EQ(ask()->x_cache, "HIT-R2-COLD");
}

TEST(in tiers that other nodes store to as well every key is looked for) {
  keep(true);
  ask();
  CHECK_EQ(kv_reads, std::vector<std::string>{dune});
  CHECK_EQ(cold_reads, std::vector<std::string>{dune});
}

TEST(while the tiers cannot be listed every key is looked for) {
  ask();
  start();
  broken_lists = true;
  keep();
  broken_lists = false;
  CHECK(lines.has("could not be listed: disk"));
  kv_reads.clear();
  CHECK_EQ(ask("b")->x_cache, "MISS");
  CHECK_EQ(std::count(kv_reads.begin(), kv_reads.end(), "b"), 1);
  advance(1min); // the cold tier, then a whole round
  advance(1min);
  advance(1min);
  CHECK_EQ(ask("c")->x_cache, "MISS");
  CHECK_EQ(std::count(kv_reads.begin(), kv_reads.end(), "c"), 0);
  CHECK_EQ(ask()->x_cache, "HIT-KV-HOT");
}

TEST(values that cannot be read stop neither the listing nor the sweep) {
  ask("old");
  advance(24h * 12);
  ask("new");
  start();
  broken_tiers = true;
  keep();
  broken_tiers = false;
  advance(2s);
  CHECK(lines.has("Restoring the hot tier stopped: disk"));
  CHECK_EQ(cold_objects.count("old"), 0u);
  kv_reads.clear();
  CHECK_EQ(ask("nowhere")->x_cache, "MISS");
  CHECK(kv_reads.empty());
  CHECK_EQ(ask("new")->x_cache, "HIT-KV-HOT");
}

TEST(a page that cannot be swept forgets no key) {
  ask("k000");
  for (int i = 1; i < 700; ++i) { // more than a page
    auto key = std::to_string(i);
    key = "k" + std::string(3 - key.size(), '0') + key;
    cold_objects[key] = cold_objects["k000"];
    cold_objects[key].key = key;
  }
  cold_objects["k699"].modified_ms = 1; // on the last one
  pairs.clear();
  start();
  broken_removal = true;
  keep();
  CHECK(lines.has("Sweeping the cold tier failed: disk"));
  advance(1min);
  advance(1min);
  cold_reads.clear();
  CHECK_EQ(ask("k000")->x_cache, "HIT-R2-COLD");
  CHECK_EQ(ask("nowhere")->x_cache, "MISS");
  CHECK_EQ(cold_reads, std::vector<std::string>{"k000"});
  broken_removal = false;
  for (int i = 0; i < 4; ++i) // a round of three pages
    advance(1min);
  CHECK_EQ(cold_objects.count("k699"), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
