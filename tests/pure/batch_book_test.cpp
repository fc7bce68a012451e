#define TEST_SUITE batch_book
#include "tests/support/test.hpp"

#include "actors/batch/batch_book.hpp"
#include "actors/timer/pending_alarm.hpp"

#include <random>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

batch_book::settings small(std::size_t concurrency = 2, std::size_t all = 4) {
  batch_book::settings s;
  s.max_tasks = 100;
  s.max_held = 300;
  s.concurrency = concurrency;
  s.concurrency_all = all;
  s.keep = 60s;
  s.max_bytes = 1'000;
  return s;
}

batch_book::new_batch tasks(std::string id, std::size_t n, std::chrono::nanoseconds deadline = 1h) {
  batch_book::new_batch b;
  b.id = std::move(id);
  b.tasks = n;
  b.deadline = deadline;
  return b;
}

task_result good(std::string text = "1") {
  return {ec::none, {}, blob{std::move(text)}, {}};
}

task_result bad(ec code = ec::provider_failed) {
  return {code, "status 503", {}, {}};
}

std::uint64_t admit(batch_book& book, batch_book::new_batch b, std::chrono::nanoseconds now = 0s) {
  const auto a = book.enqueue(now, std::move(b));
  REQUIRE(a.has_value());
  return a.value().serial;
}

void complete(batch_book& book, task_ref t, task_result r = good(), std::chrono::nanoseconds now = 0s) {
  book.finish(now, t, std::move(r));
  book.release(t);
}

} // namespace

