// The steps of the warmer, each of which ends by asking storage, the importer or a service for what leads to the next.
// Part of warmer.cpp (a job's life) and warmer_batch.cpp (its micro-batches).
#pragma once

#include "apps/warmer/warmer.hpp"

#include "actors/timer/timer.hpp"

namespace troupe::warming {

using self_ptr = warmer_state::self_ptr;
using phase = warmer_state::phase;
using storage::jobs_repository;

// Of one question to storage: a transaction of a micro-batch takes milliseconds.
inline constexpr std::chrono::microseconds longest_store = std::chrono::seconds{10};
// So soon a result is in storage, and seen by who watches, also when a micro-batch takes minutes.
inline constexpr auto flush_every = std::chrono::seconds{1};

/// The job's progress has no other clock.
[[nodiscard]] inline std::chrono::nanoseconds monotonic(self_ptr self) {
  return self->clock().now().time_since_epoch();
}

/// Arms the tick for what is due next; what is under way wakes by its end.
void wake(self_ptr self);

/// Has storage do something and goes on with what came of it, if the job is still the same.
/// @param work result<R>(jobs_repository&, std::int64_t now_ms)
/// @param then void(result<R>)
template <class R, class Work, class Then>
void store(self_ptr self, Work work, Then then) {
  auto& s = self->state;
  s.storage->run<R>(
    self, storage::job_kind::write, longest_store,
    [work = std::move(work), now_ms = s.settings.now_ms](storage::sql& db) -> result<R> {
      auto jobs = jobs_repository{db};
      return work(jobs, now_ms());
    },
    [self, life = s.life, then = std::move(then)](result<R> done) {
      if (life == self->state.life)
        then(std::move(done));
      wake(self);
    });
  wake(self);
}

/// There is a new event of the job.
void tell(self_ptr self);

/// The job is no longer ours: ended, cancelled, or somebody else's. Looks for another.
void drop(self_ptr self);

/// Storage refused something. What the job's state explains is followed; what may pass is tried again, later each time.
void on_refusal(self_ptr self, const error& why);
/// The same for what the job cannot go on without: refused so often in the same words, it fails.
void on_end_refused(self_ptr self, const error& why);

/// Fails the job.
void end_with(self_ptr self, const std::string& message);
/// The job is done.
void complete(self_ptr self);

/// Renews the lease, and learns whether the job was paused, resumed or cancelled.
void check(self_ptr self);
/// Goes by the state that the job has now.
void heed(self_ptr self);

// Micro-batches.

void claim(self_ptr self);
/// Sends what may be sent.
void pump(self_ptr self);
/// Hands to storage what has ended.
void flush(self_ptr self);
/// Nobody waits any more for what is under way: it counts as nothing.
void let_go(self_ptr self);
/// Stores what has ended and gives back what is claimed: the job is paused.
void give_back(self_ptr self);

} // namespace troupe::warming
