// The check of what was warmed (S2-30): every library whose last job is done is gone through once more, by a job that
// asks the same questions in the same way. What is still there it counts as hits, hot and cold ones; what is missing it
// fetches, so that its counts are the coverage: hits of items. Blocks: for a thread of storage.
#pragma once

#include "messages/result.hpp"
#include "storage/sql.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace troupe {

/// For each library that has no job queued, running or paused: queues its newest done one again, with kind "verify", if
/// that was created before `since_ms`, when the check began; `most` of them. How many: fewer than `most` is the last.
/// Asked again after a crash, it goes on with those that are left.
[[nodiscard]] result<std::int64_t> queue_verification(storage::sql& db, std::int64_t since_ms, std::int64_t most,
  const std::function<std::string()>& new_id, std::int64_t now_ms);

} // namespace troupe
