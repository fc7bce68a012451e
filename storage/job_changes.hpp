// What the changes of a job have in common: who may, in which state, and how it is told. Part of jobs_repository.
#pragma once

#include "storage/job_rows.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// The error of a change that the job's state does not allow: "job 1f: is done, cannot be paused".
[[nodiscard]] error refused(const job_view& job, std::string_view wish);

/// Fails with ec::cancelled when the job's lease is not this owner's.
[[nodiscard]] result<void> check_lease(const job_view& job, std::string_view owner);

/// That the owner has the lease, and that the job runs.
[[nodiscard]] result<void> check_running(const job_view& job, std::string_view owner, std::string_view wish);

/// Callers may not tell the end of a job.
[[nodiscard]] result<void> check_event(const std::optional<job_event>& told);

/// Fails with ec::bad_request when a caller wants fewer than one.
[[nodiscard]] result<void> check_limit(std::int64_t limit);

/// {"state":"..."}
[[nodiscard]] std::string state_json(job_state s);

enum class telling : bool {
  always,     ///< transitions and phases
  while_room, ///< what listeners can do without
};

/// Appends an event to a job that is being changed; one in a change.
void tell(kept_job& job, std::int64_t mark, std::vector<statement>& out, std::string_view kind, std::string data,
  std::int64_t now_ms, telling how);
/// Tells its state.
void tell_state(kept_job& job, std::int64_t mark, std::vector<statement>& out, std::int64_t now_ms);
/// Tells what a caller wants told, if anything.
void tell_also(kept_job& job, std::int64_t mark, std::vector<statement>& out, const std::optional<job_event>& told,
  std::int64_t now_ms);

/// Ends a job. Its last event says so, with `data` or, when that is empty, its state.
void end(kept_job& job, std::int64_t mark, std::vector<statement>& out, job_state how, std::string_view data,
  std::int64_t now_ms);

void append_to(std::vector<statement>& out, std::vector<statement> more);

} // namespace troupe::storage
