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
  std::string source;                                     // the upload's key
  std::string owner;                                      // of the job's lease
  std::uint64_t life = 0;                                 // the warmer's number for it: what is told of it says so
  std::shared_ptr<const std::atomic<bool>> given_up = {}; // nobody waits for it any more; null: somebody always does
};

struct import_limits {
  std::int64_t bytes = std::int64_t{2} << 30; // of an upload that was packed
  std::int64_t items = 2'000'000;             // of one job: some 700,000 books
  std::int64_t rejections = 100'000;          // that are kept; the counts count all
};

struct import_ground {
  std::shared_ptr<storage::objects> uploads;
  std::shared_ptr<storage::sql_pool> jobs;
  std::function<std::int64_t()> now_ms;
  import_limits most = {};
};

/// Reads the whole upload. Fails with
/// - ec::bad_request: it is no library export; the message says why,
/// - ec::not_found: the upload is gone,
/// - ec::cancelled: `stopped` said so, or the lease is lost,
/// - storage's own errors; also when the job is in a state (paused) that does not allow more items now, which is
///   ec::storage_failed: another try may help, as with most of them.
/// What was stored stays, and is recognised when the upload is read again.
/// @param stopped asked with every few kilobytes
/// @param told called after each part, with the job as it is then
/// Blocks.
[[nodiscard]] result<void> import_library(const import_order& order, const import_ground& ground,
  const std::function<bool()>& stopped, const std::function<void(const job_view&)>& told);

} // namespace troupe
