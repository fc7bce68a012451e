#include "apps/warmer/sweep.hpp"

#include "storage/jobs_repository.hpp"

#include <vector>

namespace troupe {

result<swept> sweep_uploads(
  storage::sql& db, storage::objects& uploads, std::int64_t put_before_ms, std::int64_t most, std::string_view cursor) {
  const auto page = uploads.list({.prefix = std::string{uploads_prefix}, .cursor = std::string{cursor}, .limit = most});
  if (!page)
    return page.as_failure();
  std::vector<std::string> old;
  for (const auto& each : page.value().objects)
    if (each.modified_ms < put_before_ms)
      old.push_back(each.key);
  const auto lost = storage::jobs_repository{db}.without_job(old);
  if (!lost)
    return lost.as_failure();
  for (const auto& key : lost.value())
    if (auto removed = uploads.remove(key); !removed)
      return removed.as_failure();
  return swept{static_cast<std::int64_t>(lost.value().size()), page.value().cursor};
}

} // namespace troupe
