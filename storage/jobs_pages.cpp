// What there is to see of jobs, and how they go: the part of jobs_repository that decides nothing.
#include "storage/job_changes.hpp"
#include "storage/job_rows.hpp"
#include "storage/jobs_repository.hpp"
#include "storage/paging.hpp"

#include <algorithm>
#include <array>

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
    query.select += " AND state = ?";
    query.bound.emplace_back(std::string{to_string(*only)});
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

result<purged> jobs_repository::purge(std::int64_t ended_before_ms, std::int64_t rows) {
  // In one transaction: few enough that nobody notices the wait.
  constexpr std::int64_t at_once = 5000;
  constexpr auto parts = std::to_array<std::string_view>({
    "DELETE FROM job_items WHERE job = ? AND n IN (SELECT n FROM job_items WHERE job = ? ORDER BY n LIMIT ?)",
    "DELETE FROM job_rejections WHERE job = ?"
    " AND line IN (SELECT line FROM job_rejections WHERE job = ? ORDER BY line LIMIT ?)",
    "DELETE FROM job_events WHERE job = ? AND seq IN (SELECT seq FROM job_events WHERE job = ? ORDER BY seq LIMIT ?)",
  });
  auto sum = purged{};
  for (;;) {
    auto next = db_.first(
      "SELECT id FROM jobs WHERE ended_ms > 0 AND ended_ms < ? ORDER BY ended_ms, id LIMIT 1", {ended_before_ms});
    if (!next)
      return next.as_failure();
    if (!next.value())
      return sum;
    if (sum.rows >= rows && sum.jobs + sum.rows > 0) {
      sum.all = false;
      return sum;
    }
    const auto id = column<std::string>(*next.value(), "id");
    if (auto hidden = db_.run("UPDATE jobs SET state = 'gone' WHERE id = ? AND state <> 'gone'", {id}); !hidden)
      return hidden.as_failure();
    auto whole = true;
    for (const auto part : parts)
      for (auto changed = at_once; whole && changed == at_once;) {
        auto done = db_.run(part, {id, id, at_once});
        if (!done)
          return done.as_failure();
        changed = done.value();
        sum.rows += changed;
        whole = sum.rows < rows || changed < at_once;
      }
    if (!whole)
      continue;
    auto done = db_.run("DELETE FROM jobs WHERE id = ?", {id});
    if (!done)
      return done.as_failure();
    sum.jobs += done.value();
  }
}

} // namespace troupe::storage
