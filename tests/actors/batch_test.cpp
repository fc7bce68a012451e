#define TEST_SUITE batch
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "actors/batch/batch.hpp"
#include "actors/rate_limiter/rate_limiter.hpp"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

/// Functions that end when the test says so, or after a time of the virtual clock.
struct world : test::actors {
  rate_limiter_actor limiter;
  orchestrator_actor orchestrator;
  batch_actor batches;
  std::vector<fetch> fetched;
  std::vector<caf::typed_response_promise<outcome>> answers;
  std::vector<std::int64_t> starts; // of function tasks, ms since the beginning
  batch_book::settings limits;
  caf::actor caller;

  static orchestrator_actor::behavior_type fake(orchestrator_actor::pointer me, world* w) {
    return {
      [=](fetch& f) {
        w->fetched.push_back(f);
        w->answers.push_back(me->make_response_promise<outcome>());
        return w->answers.back();
      },
      [](const fetch_cancel&) {},
      [](const circuit_order&) { return circuit_report{}; },
      [](const provider_drains&) {},
      [](tick_atom) {},
      [w](stats_atom) { return w->run_inside(); },
    };
  }

  void start(std::size_t concurrency = 128, int lane_concurrency = 100) {
    permit_book::settings s;
    s.rate = 40;
    s.burst = 40;
    s.lanes = {{"spotify", 1'000, 1'000, lane_concurrency}, {"lastfm", 1'000, 1'000, lane_concurrency}};
    s.jitter = 0us; // the tests say exactly when
    limiter = sys.spawn(rate_limiter, rate_limiter_settings{s, lines.log});
    orchestrator = sys.spawn(fake, this);
    limits.concurrency = concurrency;
    limits.concurrency_all = concurrency;
    batches = sys.spawn(batch, batch_actor_settings{limits, lines.log}, batch_peers{orchestrator, limiter});
    caller = sys.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
    settle();
  }

  /// Runs `f(me)` in an actor of its own.
  template <class F>
  void as_actor(F f) {
    helpers.push_back(sys.spawn([f](caf::event_based_actor* me) -> caf::behavior {
      f(me);
      return {[](int) {}};
    }));
    settle();
  }

  /// A function that takes so long and then has its number as value.
  batch_task lasting(std::chrono::milliseconds time, int value = 0, std::string lane = "spotify") {
    batch_task t;
    t.lane = std::move(lane);
    t.work = [this, time, value](const task_context&, task_completion done) {
      starts.push_back(ms());
      sys.spawn([=](caf::event_based_actor* me) -> caf::behavior {
        me->delayed_send(me, time, 1);
        return {[=](int) {
          done({ec::none, {}, {}, std::any{value}});
          me->quit();
        }};
      });
    };
    return t;
  }

  batch_task failing() {
    batch_task t;
    t.work = [](const task_context&, const task_completion& done) { done({ec::provider_failed, "no", {}, {}}); };
    return t;
  }

  std::int64_t ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(sched.clock().now().time_since_epoch()).count();
  }

  std::shared_ptr<std::string> enqueue(std::string id, std::vector<batch_task> tasks, bool strict = false,
    task_observer progress = {}, std::chrono::microseconds time = 1h) {
    auto said = std::make_shared<std::string>("?");
    batch_enqueue b;
    b.id = std::move(id);
    b.tasks = std::move(tasks);
    b.strict = strict;
    b.remaining_us = time.count();
    b.progress = std::move(progress);
    as_actor([=, to = batches](caf::event_based_actor* me) {
      me->request(to, caf::infinite, b)
        .then([said](const batch_ticket& t) { *said = t.id; },
          [said](const caf::error& e) { *said = "error: " + from_caf(e).message; });
    });
    return said;
  }

  struct seen {
    bool there = false;
    ec code = ec::none;
    batch_view view;
  };

  std::shared_ptr<seen> await(std::string id, std::chrono::microseconds wait = 10h) {
    auto out = std::make_shared<seen>();
    as_actor(
      [=, to = batches, q = batch_query{std::move(id), 0, 100'000, wait.count(), {}}](caf::event_based_actor* me) {
        me->request(to, caf::infinite, q)
          .then(
            [out](batch_view& v) {
              *out = {true, ec::none, std::move(v)};
            },
            [out](const caf::error& e) {
              *out = {true, from_caf(e).code, {}};
            });
      });
    return out;
  }

  std::shared_ptr<task_result> execute(batch_task t, std::chrono::microseconds time = 10min) {
    auto out = std::make_shared<task_result>(task_result{ec::internal, "nothing yet", {}, {}});
    as_actor([=, to = batches, e = task_execute{std::move(t), {}, time.count()}](caf::event_based_actor* me) {
      me->request(to, caf::infinite, e).then([out](task_result& r) { *out = std::move(r); });
    });
    return out;
  }

  std::int64_t metric_of(const std::string& name, const std::string& label = {}) {
    std::int64_t value = -1;
    auto asked = self->request(batches, caf::infinite, stats_atom::value);
    settle();
    asked.receive(
      [&](const metrics& all) {
        for (const auto& m : all)
          if (m.name == name && (label.empty() || (!m.labels.empty() && m.labels[0].second == label)))
            value = m.value;
      },
      [](const caf::error&) {});
    return value;
  }

  std::int64_t pending() {
    std::int64_t n = -1;
    auto asked = self->request(batches, caf::infinite, pending_atom::value);
    settle();
    asked.receive([&](std::int64_t got) { n = got; }, [](const caf::error&) {});
    return n;
  }

  void answer(std::size_t i, outcome o) {
    inside(orchestrator, [this, i, o] { answers[i].deliver(o); });
  }

  /// Virtual time in small steps, so that what ends in between lets others start.
  void pass(std::chrono::milliseconds time, std::chrono::milliseconds step = 5ms) {
    for (auto left = time; left > 0ms; left -= step)
      advance(step);
  }

  std::vector<caf::actor> helpers;

  ~world() override {
    answers.clear();
    for (auto& h : helpers)
      self->send_exit(h, caf::exit_reason::user_shutdown);
    for (const auto& a : {caf::actor_cast<caf::actor>(batches), caf::actor_cast<caf::actor>(limiter),
           caf::actor_cast<caf::actor>(orchestrator), caller})
      if (a)
        self->send_exit(a, caf::exit_reason::user_shutdown);
    settle();
  }
};

