#define TEST_SUITE batch
#include "tests/actors/batch_world.hpp"
#include "tests/support/test.hpp"

using namespace troupe;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(batch_tests, test::batch_world)

TEST(S4-36 of a burst of fifty forty start at once and ten within the next quarter of a second) {
  start();
  const auto begin = ms();
  enqueue("fifty", test::times(50, lasting(80ms)));
  CHECK_EQ(starts.size(), 40u);
  pass(245ms);
  CHECK(starts.size() < 50u);
  pass(10ms);
  CHECK_EQ(starts.size(), 50u);
  CHECK(starts.back() - begin <= 250);
}

TEST(S4-52 an awaited batch gives its results in task order) {
  start();
  std::vector<batch_task> tasks;
  for (int i = 0; i < 10; ++i)
    tasks.push_back(lasting(std::chrono::milliseconds{100 - 10 * i}, i));
  enqueue("order", tasks);
  const auto got = await("order");
  CHECK(!got->there);
  pass(200ms);
  REQUIRE(got->there);
  REQUIRE_EQ(got->view.results.size(), 10u);
  for (int i = 0; i < 10; ++i)
    CHECK_EQ(std::any_cast<int>(got->view.results[static_cast<std::size_t>(i)].value), i);
}

TEST(S4-53 executed tasks and batches share one limit) {
  start();
  enqueue("b", test::times(39, lasting(10ms)));
  const auto one = execute(lasting(10ms, 1, "lastfm"));
  const auto two = execute(lasting(10ms, 2, "lastfm"));
  CHECK_EQ(starts.size(), 40u);
  pass(20ms);
  CHECK(one->code == ec::none);
  CHECK(two->code == ec::internal); // has no token yet
  pass(40ms);
  CHECK_EQ(std::any_cast<int>(two->value), 2);
}

TEST(S4-56 other work runs between enqueueing and awaiting) {
  start();
  enqueue("tracks", test::times(5, lasting(50ms)));
  const auto other = execute(lasting(10ms, 7));
  pass(20ms);
  CHECK_EQ(std::any_cast<int>(other->value), 7);
  pass(100ms);
  const auto got = await("tracks"); // it has ended long ago
  CHECK(got->there);
  CHECK_EQ(got->view.succeeded, 5);
}

