#include "apps/warmer/verify.hpp"

#include "storage/jobs_repository.hpp"

#include <set>

namespace troupe {
namespace {

// The newest of these tell every library that anybody still warms.
constexpr std::int64_t looked_at = 1'000;

} // namespace

std::vector<new_job> to_verify(const std::vector<job_view>& jobs, const std::function<std::string()>& new_id) {
  std::set<std::string> busy;
  for (const auto& j : jobs)
    if (!has_ended(j.state))
      busy.insert(j.library);
  std::vector<new_job> out;
  for (const auto& j : jobs) {
    if (j.state != job_state::done || j.source.empty() || !busy.insert(j.library).second)
      continue;
    new_job again;
    again.id = new_id();
    again.kind = "verify";
    again.library = j.library;
    again.source = j.source;
    again.options = j.options;
    out.push_back(std::move(again));
  }
  return out;
}

result<std::int64_t> queue_verification(
  storage::sql& db, std::int64_t now_ms, const std::function<std::string()>& new_id) {
  auto jobs = storage::jobs_repository{db};
  const auto known = jobs.list(looked_at);
  if (!known)
    return known.as_failure();
  const auto wanted = to_verify(known.value().entries, new_id);
  for (const auto& job : wanted)
    if (auto made = jobs.create(job, now_ms); !made)
      return made.as_failure();
  return static_cast<std::int64_t>(wanted.size());
}

} // namespace troupe
