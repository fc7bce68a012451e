// What is queued, running and done, by batch. One book for all batches of a node: it admits them, says which task may
// start next, takes results in, and keeps them in task order until their time is over. Pure: `now` is an argument.
// Invariants: every admitted task ends exactly once, whatever its batch, its deadline and its parent do; a slot is held
// from start() until release(), however the task was ended meanwhile; a task that waits for others holds no slot, so
// tasks that execute tasks never wait for each other in a circle; everything is bounded.
#pragma once

#include "messages/result.hpp"
#include "messages/task.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {

class batch_book {
public:
  using time = std::chrono::nanoseconds; // of a monotonic clock, since any fixed point

  struct settings {
    std::size_t max_tasks = 100'000; // of one batch
    std::size_t max_held = 400'000;  // of all that are kept, ended ones included: some 100 MB
    // Of one batch. At 40 calls a second that take an attempt time-out of 3 s each, 120 are under way.
    std::size_t concurrency = 128;
    // Of all. Batches that wait for a paused lane keep their slots: four of them leave none for others.
    std::size_t concurrency_all = 512;
    std::chrono::nanoseconds keep = std::chrono::hours{1}; // ended batches
    std::size_t max_bytes = 256U << 20;                    // of results
  };

  struct new_batch {
    std::string id; // empty: one task that is forgotten once it has ended
    std::size_t tasks = 0;
    bool strict = false;
    time deadline{};
    std::vector<std::pair<std::uint32_t, time>> own_deadlines; // of tasks that have one
    std::string key;                                           // of idempotency; empty: none
    std::string fingerprint;
    task_ref parent;
    std::string label;
  };

  struct admission {
    std::uint64_t serial = 0;
    bool repeated = false; // the key is known: this is the batch that came with it
  };

  /// A task has ended; `progress` numbers start at 1.
  struct ending {
    task_ref task;
    std::size_t ended = 0; // of its batch
    std::size_t total = 0;
  };

  explicit batch_book(const settings& cfg) : cfg_{cfg} {}

  /// Admits a batch as a whole or not at all. bad_request: malformed or pending id, no task, too many, nested too deep,
  /// the key came with something else; deadline_exceeded: it is over already; overloaded: no room for so many.
  [[nodiscard]] result<admission> enqueue(time now, new_batch b);

  /// The tasks that start now, each with a slot. To be asked after every change.
  [[nodiscard]] std::vector<task_ref> start();

  /// A task's result. A task that has ended already (deadline, cancelled) keeps what it has.
  void finish(time now, task_ref t, task_result r);

  /// Whatever ran for the task has ended: its slot is free. Once for each task that start() gave.
  void release(task_ref t);

  /// A running task begins to wait for others. True: it has just given up its slot.
  bool begin_wait(task_ref parent);

  /// What it waited for is there. `token` comes out of take_ready() at once, or, when it was the last that the task
  /// waited for, once the task has a slot again.
  void end_wait(task_ref parent, std::uint64_t token);

  void cancel(time now, std::uint64_t serial);
  void cancel_all(time now);

  /// Ends what is past its deadline, forgets what was kept long enough.
  void expire(time now);
  [[nodiscard]] std::optional<time> next_wake() const;

  /// What has happened since the last call, in order.
  [[nodiscard]] std::vector<ending> take_endings() { return std::exchange(endings_, {}); }
  [[nodiscard]] std::vector<std::uint64_t> take_finished() { return std::exchange(finished_, {}); }
  [[nodiscard]] std::vector<std::uint64_t> take_ready() { return std::exchange(ready_, {}); }

