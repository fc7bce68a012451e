#include "storage/schedules_repository.hpp"

#include "storage/job_rows.hpp"
#include "storage/paging.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace troupe::storage {
namespace {

// Of those who begin a run at once each begins again once for each that was faster: more than a cluster has nodes.
constexpr int most_attempts = 64;

constexpr auto never = std::numeric_limits<std::int64_t>::min();

constexpr std::string_view interrupted = "interrupted";

result<schedule_run> read_run(const row& found) {
  auto run = schedule_run{};
  if (!parse(column<std::string>(found, "cause"), run_causes, run.cause)
      || !parse(column<std::string>(found, "outcome"), run_outcomes, run.outcome))
    return fail(ec::storage_unusable, "the table schedule_runs is not Troupe's: a row holds what is unknown");
  run.name = column<std::string>(found, "name");
  run.n = column<std::int64_t>(found, "n");
  run.due_ms = column<std::int64_t>(found, "due_ms");
  run.started_ms = column<std::int64_t>(found, "started_ms");
  run.ended_ms = column<std::int64_t>(found, "ended_ms");
  run.message = column<std::string>(found, "message");
  run.owner = column<std::string>(found, "owner");
  return run;
}

} // namespace

/// A schedule as it was read. Every write is one transaction, as with jobs (job_rows.hpp): it happens to the schedule
/// that was read, or not at all.
struct schedules_repository::entry {
  std::int64_t due_ms = never;
  std::int64_t runs = 0;
  std::int64_t mark = 0;
  std::optional<std::int64_t> open_until_ms; // of the run under way
};

result<schedules_repository::entry> schedules_repository::read(std::string_view name) {
  const auto text = std::string{name};
  auto answers = db_.read_batch({{"SELECT due_ms, runs, mark FROM schedules WHERE name = ?", {text}},
    {"SELECT max(until_ms) AS until_ms FROM schedule_runs WHERE name = ? AND outcome = 'running'", {text}}});
  if (!answers)
    return answers.as_failure();
  auto found = entry{};
  if (const auto& rows = answers.value()[0]; !rows.empty())
    found = {column<std::int64_t>(rows.front(), "due_ms"), column<std::int64_t>(rows.front(), "runs"),
      column<std::int64_t>(rows.front(), "mark"), {}};
  if (const auto& open = answers.value()[1]; !open.empty())
    if (const auto* until = open.front().get<std::int64_t>("until_ms"))
      found.open_until_ms = *until;
  return found;
}

/// Adds a run to a schedule that is as it was read; false: it is not. What is under way is closed as interrupted.
result<bool> schedules_repository::write(
  const entry& was, std::int64_t due_ms, const schedule_run& run, std::int64_t until_ms) {
  constexpr std::string_view if_marked = " AND EXISTS (SELECT 1 FROM schedules WHERE name = ? AND mark = ?)";
  static const auto close = std::string{"UPDATE schedule_runs SET outcome = 'failed', message = ?, ended_ms = ?"
                                        " WHERE name = ? AND outcome = 'running'"}
                              .append(if_marked);
  static const auto trim =
    std::string{"DELETE FROM schedule_runs WHERE name = ? AND n <= ? AND outcome <> 'running'"}.append(if_marked);
  const auto mark = new_mark();
  const auto n = was.runs + 1;
  auto whole = std::vector<statement>{};
  if (was.runs == 0 && was.mark == 0)
    whole.push_back(
      {"INSERT INTO schedules (name, due_ms, runs, mark) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
        {run.name, due_ms, n, mark}});
  else
    whole.push_back({"UPDATE schedules SET due_ms = ?, runs = ?, mark = ? WHERE name = ? AND mark = ?",
      {due_ms, n, mark, run.name, was.mark}});
  if (run.outcome == run_outcome::running && was.open_until_ms)
    whole.push_back({close, {std::string{interrupted}, run.started_ms, run.name, run.name, mark}});
  whole.push_back({"INSERT INTO schedule_runs (name, n, due_ms, started_ms, ended_ms, cause, outcome, message, owner,"
                   " until_ms) SELECT name, runs, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT),"
                   " CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT)"
                   " FROM schedules WHERE name = ? AND mark = ?",
    {run.due_ms, run.started_ms, run.ended_ms, std::string{to_string(run.cause)}, std::string{to_string(run.outcome)},
      run.message, run.owner, until_ms, run.name, mark}});
  whole.push_back({trim, {run.name, n - keep_, run.name, mark}});
  auto done = db_.batch(whole);
  if (!done)
    return done.as_failure();
  return done.value().front() == 1;
}

/// Notes a run that starts, or that is skipped.
result<begun> schedules_repository::note(schedule_run run, std::int64_t until_ms) {
  const auto takes_moment = run.cause != run_cause::manual;
  const auto starts = run.outcome == run_outcome::running;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    auto found = read(run.name);
    if (!found)
      return found.as_failure();
    const auto& was = found.value();
    if (takes_moment && was.due_ms >= run.due_ms)
      return begun{begun::how::taken, 0};
    auto noted = run;
    const auto busy = starts && was.open_until_ms && *was.open_until_ms > run.started_ms;
    if (busy) {
      if (!takes_moment)
        return begun{begun::how::busy, 0};
      noted.outcome = run_outcome::skipped;
      noted.ended_ms = run.started_ms;
      noted.message = "the previous run is under way";
    }
    auto done = write(was, takes_moment ? run.due_ms : was.due_ms, noted, until_ms);
    if (!done)
      return done.as_failure();
    if (done.value())
      return busy ? begun{begun::how::busy, 0} : begun{begun::how::started, was.runs + 1};
  }
  return fail(ec::storage_failed, "schedule " + run.name + ": others change it all the time");
}

