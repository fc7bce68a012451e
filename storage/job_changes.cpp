#include "storage/job_changes.hpp"

#include "storage/jobs_repository.hpp"

#include <iterator>

namespace troupe::storage {

error refused(const job_view& job, std::string_view wish) {
  return {ec::bad_request,
    "job " + job.id + ": is " + std::string{to_string(job.state)} + ", cannot be " + std::string{wish}};
}

result<void> check_lease(const job_view& job, std::string_view owner) {
  if (job.lease_owner == owner && !job.lease_owner.empty())
    return ok();
  return fail(ec::cancelled, "job " + job.id + ": " + std::string{owner} + " does not have its lease (it is "
                               + std::string{to_string(job.state)}
                               + (job.lease_owner.empty() ? ")" : ", of " + job.lease_owner + ")"));
}

result<void> check_running(const job_view& job, std::string_view owner, std::string_view wish) {
  if (auto held = check_lease(job, owner); !held)
    return held;
  if (job.state != job_state::running)
    return boost::outcome_v2::failure(refused(job, wish));
  return ok();
}

result<void> check_limit(std::int64_t limit) {
  if (limit >= 1)
    return ok();
  return fail(ec::bad_request, "limit: expected 1 or more, got " + std::to_string(limit));
}

std::string state_json(job_state s) {
  return R"({"state":")" + std::string{to_string(s)} + R"("})";
}

void tell(kept_job& job, std::int64_t mark, std::vector<statement>& out, std::string_view kind, std::string data,
  std::int64_t now_ms, telling how) {
  if (how == telling::while_room && job.view.events >= jobs_repository::most_events)
    return;
  out.push_back(insert_event(job.view.id, mark,
    {.seq = ++job.view.events, .kind = std::string{kind}, .at_ms = now_ms, .data = std::move(data)}));
}

void tell_state(kept_job& job, std::int64_t mark, std::vector<statement>& out, std::int64_t now_ms) {
  tell(job, mark, out, "state", state_json(job.view.state), now_ms, telling::always);
}

result<void> check_event(const std::optional<job_event>& told) {
  if (told && (told->kind == "done" || told->kind == "error"))
    return fail(ec::bad_request, "event: \"" + told->kind + "\" belongs to the end of a job");
  return ok();
}

void tell_also(kept_job& job, std::int64_t mark, std::vector<statement>& out, const std::optional<job_event>& told,
  std::int64_t now_ms) {
  if (told)
    tell(job, mark, out, told->kind, told->data, now_ms, telling::while_room);
}

void end(kept_job& job, std::int64_t mark, std::vector<statement>& out, job_state how, std::string_view data,
  std::int64_t now_ms) {
  auto& view = job.view;
  view.state = how;
  view.ended_ms = now_ms;
  view.lease_owner.clear();
  view.lease_until_ms = 0;
  tell(job, mark, out, how == job_state::done ? "done" : "error", data.empty() ? state_json(how) : std::string{data},
    now_ms, telling::always);
}

void append_to(std::vector<statement>& out, std::vector<statement> more) {
  std::move(more.begin(), more.end(), std::back_inserter(out));
}

} // namespace troupe::storage