TEST(lesson 2 two overlapping batches of 100 all run once and pending returns to 0) {
  start();
  std::map<std::pair<std::string, std::size_t>, int> ends;
  const auto note = [&](const task_progress& p) { ++ends[{p.id, p.index}]; };
  const auto begin = ms();
  CHECK_EQ(pending(), 0);
  enqueue("first", test::times(100, lasting(80ms)), false, note);
  CHECK_EQ(pending(), 100);
  pass(300ms);
  enqueue("second", test::times(100, lasting(80ms)), false, note);
  const auto a = await("first");
  const auto b = await("second");
  pass(6s);
  REQUIRE(a->there);
  REQUIRE(b->there);
  CHECK_EQ(a->view.succeeded + b->view.succeeded, 200);
  CHECK_EQ(ends.size(), 200u);
  CHECK(std::all_of(ends.begin(), ends.end(), [](const auto& e) { return e.second == 1; }));
  CHECK_EQ(pending(), 0);
  // The rate holds: 40 at once and 40 a second.
  REQUIRE_EQ(starts.size(), 200u);
  for (std::size_t i = 40; i < starts.size(); ++i)
    CHECK(starts[i] - begin >= static_cast<std::int64_t>(i - 39) * 25);
  CHECK(starts.back() - begin <= 4'100);
}

TEST(lesson 3 an idle queue wakes for what is enqueued) {
  start();
  enqueue("a", test::times(1, lasting(1ms)));
  pass(10ms);
  advance(1h);
  const auto later = execute(lasting(1ms, 3));
  pass(10ms);
  CHECK(later->code == ec::none);
}

TEST(lesson 1 a task that executes another and waits finishes at concurrency 1) {
  start(1, 1);
  batch_task parent;
  parent.lane = "spotify";
  parent.work = [this](const task_context& context, task_completion done) {
    sys.spawn([=, to = batches, inner = lasting(10ms, 20)](caf::event_based_actor* me) -> caf::behavior {
      me->request(to, caf::infinite, task_execute{inner, context.self, 10'000'000}).then([=](const task_result& r) {
        done({ec::none, {}, {}, std::any{std::any_cast<int>(r.value) + 1}});
        me->quit();
      });
      return {[](int) {}};
    });
  };
  enqueue("parents", test::times(5, parent));
  const auto got = await("parents");
  pass(1s);
  REQUIRE(got->there);
  CHECK_EQ(got->view.succeeded, 5);
  CHECK_EQ(std::any_cast<int>(got->view.results[4].value), 21);
  CHECK_EQ(pending(), 0);
}

TEST(a task that awaits a whole batch of its own finishes at concurrency 1) {
  start(1, 1);
  batch_task parent;
  parent.lane = "lastfm";
  parent.work = [this](const task_context& context, task_completion done) {
    sys.spawn([=, this, to = batches](caf::event_based_actor* me) -> caf::behavior {
      batch_enqueue b;
      b.id = "inner";
      b.tasks = test::times(3, lasting(10ms, 1, "lastfm"));
      b.remaining_us = 10'000'000;
      b.parent = context.self;
      me->request(to, caf::infinite, b).then([=](const batch_ticket& t) {
        me->request(to, caf::infinite, batch_query{t.id, 0, 10, 10'000'000, context.self})
          .then([=](const batch_view& v) {
            done({ec::none, {}, {}, std::any{static_cast<int>(v.succeeded)}});
            me->quit();
          });
      });
      return {[](int) {}};
    });
  };
  const auto got = execute(parent);
  pass(1s);
  REQUIRE(got->code == ec::none);
  CHECK_EQ(std::any_cast<int>(got->value), 3);
  CHECK_EQ(pending(), 0);
}

TEST(S4-09 what arrives in one turn is admitted together) {
  start();
  as_actor([to = batches, t = lasting(1ms)](caf::event_based_actor* me) {
    for (int i = 0; i < 30; ++i)
      me->send(to, task_execute{t, {}, 1'000'000});
  });
  CHECK_EQ(starts.size(), 30u);
  CHECK_EQ(metric_of("troupe_batch_admissions_total"), 1);
}

TEST(C-31 an id that is pending and one that is unknown are errors) {
  start();
  CHECK_EQ(*enqueue("b", test::times(1, lasting(10ms))), "b");
  CHECK(enqueue("b", test::times(1, lasting(10ms)))->starts_with("error: id: "));
  CHECK(await("c")->code == ec::not_found);
  pass(20ms);
  CHECK_EQ(*enqueue("b", test::times(1, lasting(10ms))), "b");
}

TEST(a batch of one task more than the bound is refused as a whole) {
  limits.max_tasks = 10;
  start();
  CHECK_EQ(*enqueue("b", test::times(11, lasting(1ms))), "error: tasks: expected at most 10, got 11");
  CHECK(starts.empty());
  CHECK_EQ(pending(), 0);
}

TEST(a failed task is null beside its error and a strict batch fails with it) {
  start();
  enqueue("lenient", {lasting(10ms, 1), failing()});
  const auto lenient = await("lenient");
  enqueue("strict", {lasting(10ms, 1), failing(), lasting(10ms, 1)}, true);
  const auto strict = await("strict");
  pass(20ms);
  REQUIRE(lenient->there);
  CHECK_EQ(lenient->view.succeeded, 1);
  CHECK(lenient->view.results[1].code == ec::provider_failed);
  CHECK(!lenient->view.results[1].value.has_value());
  REQUIRE(strict->there);
  CHECK(strict->view.state == batch_state::failed);
  CHECK_EQ(strict->view.message, "task 1: no");
  CHECK_EQ(strict->view.cancelled, 2);
}

TEST(C-29 progress is told once a task and counts to the end) {
  start();
  std::vector<std::size_t> ended;
  enqueue("b", test::times(4, lasting(10ms)), false, [&](const task_progress& p) {
    ended.push_back(p.ended);
    CHECK_EQ(p.total, 4u);
    throw std::runtime_error{"a callback that throws harms nobody"};
  });
  pass(20ms);
  const std::vector<std::size_t> counted{1, 2, 3, 4};
  CHECK_EQ(ended, counted);
  CHECK(lines.has("its progress callback failed"));
}

TEST(cancelling answers who waits and starts nothing more) {
  start(2);
  enqueue("b", test::times(10, lasting(50ms)));
  const auto got = await("b");
  CHECK_EQ(starts.size(), 2u);
  caf::anon_send(batches, batch_cancel{"b"});
  settle();
  REQUIRE(got->there);
  CHECK(got->view.state == batch_state::cancelled);
  CHECK_EQ(got->view.results.size(), 10u);
  CHECK_EQ(pending(), 2); // they still run
  pass(100ms);
  CHECK_EQ(starts.size(), 2u);
  CHECK_EQ(pending(), 0);
  CHECK_EQ(metric_of("troupe_batch_tasks_total", "cancelled"), 10);
}

TEST(a running function hears that nobody waits for it any more) {
  start();
  std::shared_ptr<const std::atomic<bool>> flag;
  task_completion keep;
  batch_task t;
  t.work = [&](const task_context& context, task_completion done) {
    flag = context.cancelled;
    keep = std::move(done);
  };
  const auto r = execute(t, 1s);
  REQUIRE(flag != nullptr);
  CHECK(!flag->load());
  advance(1s);
  CHECK(flag->load());
  CHECK(r->code == ec::deadline_exceeded);
  keep({});
  settle();
  CHECK_EQ(pending(), 0);
}

TEST(a function that throws or drops its completion fails its task) {
  start();
  batch_task thrower;
  thrower.work = [](const task_context&, const task_completion&) { throw std::runtime_error{"broken"}; };
  CHECK_EQ(execute(thrower)->message, "broken");
  batch_task dropper;
  dropper.work = [](const task_context&, const task_completion&) {};
  CHECK(execute(dropper)->code == ec::internal);
  CHECK(execute(lasting(1ms, 1, "nobody"))->code == ec::bad_request);
  CHECK_EQ(pending(), 0);
}

TEST(a wait that is over is answered with how the batch stands) {
  start();
  enqueue("b", test::times(2, lasting(100ms)));
  const auto got = await("b", 50ms);
  advance(50ms);
  REQUIRE(got->there);
  CHECK(got->view.state == batch_state::running);
  CHECK_EQ(got->view.running, 2);
  CHECK(got->view.results.empty());
}

TEST(S4-42 a high pending count is warned of once) {
  start();
  enqueue("b", test::times(101, lasting(1ms)));
  enqueue("c", test::times(101, lasting(1ms)));
  CHECK(lines.has("warning High pending count: 101 tasks queued"));
  CHECK(!lines.has("202 tasks"));
}

TEST(who waits when the node stops is told) {
  start(1);
  enqueue("b", test::times(3, lasting(1h)));
  const auto batch_waiter = await("b");
  const auto task_waiter = execute(lasting(1h));
  self->send_exit(batches, caf::exit_reason::user_shutdown);
  settle();
  REQUIRE(batch_waiter->there);
  CHECK(batch_waiter->view.state == batch_state::cancelled);
  CHECK(task_waiter->code == ec::cancelled);
}

CAF_TEST_FIXTURE_SCOPE_END()
