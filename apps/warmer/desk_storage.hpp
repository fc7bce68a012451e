// How the desk asks storage: its own shorthand.
#pragma once

#include "actors/timer/timer.hpp"
#include "apps/bridge/visits.hpp"
#include "apps/warmer/desk.hpp"
#include "storage/jobs_repository.hpp"

#include <utility>

namespace troupe {

using desk_ptr = desk_actor::stateful_pointer<desk_state>;

inline constexpr std::chrono::microseconds longest_store = std::chrono::seconds{10};

/// Of errors that have no plainer title.
inline constexpr std::string_view desk_failure = "Request failed";

/// Sees to it that the desk looks again when something is due.
inline void wake(desk_ptr self) {
  auto& s = self->state;
  wake_at(self, s.tick, s.storage->next());
  if (!s.streams.empty())
    wake_at(self, s.tick, s.next_poll);
}

/// Runs result<R> work(jobs_repository&, now_ms) on storage's threads, and then(result<R>) in the actor.
template <class R, class Work, class Then>
void store(desk_ptr self, storage::job_kind kind, Work work, Then then) {
  auto& s = self->state;
  s.storage->run<R>(
    self, kind, longest_store,
    [work = std::move(work), now_ms = s.settings.now_ms](storage::sql& db) -> result<R> {
      auto jobs = storage::jobs_repository{db};
      return work(jobs, now_ms());
    },
    [self, then = std::move(then)](result<R> done) {
      then(std::move(done));
      wake(self);
    });
  wake(self);
}

/// The job, or ec::not_found.
[[nodiscard]] inline result<job_view> existing(storage::jobs_repository& jobs, const std::string& id) {
  auto found = jobs.find(id);
  if (!found)
    return found.as_failure();
  if (!found.value())
    return fail(ec::not_found, "there is no such job");
  return std::move(*found.value());
}

} // namespace troupe
