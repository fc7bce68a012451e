// How a job stops, goes on and ends: the part of jobs_repository that moves it between its states.
#include "storage/job_changes.hpp"
#include "storage/job_rows.hpp"
#include "storage/jobs_repository.hpp"

namespace troupe::storage {

result<job_view> jobs_repository::complete(
  std::string_view id, std::string_view owner, std::string_view data, std::int64_t now_ms) {
  return change(id, now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
    if (auto runs = check_running(job.view, owner, "completed"); !runs)
      return runs.as_failure();
    const auto& counts = job.view.counts;
    if (const auto left = counts.items - counts.done - counts.failed; left != 0)
      return fail(ec::bad_request,
        "job " + job.view.id + ": is running, cannot be completed with " + std::to_string(left) + " items not ended");
    auto out = std::vector<statement>{};
    end(job, mark, out, job_state::done, data, now_ms);
    return changes{std::move(out)};
  });
}

result<job_view> jobs_repository::fail_job(
  std::string_view id, std::string_view owner, std::string_view message, std::string_view data, std::int64_t now_ms) {
  return change(id, now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
    if (auto held = check_lease(job.view, owner); !held)
      return held.as_failure();
    auto out = std::vector<statement>{};
    if (auto released = release(job, mark, out); !released)
      return released.as_failure();
    job.view.message = message;
    end(job, mark, out, job_state::failed, data, now_ms);
    return changes{std::move(out)};
  });
}

result<job_view> jobs_repository::pause(std::string_view id, std::int64_t now_ms) {
  const auto mark = new_mark();
  return change_from_outside(id, "paused",
    {"UPDATE jobs SET state = 'paused', events = events + 1, updated_ms = ?, mark = ? WHERE id = ? AND state = "
     "'running'",
      {now_ms, mark, std::string{id}}},
    {insert_event(id, mark, {.kind = "state", .at_ms = now_ms, .data = state_json(job_state::paused)})});
}

result<job_view> jobs_repository::resume(std::string_view id, std::int64_t now_ms) {
  return change(id, now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
    auto& view = job.view;
    if (view.state != job_state::paused)
      return boost::outcome_v2::failure(refused(view, "resumed"));
    auto out = std::vector<statement>{};
    if (!view.lease_owner.empty() && view.lease_until_ms > now_ms) {
      view.state = job_state::running;
    } else {
      if (auto released = release(job, mark, out); !released)
        return released.as_failure();
      view.state = job_state::queued;
      view.lease_owner.clear();
      view.lease_until_ms = 0;
    }
    tell_state(job, mark, out, now_ms);
    return changes{std::move(out)};
  });
}

result<job_view> jobs_repository::cancel(std::string_view id, std::string_view data, std::int64_t now_ms) {
  const auto mark = new_mark();
  const auto told = job_event{.kind = "error", .at_ms = now_ms, .data = std::string{data}};
  return change_from_outside(id, "cancelled",
    {"UPDATE jobs SET state = 'cancelled', events = events + 1, claimed = 0, ended_ms = ?, updated_ms = ?,"
     " lease_owner = '', lease_until_ms = 0, mark = ? WHERE id = ? AND state IN ('queued', 'running', 'paused')",
      {now_ms, now_ms, mark, std::string{id}}},
    {data.empty() ? insert_summary(id, mark, told) : insert_event(id, mark, told), release_items(id, mark)});
}

} // namespace troupe::storage