std::vector<batch_task> times(std::size_t n, const batch_task& t) {
  return std::vector<batch_task>(n, t);
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(batch_tests, world)

TEST(S4-36 of a burst of fifty forty start at once and ten within the next quarter of a second) {
  start();
  const auto begin = ms();
  enqueue("fifty", times(50, lasting(80ms)));
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
  enqueue("b", times(39, lasting(10ms)));
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
  enqueue("tracks", times(5, lasting(50ms)));
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
  enqueue("first", times(100, lasting(80ms)), false, note);
  CHECK_EQ(pending(), 100);
  pass(300ms);
  enqueue("second", times(100, lasting(80ms)), false, note);
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
  enqueue("a", times(1, lasting(1ms)));
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
    sys.spawn([=, this, to = batches, inner = lasting(10ms, 20)](caf::event_based_actor* me) -> caf::behavior {
      me->request(to, caf::infinite, task_execute{inner, context.self, 10'000'000}).then([=](const task_result& r) {
        done({ec::none, {}, {}, std::any{std::any_cast<int>(r.value) + 1}});
        me->quit();
      });
      return {[](int) {}};
    });
  };
  enqueue("parents", times(5, parent));
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
      b.tasks = times(3, lasting(10ms, 1, "lastfm"));
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
  CHECK_EQ(*enqueue("b", times(1, lasting(10ms))), "b");
  CHECK(enqueue("b", times(1, lasting(10ms)))->starts_with("error: id: "));
  CHECK(await("c")->code == ec::not_found);
  pass(20ms);
  CHECK_EQ(*enqueue("b", times(1, lasting(10ms))), "b");
}

TEST(a batch of one task more than the bound is refused as a whole) {
  limits.max_tasks = 10;
  start();
  CHECK_EQ(*enqueue("b", times(11, lasting(1ms))), "error: tasks: expected at most 10, got 11");
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
  enqueue("b", times(4, lasting(10ms)), false, [&](const task_progress& p) {
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
  enqueue("b", times(10, lasting(50ms)));
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
  enqueue("b", times(2, lasting(100ms)));
  const auto got = await("b", 50ms);
  advance(50ms);
  REQUIRE(got->there);
  CHECK(got->view.state == batch_state::running);
  CHECK_EQ(got->view.running, 2);
  CHECK(got->view.results.empty());
}

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

TEST(S4-42 a high pending count is warned of once) {
  start();
  enqueue("b", times(101, lasting(1ms)));
  enqueue("c", times(101, lasting(1ms)));
  CHECK(lines.has("warning High pending count: 101 tasks queued"));
  CHECK(!lines.has("202 tasks"));
}

TEST(who waits when the node stops is told) {
  start(1);
  enqueue("b", times(3, lasting(1h)));
  const auto batch_waiter = await("b");
  const auto task_waiter = execute(lasting(1h));
  self->send_exit(batches, caf::exit_reason::user_shutdown);
  settle();
  REQUIRE(batch_waiter->there);
  CHECK(batch_waiter->view.state == batch_state::cancelled);
  CHECK(task_waiter->code == ec::cancelled);
}

CAF_TEST_FIXTURE_SCOPE_END()
