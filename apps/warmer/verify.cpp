#include "apps/warmer/verify.hpp"

#include "storage/jobs_repository.hpp"

namespace troupe {

result<std::int64_t> queue_verification(storage::sql& db, std::int64_t since_ms, std::int64_t most,
  const std::function<std::string()>& new_id, std::int64_t now_ms) {
  auto jobs = storage::jobs_repository{db};
  const auto last = jobs.last_done(since_ms, most);
  if (!last)
    return last.as_failure();
  for (const auto& j : last.value()) {
    new_job again;
    again.id = new_id();
    again.kind = "verify";
    again.library = j.library;
    again.source = j.source;
    again.options = j.options;
    if (auto made = jobs.create(again, now_ms); !made)
      return made.as_failure();
  }
  return static_cast<std::int64_t>(last.value().size());
}

} // namespace troupe