TEST(S4-52 results come in task order whatever the order in which tasks end) {
  batch_book book{small(3)};
  const auto serial = admit(book, tasks("b", 3));
  const auto started = book.start();
  REQUIRE_EQ(started.size(), 3u);
  CHECK(book.view(serial, 0, 9).results.empty());
  for (const auto i : {2u, 0u, 1u})
    complete(book, started[i], good(std::to_string(started[i].index)));
  const auto v = book.view(serial, 0, 9);
  CHECK(v.state == batch_state::finished);
  REQUIRE_EQ(v.results.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK_EQ(std::string{v.results[i].data.view()}, std::to_string(i));
  CHECK_EQ(book.view(serial, 1, 1).results.size(), 1u);
  CHECK_EQ(book.view(serial, 7, 1).results.size(), 0u);
}

TEST(C-31 a failed task is null beside its error and the batch finishes) {
  batch_book book{small(3)};
  const auto serial = admit(book, tasks("b", 2));
  const auto started = book.start();
  complete(book, started[0], {ec::provider_failed, "status 503", blob{"half"}, std::any{1}});
  complete(book, started[1]);
  const auto v = book.view(serial, 0, 9);
  CHECK(v.state == batch_state::finished);
  CHECK_EQ(v.failed, 1);
  CHECK_EQ(v.succeeded, 1);
  CHECK(v.results[0].data.empty());
  CHECK(!v.results[0].value.has_value());
  CHECK_EQ(v.results[0].message, "status 503");
}

TEST(a strict batch fails when a result has no room) {
  batch_book book{small(2)};
  auto b = tasks("b", 1);
  b.strict = true;
  const auto serial = admit(book, std::move(b));
  complete(book, book.start()[0], good(std::string(1'001, 'x')));
  const auto v = book.view(serial, 0, 9);
  CHECK(v.state == batch_state::failed);
  CHECK(v.code == ec::overloaded);
}

TEST(a strict batch fails with its first failure and starts nothing more) {
  batch_book book{small(2)};
  auto b = tasks("b", 5);
  b.strict = true;
  const auto serial = admit(book, std::move(b));
  const auto started = book.start();
  REQUIRE_EQ(started.size(), 2u);
  complete(book, started[1], bad());
  const auto v = book.view(serial, 0, 9);
  CHECK(v.state == batch_state::failed);
  CHECK_EQ(v.message, "task 1: status 503");
  CHECK(v.code == ec::provider_failed);
  CHECK_EQ(v.cancelled, 4);
  CHECK(book.start().empty());
  CHECK_EQ(book.pending(), 1u); // the one that still runs
  complete(book, started[0]);
  CHECK_EQ(book.pending(), 0u);
  CHECK_EQ(book.view(serial, 0, 9).cancelled, 4);
}

TEST(a pending id cannot be used again and an ended one can) {
  batch_book book{small()};
  const auto first = admit(book, tasks("b", 1));
  const auto again = book.enqueue(0s, tasks("b", 1));
  REQUIRE(!again.has_value());
  CHECK(again.error().code == ec::bad_request);
  complete(book, book.start().at(0));
  const auto second = admit(book, tasks("b", 1));
  CHECK(second != first);
  CHECK_EQ(*book.find("b"), second);
  CHECK(!book.find("c"));
}

TEST(what cannot be admitted leaves nothing behind) {
  batch_book book{small()};
  for (auto& b : std::vector{tasks("b", 0), tasks("b", 101), tasks("b", 1, 0s), tasks("b b", 1), tasks("b/", 1),
         tasks(std::string(129, 'b'), 1)})
    CHECK(!book.enqueue(0s, b).has_value());
  CHECK_EQ(book.pending(), 0u);
  CHECK_EQ(book.held_tasks(), 0u);
  CHECK(!book.find("b"));
  for (const auto* id : {"a", "b", "c"})
    admit(book, tasks(id, 100));
  const auto full = book.enqueue(0s, tasks("d", 1));
  REQUIRE(!full.has_value());
  CHECK(full.error().code == ec::overloaded);
}

TEST(an idempotency key stands for the same batch and refuses another body) {
  batch_book book{small()};
  auto b = tasks("one", 1);
  b.key = "k";
  b.fingerprint = "f";
  const auto serial = admit(book, b);
  b.id = "two";
  const auto again = book.enqueue(0s, b);
  REQUIRE(again.has_value());
  CHECK(again.value().repeated);
  CHECK_EQ(again.value().serial, serial);
  CHECK(!book.find("two"));
  b.fingerprint = "g";
  const auto other = book.enqueue(0s, b);
  REQUIRE(!other.has_value());
  CHECK(other.error().message.starts_with("Idempotency-Key: "));
  complete(book, book.start().at(0));
  book.expire(61s);
  CHECK(!book.enqueue(61s, b).value().repeated); // forgotten with its batch
}

TEST(no batch has more slots than its bound and all together no more than theirs) {
  batch_book book{small(2, 5)};
  for (const auto* id : {"a", "b", "c", "d"})
    admit(book, tasks(id, 10));
  auto started = book.start();
  REQUIRE_EQ(started.size(), 5u);
  std::map<std::uint64_t, int> by_batch;
  for (const auto t : started)
    ++by_batch[t.batch];
  CHECK_EQ(by_batch.size(), 4u); // by turns
  CHECK(book.start().empty());
  complete(book, started[0]);
  CHECK_EQ(book.start().size(), 1u);
}

TEST(a small batch does not stand behind a large one) {
  batch_book book{small(100, 2)};
  admit(book, tasks("large", 100));
  auto started = book.start();
  REQUIRE_EQ(started.size(), 2u);
  const auto small_one = admit(book, tasks("small", 1));
  complete(book, started[0]);
  complete(book, started[1]);
  started = book.start();
  REQUIRE_EQ(started.size(), 2u);
  CHECK(started[0].batch == small_one || started[1].batch == small_one);
}

TEST(lesson 1 a task that waits for another gives up its slot and comes back before others start) {
  batch_book book{small(1, 1)};
  admit(book, tasks("b", 2));
  const auto parent = book.start().at(0);
  batch_book::new_batch nested = tasks("", 1);
  nested.parent = parent;
  admit(book, nested);
  CHECK(book.begin_wait(parent));
  const auto next = book.start();
  REQUIRE_EQ(next.size(), 1u); // the batch's other task or the nested one: it is their turn
  complete(book, next[0]);
  const auto after = book.start();
  REQUIRE_EQ(after.size(), 1u);
  complete(book, after[0]);
  book.end_wait(parent, 7);
  CHECK(book.take_ready().empty());
  CHECK(book.start().empty()); // nothing else is left
  CHECK_EQ(book.take_ready(), std::vector<std::uint64_t>{7});
  complete(book, parent);
  CHECK_EQ(book.pending(), 0u);
}

TEST(a task that comes back waits for a slot and the next free one is its) {
  batch_book book{small(10, 1)};
  admit(book, tasks("b", 3));
  const auto parent = book.start().at(0);
  CHECK(book.begin_wait(parent));
  const auto other = book.start().at(0);
  book.end_wait(parent, 7);
  CHECK(book.start().empty());
  CHECK(book.take_ready().empty());
  complete(book, other);
  CHECK(book.start().empty());
  CHECK_EQ(book.take_ready(), std::vector<std::uint64_t>{7});
}

TEST(a task that waits for several comes back with the last of them) {
  batch_book book{small(10, 1)};
  admit(book, tasks("b", 1));
  const auto parent = book.start().at(0);
  CHECK(book.begin_wait(parent));
  CHECK(!book.begin_wait(parent)); // it has no slot any more
  book.end_wait(parent, 1);
  CHECK_EQ(book.take_ready(), std::vector<std::uint64_t>{1});
  book.end_wait(parent, 2);
  CHECK(book.take_ready().empty());
  CHECK(book.start().empty());
  CHECK_EQ(book.take_ready(), std::vector<std::uint64_t>{2});
}

TEST(what a task waited for is handed out when the task is gone) {
  batch_book book{small(10, 1)};
  const auto serial = admit(book, tasks("b", 1));
  const auto parent = book.start().at(0);
  CHECK(book.begin_wait(parent));
  book.cancel(0s, serial);
  book.release(parent);
  book.end_wait(parent, 1);
  CHECK_EQ(book.take_ready(), std::vector<std::uint64_t>{1});
  CHECK_EQ(book.pending(), 0u);
}

TEST(tasks cannot be nested without end) {
  batch_book book{small(1, 1)};
  task_ref parent;
  int depth = 0;
  for (; depth < 100; ++depth) {
    auto b = tasks("", 1);
    b.parent = parent;
    const auto a = book.enqueue(0s, b);
    if (!a)
      break;
    parent = book.start().at(0);
    CHECK(book.begin_wait(parent));
  }
  CHECK_EQ(depth, 17); // one and 16 within
}

TEST(a cancelled batch ends at once and a late result changes nothing) {
  batch_book book{small()};
  const auto serial = admit(book, tasks("b", 5));
  const auto started = book.start();
  complete(book, started[0]);
  book.cancel(1s, serial);
  CHECK_EQ(book.take_finished(), std::vector<std::uint64_t>{serial});
  CHECK_EQ(book.take_endings().size(), 5u);
  complete(book, started[1]);
  CHECK(book.take_endings().empty());
  const auto v = book.view(serial, 0, 9);
  CHECK(v.state == batch_state::cancelled);
  CHECK_EQ(v.succeeded, 1);
  CHECK_EQ(v.cancelled, 4);
  CHECK(v.results[1].code == ec::cancelled);
  book.cancel(2s, serial);
  CHECK(book.take_finished().empty());
}

TEST(a deadline ends what is queued and what runs and its slot stays taken until it is given back) {
  batch_book book{small(1, 1)};
  auto b = tasks("b", 3, 10s);
  b.own_deadlines = {{2, 5s}};
  const auto serial = admit(book, b);
  const auto started = book.start();
  CHECK_EQ(book.next_wake()->count(), std::chrono::nanoseconds{5s}.count());
  book.expire(5s);
  CHECK_EQ(book.take_endings().at(0).task.index, 2u);
  CHECK(book.is_pending(serial));
  book.expire(10s);
  const auto v = book.view(serial, 0, 9);
  CHECK(v.state == batch_state::finished);
  CHECK_EQ(v.failed, 3);
  CHECK(v.results[0].code == ec::deadline_exceeded);
  admit(book, tasks("next", 1), 10s);
  CHECK(book.start().empty());
  book.release(started[0]);
  CHECK_EQ(book.start().size(), 1u);
}

TEST(results are kept for their time and leave in the order of their end when memory is short) {
  batch_book book{small()};
  for (const auto* id : {"a", "b"}) {
    admit(book, tasks(id, 1));
    complete(book, book.start().at(0), good(std::string(400, 'x')));
  }
  CHECK_EQ(book.held_bytes(), 800u);
  admit(book, tasks("c", 1));
  complete(book, book.start().at(0), good(std::string(400, 'x')), 1s);
  CHECK(!book.find("a"));
  CHECK(book.find("b"));
  admit(book, tasks("d", 1));
  complete(book, book.start().at(0), good(std::string(2'000, 'x')), 1s);
  const auto v = book.view(*book.find("d"), 0, 1);
  CHECK(v.results[0].code == ec::overloaded); // the call was made, its answer has no room
  book.expire(61s);
  CHECK_EQ(book.held_tasks(), 0u);
  CHECK_EQ(book.held_bytes(), 0u);
  CHECK(!book.next_wake());
}

TEST(S4-42 a high pending count is said once per episode) {
  pending_alarm alarm;
  CHECK(!alarm.rises(100));
  CHECK(alarm.rises(101));
  CHECK(!alarm.rises(5'000));
  CHECK(!alarm.rises(100));
  CHECK(!alarm.rises(101)); // it only hovers
  CHECK(!alarm.rises(49));
  CHECK(alarm.rises(101));
}

// Whatever happens, each task ends once, slots are neither lost nor exceeded, and in the end nothing is left.
TEST(a million random events lose no task and no slot) {
  std::mt19937 random{42};
  const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>{0, n - 1}(random); };
  auto cfg = small(3, 8);
  cfg.max_bytes = 200;
  batch_book book{cfg};
  std::vector<task_ref> running;
  std::vector<std::pair<task_ref, bool>> waits; // who waits
  std::map<task_ref, int> ends;
  std::size_t admitted = 0;
  std::size_t ended = 0;
  std::uint64_t token = 0;
  std::uint64_t delivered = 0;
  auto now = 0ns;
  const auto take = [&] {
    for (const auto& e : book.take_endings()) {
      ++ended;
      if (++ends[e.task] != 1)
        CAF_FAIL("a task ended twice");
    }
    for (const auto t : book.start())
      running.push_back(t);
    delivered += book.take_ready().size();
    for (const auto serial : book.take_finished())
      if (book.is_known(serial) && book.id_of(serial).empty())
        book.forget(serial);
  };
  for (int step = 0; step < 1'000'000; ++step) {
    now += std::chrono::milliseconds{pick(200)};
    switch (pick(8)) {
    case 0: {
      auto b = tasks(pick(3) == 0 ? "" : "b" + std::to_string(pick(6)), 1 + pick(5), now + 1s * (1 + pick(20)));
      if (b.id.empty())
        b.tasks = 1;
      b.strict = pick(3) == 0;
      if (!running.empty() && pick(2) == 0)
        b.parent = running[pick(running.size())];
      if (pick(3) == 0)
        b.own_deadlines = {{0, now + 100ms}};
      const auto n = b.tasks;
      if (book.enqueue(now, std::move(b)))
        admitted += n;
      break;
    }
    case 1:
    case 2:
    case 3:
      if (!running.empty()) {
        const auto i = pick(running.size());
        const auto t = running[i];
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
        complete(book, t, pick(4) == 0 ? bad() : good("12345"), now);
      }
      break;
    case 4:
      if (!running.empty()) {
        const auto t = running[pick(running.size())];
        static_cast<void>(book.begin_wait(t));
        waits.emplace_back(t, true);
      }
      break;
    case 5:
      if (!waits.empty()) {
        book.end_wait(waits.back().first, ++token);
        waits.pop_back();
      }
      break;
    case 6:
      if (const auto b = book.find("b" + std::to_string(pick(6))); b && pick(4) == 0)
        book.cancel(now, *b);
      break;
    default:
      book.expire(now);
    }
    take();
    if (book.running() != running.size())
      CAF_FAIL("slots were lost");
  }
  book.cancel_all(now);
  while (!running.empty()) {
    complete(book, running.back(), good(), now);
    running.pop_back();
    take();
  }
  for (; !waits.empty(); waits.pop_back())
    book.end_wait(waits.back().first, ++token);
  take();
  book.expire(now + 61s);
  CHECK_EQ(ended, admitted);
  CHECK_EQ(delivered, token);
  CHECK_EQ(book.pending(), 0u);
  CHECK_EQ(book.open_batches(), 0u);
}
