// The check of what was warmed (S2-30): every library whose last job is done is gone through once more, by a job that
// asks the same questions in the same way. What is still there, hot or cold, it counts as hits; what is missing it
// fetches, so that its counts are the coverage: hits of items. Blocks: for a thread of storage.
#pragma once

#include "messages/job.hpp"
#include "messages/result.hpp"
#include "storage/sql.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

/// What a check queues: for each library that has no job queued, running or paused, its newest done one again, with
/// kind "verify". `jobs`: newest first.
[[nodiscard]] std::vector<new_job> to_verify(
  const std::vector<job_view>& jobs, const std::function<std::string()>& new_id);

/// Queues them; how many.
[[nodiscard]] result<std::int64_t> queue_verification(
  storage::sql& db, std::int64_t now_ms, const std::function<std::string()>& new_id);

} // namespace troupe
