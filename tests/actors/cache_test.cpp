#define TEST_SUITE cache
#include "tests/support/test.hpp"

#include "tests/actors/cache_world.hpp"

#include <nlohmann/json.hpp>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;

using test::cache_world;

CAF_TEST_FIXTURE_SCOPE(cache_tests, cache_world)

TEST(S0-30 a miss is fetched and the next one is a hit) {
  const auto miss = ask();
  CHECK_EQ(miss->x_cache, "MISS");
  CHECK_EQ(json::parse(miss->plain.view())["cached"], false);
  const auto hit = ask();
  CHECK_EQ(hit->x_cache, "HIT-KV-HOT");
  CHECK_EQ(json::parse(hit->plain.view())["provider"], "cache:kv");
  CHECK_EQ(asked, 1);
  CHECK_EQ(miss->etag, hit->etag);
}

TEST(what is answered is in the index before) {
  ask();
  const auto published = index->find("search:query:dune");
  REQUIRE(published != nullptr);
  CHECK(published->fresh_until - published->stored_at == jittered(3600s));
  CHECK_EQ(json::parse(published->plain.view())["cached"], true);
}

TEST(many misses of one key are one fetch) {
  hold = true;
  std::vector<std::shared_ptr<answer>> all;
  for (int i = 0; i < 100; ++i)
    all.push_back(ask());
  CHECK_EQ(asked, 1);
  CHECK_EQ(fetches->load(), 1);
  inside(boss, [this] { held.front().deliver(next); });
  CHECK_EQ(all.front()->x_cache, "MISS");
  for (std::size_t i = 1; i < all.size(); ++i)
    CHECK_EQ(all[i]->x_cache, "COALESCED");
  CHECK_EQ(fetches->load(), 0);
}

TEST(S0-09 with all providers failing what is stale is answered and marked) {
  ask();
  advance(jittered(3600s) + 1s);
  fail_all();
  const auto a = ask();
  CHECK(a->code == ec::none);
  CHECK_EQ(a->x_cache, "STALE");
  CHECK_EQ(a->age_us, us(jittered(3600s) + 1s + gather));
  const auto body = json::parse(a->plain.view());
  CHECK_EQ(body["stale"], true);
  CHECK_EQ(body["provider"], "cache:kv");
}

TEST(what is older than stale_max is not answered) {
  ask();
  advance(jittered(3600s) + 24h);
  fail_all();
  CHECK(ask()->code == ec::all_providers_failed);
}

TEST(S0-10 with all failing and nothing kept the error says how each provider did) {
  fail_all();
  const auto a = ask();
  CHECK(a->code == ec::all_providers_failed);
  CHECK_EQ(a->message, "All providers exhausted");
  REQUIRE_EQ(a->providers.size(), 1u);
  CHECK(index->find("search:query:dune") == nullptr);
}

TEST(a degraded answer is fresh for a shorter time) {
  next.degraded = true;
  ask();
  advance(jittered(60s));
  ask();
  CHECK_EQ(asked, 2);
}

TEST(a route that says how long its answers are kept is believed) {
  kept = {5'000'000, 1'000'000, 10'000'000};
  CHECK_EQ(ask()->ttl_us, us(jittered(5s)));
  fail_all();
  advance(14s); // 9 s past its time
  CHECK_EQ(ask()->x_cache, "STALE");
  advance(2s);
  CHECK(ask()->code == ec::all_providers_failed);
  next.code = ec::none;
  next.found = true;
  next.degraded = true;
  next.data = blob{"[]"};
  CHECK_EQ(ask()->ttl_us, us(jittered(1s)));
}

TEST(S0-50 details come from the database first) {
  rows = {{"9780441172719", "Dune", "Frank Herbert", R"({"title":"Dune"})", "google", 5}};
  const auto a = ask("book:isbn:9780441172719", true);
  CHECK_EQ(a->x_cache, "HIT-D1");
  const auto body = json::parse(a->plain.view());
  CHECK_EQ(body["provider"], "cache:d1");
  CHECK_EQ(body["timestamp"], 5);
  CHECK_EQ(asked, 0);
  CHECK_EQ(json::parse(ask("book:isbn:9780441172719", true)->plain.view())["provider"], "cache:kv");
}

