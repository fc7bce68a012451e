#include "actors/pool/pool.hpp"

#include <algorithm>

namespace troupe {

void pool_jobs::ended(std::uint64_t number) {
  finish(number, nullptr);
}

void pool_jobs::expire(time now) {
  const auto unbegun = error{ec::deadline_exceeded, "the deadline passed while the job waited for the storage"};
  const auto unknown =
    error{ec::deadline_exceeded, "the storage did not answer in time; it may still do what was asked"};
  for (const auto number : due_.take_due(now)) {
    auto& late = open_.at(number);
    if (late.stage->withdraw()) {
      finish(number, &unbegun);
    } else if (late.late) {
      finish(number, &unknown);
    } else {
      late.late = true;
      late.until = now + grace;
      due_.add(late.until, number);
    }
  }
}

void pool_jobs::cancel() {
  const auto stopped = error{ec::cancelled, "shutting down"};
  while (!open_.empty()) {
    const auto number = open_.begin()->first;
    // One that has begun ends as it may: what it was for is as unknown as after a power cut.
    (void)open_.begin()->second.stage->withdraw();
    finish(number, &stopped);
  }
}

/// A duration that can be added to any clock's time: beyond a year it is a bug or `forever`, and a clock would
/// overflow.
std::chrono::microseconds pool_jobs::within_reach(std::chrono::microseconds remaining) noexcept {
  return std::clamp<std::chrono::microseconds>(remaining, std::chrono::seconds{0}, std::chrono::hours{24 * 365});
}

void pool_jobs::add(std::uint64_t number, job what) {
  due_.add(what.until, number);
  open_.emplace(number, std::move(what));
}

void pool_jobs::finish(std::uint64_t number, const error* why) {
  const auto node = open_.extract(number);
  if (node.empty())
    return;
  due_.remove(node.mapped().until, number);
  node.mapped().then(why);
}

void append(metrics& out, const std::string& name, const storage::pool_counters& counted) {
  const auto labels = fields{{"pool", name}};
  out.push_back({"troupe_storage_jobs_queued", labels, false, counted.queued});
  out.push_back({"troupe_storage_jobs_running", labels, false, counted.running});
  out.push_back({"troupe_storage_jobs_done_total", labels, true, counted.done});
  out.push_back({"troupe_storage_jobs_failed_total", labels, true, counted.failed});
  out.push_back({"troupe_storage_jobs_refused_total", labels, true, counted.refused});
  out.push_back({"troupe_storage_jobs_expired_total", labels, true, counted.expired});
  out.push_back({"troupe_storage_jobs_groups_total", labels, true, counted.groups});
  out.push_back({"troupe_storage_jobs_grouped_total", labels, true, counted.grouped_writes});
}

} // namespace troupe
