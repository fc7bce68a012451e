#include "storage/job_rows.hpp"

#include "storage/many_rows.hpp"

#include <random>

namespace troupe::storage {
namespace {

// Where the job has the mark that its transaction gave it. In a VALUES list PostgreSQL takes every parameter for a
// text.
constexpr std::string_view of_marked_job =
  ") AS v JOIN jobs AS j ON j.id = v.column1 AND j.mark = CAST(v.column2 AS BIGINT)";
constexpr std::string_view if_marked = " AND EXISTS (SELECT 1 FROM jobs WHERE id = ? AND mark = ?)";

auto foreign_row(std::string_view table) {
  return fail(
    ec::storage_unusable, "the table " + std::string{table} + " is not Troupe's: a row holds what is unknown");
}

} // namespace

std::int64_t new_mark() {
  // One generator a thread: seeding one asks the operating system.
  thread_local auto marks = std::mt19937_64{std::random_device{}() | std::uint64_t{std::random_device{}()} << 32};
  return static_cast<std::int64_t>(marks() >> 1);
}

result<kept_job> read_job(const row& found) {
  const auto text = [&](std::string_view name) { return column<std::string>(found, name); };
  const auto number = [&](std::string_view name) { return column<std::int64_t>(found, name); };
  auto read = kept_job{};
  auto& job = read.view;
  if (found.get<std::int64_t>("mark") == nullptr || !parse(text("state"), job_states, job.state))
    return foreign_row("jobs");
  job.id = text("id");
  job.kind = text("kind");
  job.library = text("library");
  job.source = text("source");
  job.options = text("options");
  job.phase = text("phase");
  job.message = text("message");
  job.created_ms = number("created_ms");
  job.started_ms = number("started_ms");
  job.ended_ms = number("ended_ms");
  job.updated_ms = number("updated_ms");
  job.counts = {{number("row_count"), number("accepted"), number("rejected"), number("duplicates")}, number("items"),
    number("claimed"), number("done"), number("failed"), number("hits"), number("hot"), number("cold")};
  job.events = number("events");
  job.lease_owner = text("lease_owner");
  job.lease_until_ms = number("lease_until_ms");
  read.claim_from = number("claim_from");
  read.mark = number("mark");
  read.read_owner = job.lease_owner;
  read.read_until_ms = job.lease_until_ms;
  return read;
}

result<std::optional<kept_job>> find_job(sql& db, std::string_view id) {
  static const auto text =
    std::string{"SELECT "}.append(job_columns).append(" FROM jobs WHERE id = ? AND state <> 'gone'");
  auto found = db.first(text, {std::string{id}});
  if (!found)
    return found.as_failure();
  if (!found.value())
    return std::optional<kept_job>{};
  auto job = read_job(*found.value());
  if (!job)
    return job.as_failure();
  return std::optional{std::move(job.value())};
}

statement insert_job(const new_job& what, std::int64_t now_ms, std::int64_t mark) {
  constexpr std::string_view text =
    "INSERT INTO jobs (id, kind, library, source, options, state, phase, message, created_ms, started_ms, ended_ms,"
    " updated_ms, row_count, accepted, rejected, duplicates, items, claimed, done, failed, hits, hot, cold, events,"
    " claim_from, lease_owner, lease_until_ms, mark)"
    " VALUES (?, ?, ?, ?, ?, 'queued', '', '', ?, 0, 0, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, '', 0, ?)"
    " ON CONFLICT (id) DO NOTHING";
  return {std::string{text}, {what.id, what.kind, what.library, what.source, what.options, now_ms, now_ms, mark}};
}

statement update_job(const kept_job& changed, std::int64_t mark) {
  constexpr std::string_view text =
    "UPDATE jobs SET state = ?, phase = ?, message = ?, started_ms = ?, ended_ms = ?, updated_ms = ?, row_count = ?,"
    " accepted = ?, rejected = ?, duplicates = ?, items = ?, claimed = ?, done = ?, failed = ?, hits = ?, hot = ?,"
    " cold = ?, events = ?,"
    " claim_from = ?, mark = ?";
  constexpr std::string_view if_read = " WHERE id = ? AND mark = ?";
  static const auto without_lease = std::string{text}.append(if_read);
  static const auto with_lease =
    std::string{text}.append(", lease_owner = ?, lease_until_ms = ?").append(if_read).append(" AND lease_until_ms = ?");
  const auto& job = changed.view;
  const auto& counts = job.counts;
  auto bound = params{std::string{to_string(job.state)}, job.phase, job.message, job.started_ms, job.ended_ms,
    job.updated_ms, counts.parsed.rows, counts.parsed.accepted, counts.parsed.rejected, counts.parsed.duplicates,
    counts.items, counts.claimed, counts.done, counts.failed, counts.hits, counts.hot, counts.cold, job.events,
    changed.claim_from, mark};
  if (job.lease_owner == changed.read_owner && job.lease_until_ms == changed.read_until_ms) {
    bound.insert(bound.end(), {job.id, changed.mark});
    return {without_lease, std::move(bound)};
  }
  bound.insert(bound.end(), {job.lease_owner, job.lease_until_ms, job.id, changed.mark, changed.read_until_ms});
  return {with_lease, std::move(bound)};
}

statement insert_event(std::string_view job, std::int64_t mark, const job_event& event) {
  return {"INSERT INTO job_events (job, seq, kind, at_ms, data)"
          " SELECT id, events, CAST(? AS TEXT), CAST(? AS BIGINT), CAST(? AS TEXT) FROM jobs"
          " WHERE id = ? AND mark = ?",
    {event.kind, event.at_ms, event.data, std::string{job}, mark}};
}

statement insert_summary(std::string_view job, std::int64_t mark, const job_event& event) {
  return {R"(INSERT INTO job_events (job, seq, kind, at_ms, data)
 SELECT id, events, CAST(? AS TEXT), CAST(? AS BIGINT), '{"state":"' || state || '","counts":{"rows":' || row_count
 || ',"accepted":' || accepted || ',"rejected":' || rejected || ',"duplicates":' || duplicates || ',"items":' || items
 || ',"claimed":' || claimed || ',"done":' || done || ',"failed":' || failed || ',"hits":' || hits
 || ',"hot":' || hot || ',"cold":' || cold || '}}'
 FROM jobs WHERE id = ? AND mark = ?)",
    {event.kind, event.at_ms, std::string{job}, mark}};
}

