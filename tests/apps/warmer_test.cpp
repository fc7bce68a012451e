#define TEST_SUITE warmer
#include "tests/apps/warmer_world.hpp"

#include <map>

using namespace troupe;
using namespace std::chrono_literals;
using test::few;
using test::must;
using test::value_of;

CAF_TEST_FIXTURE_SCOPE(warmer_tests, test::warmer_world)

TEST(every item of a job is warmed once and the end is told) {
  start();
  queue("one");
  const auto j = job("one");
  CHECK(j.state == job_state::done);
  CHECK_EQ(j.counts.done, 10);
  CHECK_EQ(proxy_paths.size(), 9u);
  CHECK_EQ(isbndb_paths.size(), 1u);
  CHECK_EQ(last_event("one"), "done");
  CHECK(!told.empty());
}

TEST(fewer are under way while people wait for providers and all of them again a second later) {
  quiet = true;
  start();
  live->seen(sched.clock().now());
  queue("one");
  CHECK_EQ(proxy_paths.size(), 1u); // of two
  value_of(jobs.pause("one", now_ms));
  kick();
  value_of(jobs.resume("one", now_ms));
  kick();
  pass(2s);
  CHECK_EQ(proxy_paths.size(), 3u);
}

TEST(S2-53 an author whom ISBNdb does not know is asked of the others) {
  knows_authors = false;
  start();
  queue("one");
  CHECK_EQ(isbndb_paths.size(), 1u);
  CHECK_EQ(proxy_paths.size(), 10u);
  CHECK_EQ(job("one").counts.done, 10);
}

TEST(what fails is tried again and in the end named with its cause) {
  items = 2;
  start();
  status = 502;
  queue("one");
  pass(1s);
  pass(2s);
  pass(3s);
  const auto j = job("one");
  CHECK(j.state == job_state::done);
  CHECK_EQ(j.counts.failed, 1);
  CHECK_EQ(j.counts.done, 1);
  const auto failed = value_of(jobs.items("one", item_state::failed, 10));
  CHECK_EQ(failed.entries.at(0).code, "all_providers_failed");
}

TEST(an open circuit is waited out and no item fails of it) {
  start();
  status = 500;
  queue("one");
  CHECK_EQ(proxy_paths.size(), 3u); // three failures open the binding's circuit
  status = 200;
  for (int i = 0; i < 200 && job("one").state != job_state::done; ++i)
    pass(1s);
  const auto j = job("one");
  CHECK(j.state == job_state::done);
  CHECK_EQ(j.counts.failed, 0);
  CHECK_EQ(j.counts.done, 10);
}

TEST(a paused job stops and goes on where it stood) {
  quiet = true;
  start();
  queue("one");
  const auto asked = proxy_paths.size();
  CHECK_EQ(asked, 2u);
  value_of(jobs.pause("one", now_ms));
  kick();
  quiet = false;
  pass(30s);
  CHECK_EQ(proxy_paths.size(), asked);
  CHECK(job("one").state == job_state::paused);
  value_of(jobs.resume("one", now_ms));
  kick();
  pass(2s);
  CHECK(job("one").state == job_state::done);
  CHECK_EQ(job("one").counts.done, 10);
  CHECK_EQ(proxy_paths.size(), 9u + asked); // what was under way is done again
}

TEST(a pause lets go what is under way and gives back what is claimed and both count as nothing) {
  quiet = true;
  start();
  queue("one");
  CHECK_EQ(job("one").counts.claimed, 4);
  value_of(jobs.pause("one", now_ms));
  kick();
  CHECK_EQ(let_go, 2);
  CHECK_EQ(job("one").counts.claimed, 0);
  CHECK(job("one").state == job_state::paused);
  for (const auto* how : {"hit", "fetched", "failed"})
    CHECK_EQ(counted("troupe_warm_items_total", how), 0);
}

TEST(a paused job keeps no other from being done) {
  quiet = true;
  start();
  queue("one");
  value_of(jobs.pause("one", now_ms));
  kick();
  quiet = false;
  queue("two", "office");
  pass(2s);
  CHECK(job("two").state == job_state::done);
  CHECK(job("one").state == job_state::paused);
  value_of(jobs.resume("one", now_ms));
  kick();
  pass(2s);
  CHECK(job("one").state == job_state::done);
}

