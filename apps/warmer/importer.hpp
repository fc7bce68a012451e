// Reads an upload into a job's items, on a thread of its own: object storage and parsing block. What it reads it hands
// to storage in parts and waits for each, so that memory is bounded whatever the file's size.
#pragma once

#include "messages/job.hpp"
#include "messages/result.hpp"
#include "storage/objects.hpp"
#include "storage/sql_pool.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace troupe {

struct import_order {
  std::string job;
  std::string source; // the upload's key
  std::string owner;  // of the job's lease
};

struct import_ground {
  std::shared_ptr<storage::objects> uploads;
  std::shared_ptr<storage::sql_pool> jobs;
  std::function<std::int64_t()> now_ms;
  std::int64_t most_bytes = std::int64_t{2} << 30; // of an upload that was packed
};

/// Items that one job may have: 2 million are some 700,000 books.
inline constexpr std::int64_t most_items = 2'000'000;

/// Reads the whole upload. Fails with ec::bad_request when it is no library export (the message says why), with
/// ec::not_found when the upload is gone, with ec::cancelled when `stop` is set or the lease is lost, and with
/// storage's own errors. `told` is called after each part, with the job as it is then. Blocks.
[[nodiscard]] result<void> import_library(const import_order& order, const import_ground& ground,
  const std::atomic<bool>& stop, const std::function<void(const job_view&)>& told);

} // namespace troupe