  /// The batch of that id, pending or kept; nothing when there is none.
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view id) const;
  /// Its results may have had to leave at once.
  [[nodiscard]] bool is_known(std::uint64_t serial) const;
  [[nodiscard]] const std::string& id_of(std::uint64_t serial) const { return batches_.at(serial).id; }
  [[nodiscard]] bool is_pending(std::uint64_t serial) const;
  [[nodiscard]] bool is_open(task_ref t) const; // it has not ended
  [[nodiscard]] time deadline_of(task_ref t) const;

  /// State and counts; once the batch has ended also results from `offset` on, `limit` at most.
  [[nodiscard]] batch_view view(std::uint64_t serial, std::size_t offset, std::size_t limit) const;

  /// Forgets a batch that has ended: one without an id, once its result was delivered.
  void forget(std::uint64_t serial);

  [[nodiscard]] const task_result& result_of(task_ref t) const;

  [[nodiscard]] std::size_t queued() const noexcept { return queued_; }
  /// Started and not ended, or ended with its slot still taken.
  [[nodiscard]] std::size_t running() const noexcept { return running_; }
  [[nodiscard]] std::size_t pending() const noexcept { return queued_ + running_; }
  [[nodiscard]] std::size_t open_batches() const noexcept { return open_batches_; }
  [[nodiscard]] std::size_t held_bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t held_tasks() const noexcept { return held_; }

private:
  enum class stage : std::uint8_t { queued, running, waiting, resuming, over }; // `over`: never started, or released

  struct task {
    task_result outcome;
    time own_deadline = time::max();
    std::uint32_t waits_for = 0;
    stage at = stage::queued;
    bool ended = false;
  };
  struct batch {
    std::string id;
    std::string label;
    std::string key;
    bool strict = false;
    batch_state state = batch_state::running;
    ec code = ec::none;
    std::string message;
    std::uint32_t depth = 0;
    time deadline{};
    time ended_at{};
    std::vector<task> tasks;
    std::size_t next = 0; // no task before it is queued
    std::size_t slots = 0;
    std::size_t queued = 0;
    std::size_t unreleased = 0;
    std::size_t left = 0; // not ended
    std::size_t succeeded = 0;
    std::size_t failed = 0;
    std::size_t cancelled = 0;
    std::size_t bytes = 0;
    bool in_line = false;   // stands in line_
    bool forgotten = false; // nothing of it is known any more; it goes with its last slot
  };
  struct known_key {
    std::string fingerprint;
    std::uint64_t serial;
  };
  struct resumption {
    task_ref parent;
    std::uint64_t token;
  };

  [[nodiscard]] task* find(task_ref t);
  [[nodiscard]] const task* find(task_ref t) const;
  [[nodiscard]] result<void> check(time now, const new_batch& b) const;
  [[nodiscard]] std::optional<task_ref> next_task();
  void stand_in_line(std::uint64_t serial, batch& b);
  void resume();
  void end(task_ref t, batch& b, task_result r);
  void end_rest(std::uint64_t serial, batch& b, ec code, const std::string& why);
  void close(time now, std::uint64_t serial, batch& b);
  void make_room(std::size_t tasks);
  void erase(std::map<std::uint64_t, batch>::iterator it);

  settings cfg_;
  std::map<std::uint64_t, batch> batches_; // by serial, the order of admission
  std::map<std::string, std::uint64_t, std::less<>> names_;
  std::unordered_map<std::string, known_key> keys_;
  std::deque<std::uint64_t> line_; // batches that have a queued task and a slot of their own left, by turns
  std::deque<resumption> resuming_;
  std::deque<std::uint64_t> kept_; // ended ones with an id, in the order of their end
  std::set<std::pair<time, task_ref>> deadlines_;
  std::vector<ending> endings_;
  std::vector<std::uint64_t> finished_;
  std::vector<std::uint64_t> ready_;
  std::uint64_t last_ = 0;
  std::size_t slots_ = 0;
  std::size_t queued_ = 0;
  std::size_t running_ = 0;
  std::size_t open_batches_ = 0;
  std::size_t held_ = 0;
  std::size_t evictable_ = 0; // of those, tasks of batches in kept_
  std::size_t bytes_ = 0;
};

} // namespace troupe
