// Jobs of an actor on the storage's threads: when it hears of them, and when it hears without them.
#define TEST_SUITE pool
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "actors/pool/pool.hpp"
#include "actors/timer/timer.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/support/held_pool.hpp"
#include "tests/support/results.hpp"
#include "tests/support/temp_directory.hpp"

#include <stdexcept>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

using asked_actor = caf::typed_actor<caf::replies_to<std::int64_t>::with<std::string>,
  caf::reacts_to<job_ended_atom, std::uint64_t>, caf::reacts_to<tick_atom>>;

using work = std::function<result<std::string>(storage::sql&)>;

struct asked_state {
  std::optional<pool_jobs> jobs;
  wake_up tick;
};

/// An actor that runs one kind of job, as long as it is asked to wait for it (microseconds).
asked_actor::behavior_type asked(
  asked_actor::stateful_pointer<asked_state> self, std::shared_ptr<storage::sql_pool> pool, work what) {
  self->state.jobs.emplace(std::move(pool));
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    self->state.jobs->cancel();
    self->quit(stop.reason);
  });
  return {
    [self, what](std::int64_t remaining_us) {
      auto& s = self->state;
      auto promise = self->make_response_promise<std::string>();
      s.jobs->run<std::string>(self, storage::job_kind::write, std::chrono::microseconds{remaining_us}, what,
        [promise](result<std::string> done) { deliver(promise, std::move(done)); });
      wake_at(self, s.tick, s.jobs->next());
      return promise;
    },
    [self](job_ended_atom, std::uint64_t number) { self->state.jobs->ended(number); },
    [self](tick_atom) {
      auto& s = self->state;
      const auto now = self->clock().now();
      if (!s.tick.rang(now))
        return;
      s.jobs->expire(now);
      wake_at(self, s.tick, s.jobs->next());
    },
  };
}

// The pool counts real time and the actor the test's: long enough that only the latter passes.
constexpr std::int64_t one_minute = 60'000'000;
constexpr std::int64_t no_end = INT64_MAX;

struct world : test::actors {
  test::temp_directory dir;
  test::held_pool storage{test::value_of(troupe::storage::sqlite::database::open({.path = dir.file("main.db")}))};
  int ran = 0; // on the pool's thread; read when that is known to wait
  std::promise<void> entered;
  std::promise<void> go;

  asked_actor start(work what) { return sys.spawn(asked, storage.pool(), std::move(what)); }

  work counting() {
    return [this](storage::sql&) -> result<std::string> { return "run " + std::to_string(++ran); };
  }

  /// A job that says when it has begun and then hangs until the test lets it go.
  work hanging() {
    return [this](storage::sql&) -> result<std::string> {
      entered.set_value();
      go.get_future().wait();
      return std::string{"done"};
    };
  }

  auto ask(const asked_actor& who, std::int64_t remaining_us) {
    auto asking = self->request(who, caf::infinite, remaining_us);
    settle();
    return asking;
  }

  /// The answer that has come: its text, or its error's code and message.
  template <class Asking>
  std::string outcome(Asking& asking) {
    auto got = std::string{"nothing"};
    asking.receive([&](const std::string& text) { got = text; },
      [&](const caf::error& e) {
        const auto what = from_caf(e);
        got = std::string{to_string(what.code)} + ": " + what.message;
      });
    return got;
  }

  void stop(const asked_actor& who) {
    self->send_exit(who, caf::exit_reason::user_shutdown);
    settle();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(pool_tests, world)

TEST(what a job gives and what it fails with reaches whoever asked) {
  const auto counted = start(counting());
  auto first = ask(counted, one_minute);
  auto second = ask(counted, one_minute);
  storage.work();
  settle();
  CHECK_EQ(outcome(first), "run 1");
  CHECK_EQ(outcome(second), "run 2");
  const auto failing =
    start([](storage::sql&) -> result<std::string> { return fail(ec::bad_request, "key: too long"); });
  const auto throwing = start([](storage::sql&) -> result<std::string> { throw std::runtime_error{"oh"}; });
  auto failed = ask(failing, one_minute);
  auto thrown = ask(throwing, no_end);
  storage.work();
  settle();
  CHECK_EQ(outcome(failed), "bad_request: key: too long");
  CHECK_EQ(outcome(thrown), "internal: a storage job threw: oh");
  for (const auto& each : {counted, failing, throwing})
    stop(each);
}

TEST(a job whose deadline passes before it begins is answered then and never runs) {
  const auto who = start(counting());
  auto hasty = ask(who, one_minute);
  auto patient = ask(who, no_end);
  advance(1min);
  CHECK_EQ(outcome(hasty), "deadline_exceeded: the deadline passed while the job waited for the storage");
  storage.work();
  settle();
  CHECK_EQ(outcome(patient), "run 1");
  CHECK_EQ(ran, 1);
  stop(who);
}

TEST(a deadline that is over already is answered at once) {
  const auto who = start(counting());
  auto asking = ask(who, -5);
  advance(1us);
  CHECK(outcome(asking).starts_with("deadline_exceeded"));
  storage.work();
  settle();
  CHECK_EQ(ran, 0);
  stop(who);
}

TEST(a job that is at work at its deadline has a little longer) {
  const auto who = start(hanging());
  auto asking = ask(who, one_minute);
  storage.begin();
  entered.get_future().wait();
  advance(1min);
  advance(999ms);
  go.set_value();
  storage.join();
  settle();
  CHECK_EQ(outcome(asking), "done");
  stop(who);
}

TEST(a job that hangs is answered without it and its end is no matter then) {
  const auto who = start(hanging());
  auto asking = ask(who, one_minute);
  storage.begin();
  entered.get_future().wait();
  advance(1min);
  advance(1s);
  CHECK_EQ(outcome(asking), "deadline_exceeded: the storage did not answer in time; it may still do what was asked");
  go.set_value();
  storage.join();
  settle();
  stop(who);
}

TEST(an actor that ends answers everybody and what has not begun does not run) {
  const auto busy = start(hanging());
  const auto waiting = start(counting());
  auto at_work = ask(busy, one_minute);
  auto queued = ask(waiting, one_minute);
  storage.begin();
  entered.get_future().wait();
  stop(busy);
  stop(waiting);
  CHECK_EQ(outcome(at_work), "cancelled: shutting down");
  CHECK_EQ(outcome(queued), "cancelled: shutting down");
  go.set_value();
  storage.join();
  settle();
  CHECK_EQ(ran, 0);
}

TEST(what the pool refuses is answered with its own word) {
  const auto who = start(counting());
  storage.finish();
  auto asking = ask(who, one_minute);
  CHECK_EQ(outcome(asking), "cancelled: the storage is shutting down");
  stop(who);
}

CAF_TEST_FIXTURE_SCOPE_END()
