// What of old jobs stays and what goes: the part of jobs_repository that looks back.
#include "storage/job_rows.hpp"
#include "storage/jobs_repository.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace troupe::storage {
namespace {

/// Of one library's done jobs with an upload `j` is not the newest.
constexpr std::string_view superseded =
  "EXISTS (SELECT 1 FROM jobs AS newer WHERE newer.library = j.library AND newer.state = 'done' AND newer.source <> ''"
  " AND (newer.created_ms, newer.id) > (j.created_ms, j.id))";

} // namespace

result<std::vector<job_view>> jobs_repository::last_done(std::int64_t created_before_ms, std::int64_t limit) {
  static const auto text =
    std::string{"SELECT "}
      .append(job_columns)
      .append(" FROM jobs AS j WHERE state = 'done' AND source <> '' AND created_ms < ? AND NOT ")
      .append(superseded)
      .append(" AND NOT EXISTS (SELECT 1 FROM jobs AS open WHERE open.library = j.library"
              " AND open.state IN ('queued', 'running', 'paused'))"
              " ORDER BY library LIMIT ?");
  auto rows = db_.all(text, {created_before_ms, limit});
  if (!rows)
    return rows.as_failure();
  auto all = std::vector<job_view>{};
  all.reserve(rows.value().size());
  for (const auto& each : rows.value()) {
    auto job = read_job(each);
    if (!job)
      return job.as_failure();
    all.push_back(std::move(job.value().view));
  }
  return all;
}

result<std::vector<std::string>> jobs_repository::without_job(const std::vector<std::string>& sources) {
  constexpr std::size_t at_once = 32; // one text for all: what is missing repeats the last
  static const auto text = [] {
    auto out = std::string{"SELECT source FROM jobs WHERE source IN (?"};
    for (std::size_t i = 1; i < at_once; ++i)
      out += ", ?";
    return out + ')';
  }();
  auto named = std::set<std::string>{};
  for (std::size_t from = 0; from < sources.size(); from += at_once) {
    auto bound = params{};
    for (std::size_t i = 0; i < at_once; ++i)
      bound.emplace_back(sources[std::min(from + i, sources.size() - 1)]);
    auto rows = db_.all(text, bound);
    if (!rows)
      return rows.as_failure();
    for (const auto& each : rows.value())
      named.insert(column<std::string>(each, "source"));
  }
  auto out = std::vector<std::string>{};
  std::copy_if(sources.begin(), sources.end(), std::back_inserter(out),
    [&](const std::string& each) { return !named.contains(each); });
  return out;
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
  static const auto next_text = std::string{"SELECT id FROM jobs AS j WHERE ended_ms > 0 AND ended_ms < ? AND (state <>"
                                            " 'done' OR source = '' OR "}
                                  .append(superseded)
                                  .append(") ORDER BY ended_ms, id LIMIT 1");
  auto sum = purged{};
  for (;;) {
    auto next = db_.first(next_text, {ended_before_ms});
    if (!next)
      return next.as_failure();
    if (!next.value())
      return sum;
    const auto room = [&] { return rows - sum.rows - sum.jobs; };
    if (room() <= 0) {
      sum.all = false;
      return sum;
    }
    const auto id = column<std::string>(*next.value(), "id");
    if (auto hidden = db_.run("UPDATE jobs SET state = 'gone' WHERE id = ? AND state <> 'gone'", {id}); !hidden)
      return hidden.as_failure();
    auto whole = true;
    for (const auto part : parts)
      while (whole) {
        const auto most = std::min(at_once, std::max(room(), std::int64_t{1}));
        auto done = db_.run(part, {id, id, most});
        if (!done)
          return done.as_failure();
        sum.rows += done.value();
        if (done.value() < most)
          break;
        whole = room() > 0;
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
