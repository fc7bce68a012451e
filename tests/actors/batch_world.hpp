// A batch actor between a real rate limiter and an orchestrator that answers when a test says so.
#pragma once

#include "actors/batch/batch.hpp"
#include "actors/rate_limiter/rate_limiter.hpp"
#include "tests/support/actors.hpp"

namespace troupe::test {

using namespace std::chrono_literals;

/// Functions that end when the test says so, or after a time of the virtual clock.
struct batch_world : actors {
  rate_limiter_actor limiter;
  orchestrator_actor orchestrator;
  batch_actor batches;
  std::vector<fetch> fetched;
  std::vector<std::uint64_t> taken_back; // of the fetches
  std::vector<caf::typed_response_promise<outcome>> answers;
  std::vector<std::int64_t> starts; // of function tasks, ms since the beginning
  batch_book::settings limits;
  caf::actor caller;

  static orchestrator_actor::behavior_type fake(orchestrator_actor::pointer me, batch_world* w) {
    return {
      [=](fetch& f) {
        w->fetched.push_back(f);
        w->answers.push_back(me->make_response_promise<outcome>());
        return w->answers.back();
      },
      [w](const fetch_cancel& c) { w->taken_back.push_back(c.id); },
      [](const fetch_hurry&) {},
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

  ~batch_world() override {
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

inline std::vector<batch_task> times(std::size_t n, const batch_task& t) {
  return std::vector<batch_task>(n, t);
}

} // namespace troupe::test