std::vector<statement> insert_items(
  std::string_view job, std::int64_t mark, const std::vector<const job_item*>& items) {
  auto rows = std::vector<params>{};
  rows.reserve(items.size());
  for (const auto* each : items)
    rows.push_back({std::string{job}, mark, each->n, each->kind, each->subject});
  return insert_many("INSERT INTO job_items (job, n, kind, subject, state, how, code, message)"
                     " SELECT j.id, CAST(v.column3 AS BIGINT), v.column4, v.column5, 'queued', '', '', '' FROM (VALUES",
    of_marked_job, std::move(rows));
}

std::vector<statement> insert_rejections(
  std::string_view job, std::int64_t mark, const std::vector<const job_rejection*>& rejections) {
  auto rows = std::vector<params>{};
  rows.reserve(rejections.size());
  for (const auto* each : rejections)
    rows.push_back({std::string{job}, mark, each->line, each->reason});
  return insert_many("INSERT INTO job_rejections (job, line, reason)"
                     " SELECT j.id, CAST(v.column3 AS BIGINT), v.column4 FROM (VALUES",
    of_marked_job, std::move(rows));
}

statement claim_items(std::string_view job, std::int64_t mark, std::int64_t first, std::int64_t last) {
  static const auto text =
    std::string{"UPDATE job_items SET state = 'claimed' WHERE job = ? AND n >= ? AND n <= ? AND state = 'queued'"}
      .append(if_marked);
  return {text, {std::string{job}, first, last, std::string{job}, mark}};
}

statement release_items(std::string_view job, std::int64_t mark) {
  static const auto text =
    std::string{"UPDATE job_items SET state = 'queued' WHERE job = ? AND state = 'claimed'"}.append(if_marked);
  return {text, {std::string{job}, std::string{job}, mark}};
}

std::vector<statement> end_items(
  std::string_view job, std::int64_t mark, const std::vector<const item_result*>& results) {
  static const auto tail =
    std::string{of_marked_job}.append(" WHERE job_items.job = j.id AND job_items.n = CAST(v.column3 AS BIGINT)");
  auto rows = std::vector<params>{};
  rows.reserve(results.size());
  for (const auto* each : results)
    rows.push_back({std::string{job}, mark, each->n,
      std::string{to_string(each->code.empty() ? item_state::done : item_state::failed)}, each->how, each->code,
      each->message});
  return insert_many("UPDATE job_items SET state = v.column4, how = v.column5, code = v.column6, message = v.column7"
                     " FROM (VALUES",
    tail, std::move(rows));
}

result<job_item> read_item(const row& found) {
  auto item = job_item{};
  if (!parse(column<std::string>(found, "state"), item_states, item.state))
    return foreign_row("job_items");
  item.n = column<std::int64_t>(found, "n");
  item.kind = column<std::string>(found, "kind");
  item.subject = column<std::string>(found, "subject");
  item.how = column<std::string>(found, "how");
  item.code = column<std::string>(found, "code");
  item.message = column<std::string>(found, "message");
  return item;
}

} // namespace troupe::storage
