// A job as a row of the table `jobs`, and the statements that hang on it: what jobs_repository is made of.
//
// A change of a job is one transaction of this shape: read the row, decide, write it where it still has the mark it was
// read by, together with a new mark; everything else in the transaction takes effect only where the job has that new
// mark. So either all of it happened to the job that was read, or none of it did, and of two writers one begins again.
// It needs no lock that outlives a statement, and both databases understand it. What comes from outside (renew, pause,
// cancel) needs to know nothing of the job but its state: one conditional UPDATE, so that it never has to begin again
// however busy the owner is. A lease is therefore written only by what gives it to somebody else.
#pragma once

#include "messages/job.hpp"
#include "storage/sql.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// A job as it was read, with what only storage knows of it.
struct kept_job {
  job_view view;
  std::int64_t claim_from = 0; // no item before it is queued
  std::int64_t mark = 0;
  std::string read_owner; // the lease as it was read
  std::int64_t read_until_ms = 0;
};

/// The columns of `jobs`, for a SELECT.
inline constexpr std::string_view job_columns =
  "id, kind, library, source, options, state, phase, message, created_ms, started_ms, ended_ms, updated_ms, row_count,"
  " accepted, rejected, duplicates, items, claimed, done, failed, hits, hot, cold, events, claim_from, lease_owner,"
  " lease_until_ms, mark";

/// A random number: nobody has had it before.
[[nodiscard]] std::int64_t new_mark();

/// Fails with ec::storage_unusable when the row is not one of ours.
[[nodiscard]] result<kept_job> read_job(const row& found);

/// None when there is no such job.
[[nodiscard]] result<std::optional<kept_job>> find_job(sql& db, std::string_view id);

[[nodiscard]] statement insert_job(const new_job& what, std::int64_t now_ms, std::int64_t mark);

/// Writes what can change of a job, if it is still the one that was read. One row is changed then, none otherwise. The
/// lease is written where the change is one of it, and then has to be the one that was read.
[[nodiscard]] statement update_job(const kept_job& changed, std::int64_t mark);

// What may follow it in its transaction.

/// The event gets the number that the job says; one in a transaction.
[[nodiscard]] statement insert_event(std::string_view job, std::int64_t mark, const job_event& event);
/// The same with {"state","counts":{...}} of the job as it is then as its data: for who changes a job without having
/// read it. The counts have the names that other events give them.
[[nodiscard]] statement insert_summary(std::string_view job, std::int64_t mark, const job_event& event);
[[nodiscard]] std::vector<statement> insert_items(
  std::string_view job, std::int64_t mark, const std::vector<const job_item*>& items);
[[nodiscard]] std::vector<statement> insert_rejections(
  std::string_view job, std::int64_t mark, const std::vector<const job_rejection*>& rejections);

/// The queued items from n `first` to `last` become claimed.
[[nodiscard]] statement claim_items(std::string_view job, std::int64_t mark, std::int64_t first, std::int64_t last);
/// All claimed items are queued again.
[[nodiscard]] statement release_items(std::string_view job, std::int64_t mark);
/// They end as the results say.
[[nodiscard]] std::vector<statement> end_items(
  std::string_view job, std::int64_t mark, const std::vector<const item_result*>& results);

/// Fails with ec::storage_unusable when the row is not one of ours.
[[nodiscard]] result<job_item> read_item(const row& found);

/// A column that is never NULL, or an empty value.
template <class T>
[[nodiscard]] T column(const row& found, std::string_view name) {
  const auto* v = found.get<T>(name);
  return v != nullptr ? *v : T{};
}

} // namespace troupe::storage