TEST(S0-51 details that the database does not know are asked for and stored) {
  next.rows = {{"9780441172719", "Dune", "Frank Herbert", "{}", {}, 0}};
  ask("book:isbn:9780441172719", true);
  settle();
  REQUIRE_EQ(written.size(), 1u);
  CHECK_EQ(written[0].provider, "orchestrated:google+openlibrary");
  CHECK_EQ(written[0].fetched_ms, 1'700'000'000'000);
}

TEST(a broken database does not keep the providers from being asked) {
  broken_database = true;
  CHECK(ask("book:isbn:9780441172719", true)->code == ec::none);
  CHECK_EQ(asked, 1);
  CHECK(lines.has("database tier failed: disk"));
}

TEST(a database that hangs is passed over by everybody for a second) {
  hung_database = true;
  const auto first = ask("book:isbn:1", true);
  CHECK(first->code == ec::internal); // the test's own mark: not answered
  advance(1s);
  CHECK_EQ(first->x_cache, "MISS");
  CHECK(lines.has("database tier failed: no answer in time"));
  CHECK_EQ(ask("book:isbn:2", true)->x_cache, "MISS"); // at once
  CHECK_EQ(unread.size(), 1u);
  advance(1s);
  const auto next_try = ask("book:isbn:3", true);
  CHECK(next_try->code == ec::internal);
  CHECK_EQ(unread.size(), 2u);
  inside(store, [this] {
    for (auto& read : unread)
      read.deliver(stored_records{});
    unread.clear();
  });
  CHECK_EQ(next_try->x_cache, "MISS");
  CHECK_EQ(counter("troupe_cache_tier_open"), 0);
}

TEST(details that nobody knows are 404 and kept for a short time) {
  next.found = false;
  next.data = blob{"null"};
  next.tag = "none";
  const auto a = ask("book:isbn:9780441172719", true);
  CHECK_EQ(a->status, 404);
  CHECK_EQ(json::parse(a->plain.view())["error"], "Not found");
  CHECK_EQ(ask("book:isbn:9780441172719", true)->status, 404);
  CHECK_EQ(asked, 1);
}

TEST(more fetches than allowed are shed at once but joining one is free) {
  hold = true;
  const auto a = ask("a");
  const auto b = ask("b");
  const auto again = ask("a");
  CHECK(ask("c")->code == ec::overloaded);
  inside(boss, [this] {
    for (auto& h : held)
      h.deliver(next);
  });
  CHECK(again->code == ec::none);
  CHECK(b->code == ec::none);
  CHECK(a->code == ec::none);
}

