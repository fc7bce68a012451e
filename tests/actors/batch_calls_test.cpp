#define TEST_SUITE batch calls
#include "tests/actors/batch_world.hpp"
#include "tests/support/test.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

batch_task asking(std::string text) {
  batch_task t;
  t.what = {"google.search", std::move(text), 5, {}};
  return t;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(batch_calls_tests, test::batch_world)

TEST(a provider operation goes to the orchestrator and equal ones share a call) {
  start();
  batch_task t;
  t.what = {"google.search", "dune", 5, {}};
  auto other = t;
  other.what.text = "emma";
  enqueue("b", {t, t, other});
  const auto got = await("b");
  REQUIRE_EQ(fetched.size(), 2u); // S4-45
  CHECK_EQ(fetched[0].what.route, "google.search");
  outcome o;
  o.data = blob{"[1]"};
  answer(0, o);
  CHECK(!got->there);
  outcome failed;
  failed.code = ec::all_providers_failed;
  failed.message = "All providers exhausted";
  failed.providers = {{"google", ec::provider_timeout, "google: no answer", 1, 1, 0}};
  answer(1, failed);
  REQUIRE(got->there);
  CHECK_EQ(std::string{got->view.results[1].data.view()}, "[1]");
  CHECK(got->view.results[2].code == ec::provider_timeout);
  CHECK_EQ(got->view.results[2].message, "google: no answer");
  CHECK_EQ(metric_of("troupe_batch_tasks_shared_total"), 1);
}

TEST(a batch of 100000 keeps its bound of calls under way) {
  start(64);
  batch_task t;
  std::vector<batch_task> all;
  for (int i = 0; i < 100'000; ++i) {
    t.what = {"google.search", std::to_string(i), 5, {}};
    all.push_back(t);
  }
  enqueue("large", std::move(all));
  CHECK_EQ(fetched.size(), 64u);
  answer(0, {});
  CHECK_EQ(fetched.size(), 65u);
  CHECK_EQ(pending(), 99'999);
}

TEST(equal questions with other parameters are calls of their own) {
  start();
  auto one = asking("");
  one.what.params = {{"city", "Rome"}};
  auto two = one;
  two.what.params = {{"city", "Oslo"}};
  enqueue("b", {one, two, one});
  CHECK_EQ(fetched.size(), 2u);
}

TEST(a call leaves the wire when the last task that waits for it has ended) {
  start();
  enqueue("a", {asking("dune")});
  enqueue("b", {asking("dune"), asking("emma")});
  REQUIRE_EQ(fetched.size(), 2u);
  caf::anon_send(batches, batch_cancel{"a"});
  settle();
  CHECK(taken_back.empty()); // b waits for it too
  caf::anon_send(batches, batch_cancel{"b"});
  settle();
  const std::vector<std::uint64_t> both{fetched[0].id, fetched[1].id};
  CHECK_EQ(taken_back, both);
  // Who comes now does not join a call that is being taken back.
  enqueue("c", {asking("dune")});
  REQUIRE_EQ(fetched.size(), 3u);
  answer(0, {});
  answer(1, {});
  CHECK_EQ(pending(), 1);
  answer(2, {});
  CHECK_EQ(pending(), 0);
  CHECK_EQ(await("c")->view.succeeded, 1);
}

TEST(the trace of who wants a batch goes with its calls) {
  start();
  batch_enqueue b;
  b.id = "b";
  b.tasks = {asking("dune")};
  b.remaining_us = 1'000'000;
  b.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  as_actor([b, to = batches](caf::event_based_actor* me) { me->send(to, b); });
  REQUIRE_EQ(fetched.size(), 1u);
  CHECK_EQ(fetched[0].what.traceparent, b.traceparent);
}

TEST(a function task that is cancelled while it waits for its permit spends none) {
  start(128, 1); // one at a time on its lane
  enqueue("first", {lasting(50ms)});
  enqueue("second", {lasting(50ms)});
  CHECK_EQ(starts.size(), 1u);
  caf::anon_send(batches, batch_cancel{"second"});
  settle();
  CHECK_EQ(pending(), 1); // its slot is free before the lane is
  pass(100ms);
  CHECK_EQ(starts.size(), 1u);
  CHECK_EQ(pending(), 0);
  enqueue("third", {lasting(50ms)});
  CHECK_EQ(starts.size(), 2u);
}

CAF_TEST_FIXTURE_SCOPE_END()