result<std::map<std::string, std::int64_t>> schedules_repository::moments() {
  auto rows = db_.all("SELECT name, due_ms FROM schedules WHERE due_ms > ?", {never});
  if (!rows)
    return rows.as_failure();
  auto all = std::map<std::string, std::int64_t>{};
  for (const auto& each : rows.value())
    all.emplace(column<std::string>(each, "name"), column<std::int64_t>(each, "due_ms"));
  return all;
}

result<begun> schedules_repository::begin(std::string_view name, std::int64_t due_ms, run_cause cause,
  std::string_view owner, std::int64_t now_ms, std::int64_t until_ms) {
  auto run = schedule_run{};
  run.name = name;
  run.due_ms = due_ms;
  run.started_ms = now_ms;
  run.cause = cause;
  run.owner = owner;
  return note(std::move(run), until_ms);
}

result<bool> schedules_repository::skip(std::string_view name, std::int64_t due_ms, run_cause cause,
  std::string_view why, std::string_view owner, std::int64_t now_ms) {
  auto run = schedule_run{};
  run.name = name;
  run.due_ms = due_ms;
  run.started_ms = now_ms;
  run.ended_ms = now_ms;
  run.cause = cause;
  run.outcome = run_outcome::skipped;
  run.message = why;
  run.owner = owner;
  auto noted = note(std::move(run), now_ms);
  if (!noted)
    return noted.as_failure();
  return noted.value().what == begun::how::started;
}

result<bool> schedules_repository::end(
  std::string_view name, std::int64_t n, run_outcome how, std::string_view message, std::int64_t now_ms) {
  auto done = db_.run("UPDATE schedule_runs SET outcome = ?, message = ?, ended_ms = ?"
                      " WHERE name = ? AND n = ? AND outcome = 'running'",
    {std::string{to_string(how)}, std::string{message}, now_ms, std::string{name}, n});
  if (!done)
    return done.as_failure();
  return done.value() == 1;
}

result<bool> schedules_repository::renew(std::string_view name, std::int64_t n, std::int64_t until_ms) {
  auto done = db_.run("UPDATE schedule_runs SET until_ms = ? WHERE name = ? AND n = ? AND outcome = 'running'",
    {until_ms, std::string{name}, n});
  if (!done)
    return done.as_failure();
  return done.value() == 1;
}

result<std::int64_t> schedules_repository::disown(
  std::string_view name, std::string_view owner, std::int64_t due_ms, std::int64_t now_ms) {
  return db_.run("UPDATE schedule_runs SET outcome = 'failed', message = 'begun too late', ended_ms = ?"
                 " WHERE name = ? AND owner = ? AND due_ms = ? AND outcome = 'running'",
    {now_ms, std::string{name}, std::string{owner}, due_ms});
}

result<std::int64_t> schedules_repository::close_interrupted(std::string_view owner, std::int64_t now_ms) {
  return db_.run("UPDATE schedule_runs SET outcome = 'failed', message = ?, ended_ms = ?"
                 " WHERE owner = ? AND outcome = 'running'",
    {std::string{interrupted}, now_ms, std::string{owner}});
}

result<void> schedules_repository::rewind(std::string_view name, std::int64_t due_ms) {
  auto done = db_.run("UPDATE schedules SET due_ms = ?, mark = ? WHERE name = ? AND due_ms > ?",
    {due_ms, new_mark(), std::string{name}, due_ms});
  if (!done)
    return done.as_failure();
  return ok();
}

result<std::map<std::string, schedule_standing>> schedules_repository::standing(std::int64_t now_ms) {
  auto rows = db_.all("SELECT r.name, r.n, r.due_ms, r.started_ms, r.ended_ms, r.cause, r.outcome, r.message, r.owner,"
                      " r.until_ms FROM schedules AS s JOIN schedule_runs AS r ON r.name = s.name"
                      " WHERE r.n = s.runs OR r.outcome = 'running' ORDER BY r.name, r.n");
  if (!rows)
    return rows.as_failure();
  auto all = std::map<std::string, schedule_standing>{};
  for (const auto& each : rows.value()) {
    auto run = read_run(each);
    if (!run)
      return run.as_failure();
    auto& found = all[run.value().name];
    found.under_way =
      found.under_way
      || (run.value().outcome == run_outcome::running && column<std::int64_t>(each, "until_ms") > now_ms);
    found.last = std::move(run.value());
  }
  return all;
}

result<schedule_page> schedules_repository::history(
  std::string_view name, std::int64_t limit, std::string_view cursor) {
  auto found = read_after(db_,
    {.select = "SELECT name, n, due_ms, started_ms, ended_ms, cause, outcome, message, owner FROM schedule_runs"
               " WHERE name = ?",
      .bound = {std::string{name}},
      .key = {"n"},
      .descending = true,
      .limit = limit},
    cursor);
  if (!found)
    return found.as_failure();
  auto page = schedule_page{{}, std::move(found.value().cursor)};
  for (const auto& each : found.value().rows) {
    auto run = read_run(each);
    if (!run)
      return run.as_failure();
    page.runs.push_back(std::move(run.value()));
  }
  return page;
}

} // namespace troupe::storage