TEST(gzip is made for who waits and wants it) {
  next.data = blob{"[\"" + std::string(5'000, 'x') + "\"]"};
  const auto packed = ask("big", false, true);
  CHECK(!packed->gzip.empty());
  CHECK(packed->gzip.view().size() < packed->plain.view().size());
  CHECK(ask("other")->gzip.empty());
  next.data = blob{"[]"};
  CHECK(ask("small", false, true)->gzip.empty());
}

TEST(what is kept is compressed when a reader asks for it) {
  next.data = blob{"[\"" + std::string(5'000, 'x') + "\"]"};
  ask("big");
  REQUIRE(index->find("big") != nullptr);
  CHECK(index->find("big")->gzip.empty());
  const std::string etag{index->find("big")->etag()};
  caf::anon_send(shard, compress{"big"});
  caf::anon_send(shard, compress{"unknown"});
  settle();
  CHECK(!index->find("big")->gzip.empty());
  CHECK_EQ(index->find("big")->etag(), etag);
}

TEST(an orchestrator that never answers is given up after the deadline and two seconds) {
  hold = true;
  const auto a = ask();
  advance(11'900ms);
  CHECK(a->code == ec::internal); // the test's own mark: not answered
  advance(200ms);
  CHECK(a->code == ec::deadline_exceeded);
  CHECK_EQ(fetches->load(), 0);
  hold = false;
  const auto b = ask(); // the key is free again
  CHECK_EQ(b->x_cache, "MISS");
}

TEST(an answer that comes after its fetch was given up changes nothing) {
  hold = true;
  const auto a = ask();
  advance(12'100ms);
  CHECK(a->code == ec::deadline_exceeded);
  inside(boss, [this] { held[0].deliver(next); });
  CHECK(index->find("search:query:dune") == nullptr);
}

TEST(a client that leaves cancels nothing while somebody else waits) {
  hold = true;
  const auto a = ask();
  const auto b = ask();
  leave(0);
  CHECK(a->code == ec::cancelled);
  CHECK(cancelled.empty());
  inside(boss, [this] { held[0].deliver(next); });
  CHECK(b->code == ec::none);
}

TEST(who waits for what is being warmed hurries it once and another warmer does not) {
  hold = true;
  asks_as = priority::warming;
  ask();
  ask();
  CHECK(hurried.empty());
  asks_as = priority::interactive;
  const auto a = ask();
  const auto b = ask();
  CHECK_EQ(asked, 1);
  CHECK_EQ(hurried, std::vector<std::uint64_t>{fetches_seen[0].id});
  inside(boss, [this] { held[0].deliver(next); });
  CHECK(a->code == ec::none && b->code == ec::none);
}

TEST(that there is nothing is kept as long as what there is where a question says so) {
  next.found = false;
  next.data = blob{"[]"};
  CHECK_EQ(ask("k1")->ttl_us, us(jittered(60s, "k1")));
  kept.nothing_too = true;
  CHECK_EQ(ask("k2")->ttl_us, us(jittered(3600s, "k2")));
  next.degraded = true;
  CHECK_EQ(ask("k3")->ttl_us, us(jittered(60s, "k3")));
}

TEST(the last client to leave takes the fetch with it) {
  hold = true;
  const auto a = ask();
  const auto b = ask();
  leave(1);
  leave(0);
  leave(0); // no second time
  CHECK(a->code == ec::cancelled);
  CHECK(b->code == ec::cancelled);
  REQUIRE_EQ(cancelled.size(), 1u);
  CHECK_EQ(cancelled[0], fetches_seen[0].id);
  CHECK_EQ(fetches->load(), 0);
  hold = false;
  CHECK_EQ(ask()->x_cache, "MISS"); // the key is free
}

TEST(who joined a hasty client s fetch gets one of its own time) {
  hold = true;
  const auto hasty = ask("k", false, false, 100ms);
  const auto patient = ask("k", false, false, 5s);
  advance(100ms);
  fail_all();
  inside(boss, [this] { held[0].deliver(next); });
  CHECK(hasty->code == ec::all_providers_failed);
  CHECK(patient->code == ec::internal); // the test's own mark: not answered
  REQUIRE_EQ(fetches_seen.size(), 2u);
  CHECK_EQ(fetches_seen[1].remaining_us, 4'900'000);
  next = {};
  next.data = blob{"[]"};
  inside(boss, [this] { held[1].deliver(next); });
  CHECK(patient->code == ec::none);
  CHECK_EQ(fetches->load(), 0);
}

TEST(who joined a fetch whose permit came too late gets one of its own time) {
  hold = true;
  const auto first = ask("k", false, false, 1s);
  advance(900ms);
  const auto second = ask("k", false, false, 1s);
  fail_all();
  next.providers[0].code = ec::permit_refused; // said before the deadline, because none can come in time
  advance(50ms);
  inside(boss, [this] { held[0].deliver(next); });
  CHECK(second->code == ec::internal); // the test's own mark: not answered
  REQUIRE_EQ(fetches_seen.size(), 2u);
  inside(boss, [this] { held[1].deliver(next); });
  CHECK(first->code == ec::all_providers_failed);
  CHECK(second->code == ec::all_providers_failed); // nobody joined later: it ends
  CHECK_EQ(fetches->load(), 0);
}

TEST(a short life of whole answers is the longest of others) {
  kept = {5'000'000, -1, -1};
  next.degraded = true;
  CHECK_EQ(ask()->ttl_us, us(jittered(5s)));
}

TEST(who has left is not answered again and does not hold the fetch) {
  hold = true;
  std::vector<std::shared_ptr<answer>> all;
  for (int i = 0; i < 5; ++i)
    all.push_back(ask());
  leave(2);
  leave(0);
  leave(1);
  CHECK(cancelled.empty());
  inside(boss, [this] { held[0].deliver(next); });
  for (const auto i : {0, 1, 2})
    CHECK(all[static_cast<std::size_t>(i)]->code == ec::cancelled);
  CHECK_EQ(all[3]->x_cache, "MISS");
  CHECK_EQ(all[4]->x_cache, "COALESCED");
}

TEST(a shard that ends tells everybody who waits) {
  hold = true;
  const auto a = ask();
  const auto b = ask();
  self->send_exit(shard, caf::exit_reason::user_shutdown);
  settle();
  CHECK(a->code == ec::cancelled);
  CHECK(b->code == ec::cancelled);
  CHECK_EQ(fetches->load(), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