TEST(what has ended before a pause is stored before the rest is given back) {
  int left = 1;
  proxy->entrypoints[""].fetch = [&](session_ptr me, const call_ref& call, service_request&) {
    if (left-- > 0)
      reply(me, call.id, json_response(200, "{}"));
  };
  start();
  queue("one");
  CHECK_EQ(job("one").counts.done, 0);
  value_of(jobs.pause("one", now_ms));
  kick();
  CHECK_EQ(job("one").counts.done, 1);
  CHECK_EQ(job("one").counts.claimed, 0);
  CHECK_EQ(counted("troupe_warm_items_total", "fetched"), 1);
}

TEST(a pause while the upload is read is no failure) {
  reads_slowly = true;
  start();
  queue("one");
  REQUIRE_EQ(orders.size(), 1u);
  value_of(jobs.pause("one", now_ms));
  hand_in(orders[0]); // which storage refuses
  value_of(jobs.resume("one", now_ms));
  pass(1s);
  CHECK(job("one").state == job_state::running);
  REQUIRE_EQ(orders.size(), 2u);
  hand_in(orders[1]);
  pass(1s);
  CHECK(job("one").state == job_state::done);
  CHECK_EQ(job("one").counts.done, 10);
}

TEST(an upload that is read for nobody is given up and what comes of it changes nothing) {
  reads_slowly = true;
  start();
  queue("one");
  REQUIRE_EQ(orders.size(), 1u);
  CHECK(!*orders[0].given_up);
  value_of(jobs.pause("one", now_ms));
  kick();
  CHECK(*orders[0].given_up);
  value_of(jobs.resume("one", now_ms));
  kick();
  REQUIRE_EQ(orders.size(), 2u);
  CHECK(!*orders[1].given_up);
  caf::anon_send(actor, import_over{orders[0].life, ec::bad_request, "no library"});
  work();
  CHECK(job("one").state == job_state::running);
  hand_in(orders[1]);
  CHECK(job("one").state == job_state::done);
}

TEST(a cancelled job is let go at once and the next one begins) {
  quiet = true;
  start();
  queue("one");
  queue("two");
  CHECK(job("two").state == job_state::queued); // one at a time
  value_of(jobs.cancel("one", R"({"state":"cancelled"})", now_ms));
  quiet = false;
  kick();
  pass(1s);
  CHECK(job("one").state == job_state::cancelled);
  CHECK_EQ(last_event("one"), "error");
  CHECK(job("two").state == job_state::done);
}

TEST(after a death a job goes on and repeats at most the micro-batch that was under way) {
  items = 40;
  start(8);
  int left = 11; // answers before the node dies
  proxy->entrypoints[""].fetch = [&](session_ptr me, const call_ref& call, service_request& r) {
    proxy_paths.push_back(r.path);
    if (left-- > 0)
      reply(me, call.id, json_response(200, "{}"));
  };
  queue("one");
  CHECK(job("one").state == job_state::running);
  self->send_exit(actor, caf::exit_reason::kill);
  settle();
  const auto before = proxy_paths;
  left = 1'000;
  start(8);
  pass(1s);
  CHECK(job("one").state == job_state::done);
  CHECK_EQ(job("one").counts.done, 40);
  std::map<std::string, int> times;
  for (const auto& path : proxy_paths)
    ++times[path];
  int repeated = 0;
  for (const auto& [path, n] : times) {
    CHECK(n <= 2);
    repeated += n - 1;
  }
  CHECK(repeated <= 8);
  CHECK_EQ(times.size(), 39u);
}

TEST(an upload that is no library fails the job and says why) {
  refusal = "the first line names no column that tells a book";
  start();
  queue("one");
  const auto j = job("one");
  CHECK(j.state == job_state::failed);
  CHECK_EQ(j.message, refusal);
  CHECK_EQ(last_event("one"), "error");
}

TEST(hits are told by the tier that they came from) {
  start();
  knows_authors = false;
  x_cache = "HIT-R2-PROMOTED";
  queue("one");
  CHECK_EQ(job("one").counts.cold, 10);
  x_cache = "HIT-KV-HOT";
  queue("two");
  CHECK_EQ(job("two").counts.hot, 10);
  CHECK_EQ(job("two").counts.hits, 10);
  x_cache = "MISS";
  queue("three");
  CHECK_EQ(job("three").counts.hits, 0);
  CHECK_EQ(counted("troupe_warm_items_total", "hit"), 20);
  CHECK_EQ(counted("troupe_warm_items_total", "fetched"), 10);
}

