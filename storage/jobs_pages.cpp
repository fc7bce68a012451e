// What there is to see of jobs, and how they go: the part of jobs_repository that decides nothing.
#include "storage/job_changes.hpp"
#include "storage/job_rows.hpp"
#include "storage/jobs_repository.hpp"
#include "storage/paging.hpp"

namespace troupe::storage {
namespace {

/// A page of what `read` makes of each row.
template <class T, class Read>
result<job_page_of<T>> page_of(sql& db, const keyset_query& query, std::string_view cursor, const Read& read) {
  auto found = read_after(db, query, cursor);
  if (!found)
    return found.as_failure();
  auto page = job_page_of<T>{{}, std::move(found.value().cursor)};
  page.entries.reserve(found.value().rows.size());
  for (const auto& each : found.value().rows) {
    result<T> entry = read(each);
    if (!entry)
      return entry.as_failure();
    page.entries.push_back(std::move(entry.value()));
  }
  return page;
}

} // namespace

result<std::optional<job_view>> jobs_repository::find(std::string_view id) {
  auto found = find_job(db_, id);
  if (!found)
    return found.as_failure();
  if (!found.value())
    return std::optional<job_view>{};
  return std::optional{std::move(found.value()->view)};
}

result<job_page_of<job_view>> jobs_repository::list(std::int64_t limit, std::string_view cursor) {
  static const auto text = std::string{"SELECT "}.append(job_columns).append(" FROM jobs WHERE state <> 'gone'");
  return page_of<job_view>(db_, {.select = text, .key = {"created_ms", "id"}, .descending = true, .limit = limit},
    cursor, [](const row& found) -> result<job_view> {
      auto job = read_job(found);
      if (!job)
        return job.as_failure();
      return std::move(job.value().view);
    });
}

result<job_page_of<job_item>> jobs_repository::items(
  std::string_view id, std::optional<item_state> only, std::int64_t limit, std::string_view cursor) {
  auto query = keyset_query{.select = "SELECT n, kind, subject, state, how, code, message FROM job_items WHERE job = ?",
    .bound = {std::string{id}},
    .key = {"n"},
    .limit = limit};
  if (only) {
    // The word itself, or PostgreSQL and SQLite would not use the indexes of failed and claimed items.
    query.select.append(" AND state = '").append(to_string(*only)).append("'");
  }
  return page_of<job_item>(db_, query, cursor, &read_item);
}

result<job_page_of<job_rejection>> jobs_repository::rejections(
  std::string_view id, std::int64_t limit, std::string_view cursor) {
  const auto query = keyset_query{.select = "SELECT line, reason FROM job_rejections WHERE job = ?",
    .bound = {std::string{id}},
    .key = {"line"},
    .limit = limit};
  return page_of<job_rejection>(db_, query, cursor, [](const row& found) -> result<job_rejection> {
    return job_rejection{column<std::int64_t>(found, "line"), column<std::string>(found, "reason")};
  });
}

result<std::vector<job_event>> jobs_repository::events_after(
  std::string_view id, std::int64_t seq, std::int64_t limit) {
  if (auto good = check_limit(limit); !good)
    return good.as_failure();
  auto rows = db_.all("SELECT seq, kind, at_ms, data FROM job_events WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?",
    {std::string{id}, seq, limit});
  if (!rows)
    return rows.as_failure();
  auto events = std::vector<job_event>{};
  events.reserve(rows.value().size());
  for (const auto& each : rows.value())
    events.push_back({column<std::int64_t>(each, "seq"), column<std::string>(each, "kind"),
      column<std::int64_t>(each, "at_ms"), column<std::string>(each, "data")});
  return events;
}

} // namespace troupe::storage
