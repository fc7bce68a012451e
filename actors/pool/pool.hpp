// How an actor has jobs run on the storage's threads (storage/sql_pool.hpp) without waiting for them. A job goes out
// under a number; when it has ended, the actor gets job_ended_atom with that number and is handed what came of it.
//
// Invariants: every job is answered exactly once: by its deadline or, when the storage is at work on it by then, at
// most `grace` later; at the actor's end with ec::cancelled. A job that was answered before it began does not run. A
// job keeps no actor alive. Everything but the job itself happens inside the actor, so that it may deliver promises.
#pragma once

#include "actors/timer/deadlines.hpp"
#include "messages/common.hpp"
#include "messages/result.hpp"
#include "storage/sql_pool.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace troupe {

class pool_jobs {
public:
  using time = deadlines<std::uint64_t>::time;

  /// What a job that began in time may take beyond its deadline. Then the asker hears that it failed, because a
  /// connection that hangs may take minutes to say so.
  static constexpr auto grace = std::chrono::seconds{1};
  /// A deadline that never comes.
  static constexpr auto forever = std::chrono::microseconds::max();

  explicit pool_jobs(std::shared_ptr<storage::sql_pool> pool) : pool_{std::move(pool)} {}

  /// Has `work` run on a connection of the pool, and `then` in the actor with what it gave or why it did not.
  /// @param self the actor, which hands job_ended_atom to `ended`, wakes itself for `next` and then calls `expire`
  /// @param remaining how long there is from now; the clock of `self` decides
  /// @param work result<R>(storage::sql&), on another thread, perhaps twice (storage::sql_pool::job); it shares nothing
  /// with the actor
  /// @param then void(result<R>)
  template <class R, class Self, class Work, class Then>
  void run(Self self, storage::job_kind kind, std::chrono::microseconds remaining, Work work, Then then) {
    using handle = typename std::remove_pointer_t<Self>::actor_hdl;
    const auto number = ++last_;
    const auto left = std::make_shared<result<R>>(fail(ec::internal, "the job has not ended"));
    const auto stage = std::make_shared<progress>();
    remaining = within_reach(remaining);
    add(number, {stage, self->clock().now() + remaining, false, [left, then = std::move(then)](const error* why) {
                   then(why == nullptr ? std::move(*left) : result<R>{boost::outcome_v2::failure(*why)});
                 }});
    pool_->submit(
      kind,
      [left, stage, work = std::move(work)](storage::sql& db) -> result<void> {
        if (!stage->begin())
          return fail(ec::cancelled, "nobody waits for it any more");
        auto done = work(db);
        if (!done)
          return done.as_failure();
        *left = std::move(done);
        return ok();
      },
      storage::sql_pool::clock::now() + remaining,
      [left, number, to = caf::weak_actor_ptr{self->ctrl()}](result<void> outcome) {
        if (!outcome)
          *left = outcome.as_failure();
        if (const auto there = to.lock())
          caf::anon_send(caf::actor_cast<handle>(there), job_ended_atom::value, number);
      });
  }

  /// The job of that number has ended. Nothing if it was answered before.
  void ended(std::uint64_t number);

  /// Answers those whose time is over.
  void expire(time now);

  /// When `expire` has something to do next.
  [[nodiscard]] std::optional<time> next() const { return due_.next(); }

  /// Answers all with ec::cancelled: the actor ends.
  void cancel();

  [[nodiscard]] const storage::sql_pool& pool() const noexcept { return *pool_; }

private:
  /// Who is the first to lay hands on a job: the pool that begins it, or the actor that withdraws it.
  class progress {
  public:
    /// False: it was withdrawn. True each time when it runs more than once.
    [[nodiscard]] bool begin() noexcept { return !is_lost_to(stage::begun); }
    /// False: it has begun.
    [[nodiscard]] bool withdraw() noexcept { return !is_lost_to(stage::withdrawn); }

  private:
    enum class stage : std::uint8_t { waiting, begun, withdrawn };
    [[nodiscard]] bool is_lost_to(stage mine) noexcept {
      auto found = stage::waiting;
      return !now_.compare_exchange_strong(found, mine) && found != mine;
    }
    std::atomic<stage> now_{stage::waiting};
  };

  struct job {
    std::shared_ptr<progress> stage;
    time until;
    bool late = false;                      // it was at work at its deadline
    std::function<void(const error*)> then; // with this error; null: with what the job left
  };

  static std::chrono::microseconds within_reach(std::chrono::microseconds remaining) noexcept;
  void add(std::uint64_t number, job what);
  void finish(std::uint64_t number, const error* why);

  std::shared_ptr<storage::sql_pool> pool_;
  std::unordered_map<std::uint64_t, job> open_;
  deadlines<std::uint64_t> due_;
  std::uint64_t last_ = 0;
};

/// Fulfils a promise with a value or an error.
template <class R>
void deliver(caf::typed_response_promise<R> to, result<R> what) {
  if (what)
    to.deliver(std::move(what.value()));
  else
    to.deliver(make_error(what.error().code, std::move(what.error().message)));
}

/// Adds what a pool has counted as troupe_storage_jobs_*, with the label pool="`name`".
void append(metrics& out, const std::string& name, const storage::pool_counters& counted);

} // namespace troupe