TEST(without a way to ISBNdb authors are asked of the others) {
  bound.pop_back();
  start();
  queue("one");
  CHECK_EQ(proxy_paths.size(), 10u);
  CHECK_EQ(job("one").counts.done, 10);
}

TEST(a whole batch may be answered at once) {
  bound.clear(); // every call fails within itself
  items = 4'000;
  start(4'000);
  queue("one");
  CHECK(job("one").state == job_state::done);
  CHECK_EQ(job("one").counts.failed, 4'000);
}

TEST(no tick comes without something due while storage is silent) {
  start();
  must(jobs.create({.id = "one", .library = "home"}, now_ms));
  advance(5s);
  CHECK(ticks_within(9s) < few); // the look is under way
  quiet = true;
  work();
  items = 4;
  queue("two", "other");
  for (int i = 0; i < 3; ++i)
    pass(5s);
  CHECK(job("two").state == job_state::running);
  advance(10s);
  CHECK(ticks_within(9s) < few); // the lease is being renewed
}

TEST(no tick comes without something due while results are on their way to storage) {
  int left = 1;
  proxy->entrypoints[""].fetch = [&](session_ptr me, const call_ref& call, service_request&) {
    if (left-- > 0)
      reply(me, call.id, json_response(200, "{}"));
  };
  start();
  queue("one");
  advance(1s); // the flush begins
  CHECK(ticks_within(9s) < few);
}

TEST(a kick while the warmer looks is not lost) {
  start();
  advance(5s); // it looks
  caf::anon_send(actor, warm_kick{});
  held.work(); // and has found nothing, but has not heard of it
  must(jobs.create({.id = "one", .library = "home", .source = "uploads/one"}, now_ms));
  work();
  CHECK(job("one").state == job_state::done);
}

TEST(a kick while the lease is renewed is not lost) {
  quiet = true;
  start();
  queue("one");
  caf::anon_send(actor, warm_kick{});
  settle(); // the lease is being renewed
  caf::anon_send(actor, warm_kick{});
  held.work(); // and was, but the warmer has not heard of it
  value_of(jobs.pause("one", now_ms));
  work();
  CHECK_EQ(job("one").counts.claimed, 0);
}

TEST(what storage never takes fails the job in the end and is said at growing distance) {
  start();
  must(beside->script("CREATE TRIGGER no BEFORE UPDATE OF how ON job_items WHEN NEW.how <> '' BEGIN"
                      " SELECT RAISE(ABORT, 'no'); END"));
  queue("one");
  for (int i = 0; i < 1'200 && !has_ended(job("one").state); ++i)
    pass(1s);
  const auto j = job("one");
  CHECK(j.state == job_state::failed);
  CHECK(j.message.starts_with("storage has refused 20 times what the job cannot do without: "));
  CHECK(lines.has("(1 in a row)"));
  CHECK(lines.has("(16 in a row)"));
  CHECK(!lines.has("(3 in a row)"));
  CHECK_EQ(counted("troupe_warm_jobs_total", "failed"), 1);
  CHECK_EQ(counted("troupe_warm_items_total", "fetched"), 0);
}

TEST(a failure that is not stored is not counted) {
  refusal = "no library";
  start();
  must(beside->script("CREATE TRIGGER no BEFORE UPDATE OF state ON jobs WHEN NEW.state = 'failed' BEGIN"
                      " SELECT RAISE(ABORT, 'no'); END"));
  queue("one");
  CHECK_EQ(counted("troupe_warm_jobs_total", "failed"), 0);
  must(beside->script("DROP TRIGGER no"));
  pass(1s);
  pass(2s);
  CHECK(job("one").state == job_state::failed);
  CHECK_EQ(counted("troupe_warm_jobs_total", "failed"), 1);
}

TEST(storage that fails for a while holds a job up and loses nothing) {
  start();
  must(beside->script("ALTER TABLE job_items RENAME TO job_items_away"));
  queue("one");
  CHECK(job("one").state != job_state::done);
  must(beside->script("ALTER TABLE job_items_away RENAME TO job_items"));
  for (int i = 0; i < 60 && !has_ended(job("one").state); ++i)
    pass(1s);
  CHECK(job("one").state == job_state::done);
  CHECK_EQ(job("one").counts.done, 10);
}

CAF_TEST_FIXTURE_SCOPE_END()
