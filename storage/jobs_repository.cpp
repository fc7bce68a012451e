#include "storage/jobs_repository.hpp"

#include "storage/job_changes.hpp"
#include "storage/job_rows.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace troupe::storage {
namespace {

// Of those that begin again when they are overtaken a job has one, its owner.
constexpr int most_attempts = 16;

/// Those of `all` that are not `known`, by `number`, of two with one number the first; in order.
template <class T>
std::vector<const T*> news(const std::vector<T>& all, const std::vector<std::int64_t>& known, std::int64_t T::*number) {
  auto first = std::map<std::int64_t, const T*>{};
  for (const auto& each : all)
    if (!std::binary_search(known.begin(), known.end(), each.*number))
      first.emplace(each.*number, &each);
  auto list = std::vector<const T*>{};
  list.reserve(first.size());
  for (const auto& [_, each] : first)
    list.push_back(each);
  return list;
}

template <class T>
std::pair<std::int64_t, std::int64_t> range_of(const std::vector<T>& all, std::int64_t T::*number) {
  const auto [least, most] =
    std::minmax_element(all.begin(), all.end(), [&](const T& a, const T& b) { return a.*number < b.*number; });
  return {(*least).*number, (*most).*number};
}

/// The first queued items of a job. They are looked for nearby at first: PostgreSQL, before its first ANALYZE of the
/// table, reads and sorts all that a range holds.
result<std::vector<row>> next_queued(sql& db, const kept_job& job, std::int64_t limit) {
  constexpr std::string_view text = "SELECT n, kind, subject, state, how, code, message FROM job_items"
                                    " WHERE job = ? AND n >= ? AND n <= ? AND state = 'queued' ORDER BY n LIMIT ?";
  constexpr auto last = std::numeric_limits<std::int64_t>::max();
  const auto reach = 4 * std::min(limit, std::int64_t{1} << 20);
  const auto near = job.claim_from > last - reach ? last : job.claim_from + reach;
  auto rows = db.all(text, {job.view.id, job.claim_from, near, limit});
  if (near == last || !rows || static_cast<std::int64_t>(rows.value().size()) >= limit)
    return rows;
  return db.all(text, {job.view.id, job.claim_from, last, limit});
}

constexpr std::string_view items_there = "SELECT n FROM job_items WHERE job = ? AND n >= ? AND n <= ? ORDER BY n";
constexpr std::string_view claimed_there =
  "SELECT n FROM job_items WHERE job = ? AND n >= ? AND n <= ? AND state = 'claimed' ORDER BY n";
constexpr std::string_view rejections_there =
  "SELECT line AS n FROM job_rejections WHERE job = ? AND line >= ? AND line <= ? ORDER BY line";

} // namespace

result<kept_job> jobs_repository::existing(std::string_view id) {
  auto found = find_job(db_, id);
  if (!found)
    return found.as_failure();
  if (!found.value())
    return fail(ec::not_found, "job " + std::string{id} + ": there is none");
  return std::move(*found.value());
}

result<job_view> jobs_repository::change(std::string_view id, std::int64_t now_ms, const decision& decide) {
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    auto found = existing(id);
    if (!found)
      return found.as_failure();
    auto& job = found.value();
    const auto mark = new_mark();
    auto more = decide(job, mark);
    if (!more)
      return more.as_failure();
    if (!more.value())
      return std::move(job.view);
    job.view.updated_ms = now_ms;
    auto whole = std::vector<statement>{update_job(job, mark)};
    append_to(whole, std::move(*more.value()));
    auto done = db_.batch(whole);
    if (!done)
      return done.as_failure();
    if (done.value().front() == 1)
      return std::move(job.view);
  }
  return fail(ec::storage_failed, "job " + std::string{id} + ": others change it all the time");
}

/// One UPDATE that says itself which jobs it is for, and what follows when the job is one of them.
result<job_view> jobs_repository::change_from_outside(
  std::string_view id, std::string_view wish, const statement& update, std::vector<statement> more) {
  auto whole = std::vector<statement>{update};
  append_to(whole, std::move(more));
  auto done = db_.batch(whole);
  if (!done)
    return done.as_failure();
  auto job = existing(id);
  if (!job)
    return job.as_failure();
  if (done.value().front() != 1)
    return boost::outcome_v2::failure(refused(job.value().view, wish));
  return std::move(job.value().view);
}

/// Queues again what is claimed of a job.
result<void> jobs_repository::release(kept_job& job, std::int64_t mark, std::vector<statement>& out) {
  if (job.view.counts.claimed == 0)
    return ok();
  auto first =
    db_.first("SELECT n FROM job_items WHERE job = ? AND state = 'claimed' ORDER BY n LIMIT 1", {job.view.id});
  if (!first)
    return first.as_failure();
  if (first.value())
    job.claim_from = std::min(job.claim_from, column<std::int64_t>(*first.value(), "n"));
  job.view.counts.claimed = 0;
  out.push_back(release_items(job.view.id, mark));
  return ok();
}

result<std::vector<std::int64_t>> jobs_repository::numbers_of(
  std::string_view text, std::string_view id, std::int64_t first, std::int64_t last) {
  auto rows = db_.all(text, {std::string{id}, first, last});
  if (!rows)
    return rows.as_failure();
  auto numbers = std::vector<std::int64_t>{};
  numbers.reserve(rows.value().size());
  for (const auto& each : rows.value())
    numbers.push_back(column<std::int64_t>(each, "n"));
  return numbers;
}

result<void> jobs_repository::create(const new_job& what, std::int64_t now_ms) {
  const auto mark = new_mark();
  auto done = db_.batch({insert_job(what, now_ms, mark),
    insert_event(what.id, mark, {.kind = "state", .at_ms = now_ms, .data = state_json(job_state::queued)})});
  if (!done)
    return done.as_failure();
  return ok();
}

result<std::optional<job_view>> jobs_repository::start_next(
  std::string_view owner, std::int64_t now_ms, std::int64_t until_ms) {
  auto last = error{};
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    auto next = db_.first("SELECT id FROM jobs AS waiting WHERE state = 'queued' AND NOT EXISTS (SELECT 1 FROM jobs"
                          " AS busy WHERE busy.library = waiting.library AND busy.state IN ('running', 'paused'))"
                          " ORDER BY created_ms, id LIMIT 1");
    if (!next)
      return next.as_failure();
    if (!next.value())
      return std::optional<job_view>{};
    auto started = change(
      column<std::string>(*next.value(), "id"), now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
        auto& view = job.view;
        if (view.state != job_state::queued)
          return boost::outcome_v2::failure(refused(view, "started"));
        view.state = job_state::running;
        view.lease_owner = owner;
        view.lease_until_ms = until_ms;
        if (view.started_ms == 0)
          view.started_ms = now_ms;
        auto out = std::vector<statement>{};
        tell_state(job, mark, out, now_ms);
        return changes{std::move(out)};
      });
    if (started)
      return std::optional{std::move(started.value())};
    // Somebody else has started this one, or (the index jobs_under_way refuses it) another of its library: then the
    // next search finds something else. An error that stays was none of these.
    last = std::move(started.error());
  }
  return boost::outcome_v2::failure(std::move(last));
}

result<std::vector<job_view>> jobs_repository::recover(
  std::string_view owner, std::int64_t now_ms, std::int64_t until_ms, recovery which) {
  const auto is_lost = [&](const job_view& job) {
    return (job.state == job_state::running || job.state == job_state::paused) && !job.lease_owner.empty()
           && (job.lease_until_ms <= now_ms || (which == recovery::at_start && job.lease_owner == owner));
  };
  auto rows = db_.all("SELECT id FROM jobs WHERE state IN ('running', 'paused') AND lease_owner <> ''"
                      " AND (lease_until_ms <= ? OR lease_owner = ?) ORDER BY created_ms, id",
    {now_ms, std::string{owner}});
  if (!rows)
    return rows.as_failure();
  auto mine = std::vector<job_view>{};
  for (const auto& each : rows.value()) {
    auto taken =
      change(column<std::string>(each, "id"), now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
        auto& view = job.view;
        if (!is_lost(view))
          return fail(ec::cancelled, "job " + view.id + ": nobody has lost it");
        const auto runs = view.state == job_state::running;
        view.lease_owner = runs ? std::string{owner} : std::string{};
        view.lease_until_ms = runs ? until_ms : 0;
        auto out = std::vector<statement>{};
        if (auto released = release(job, mark, out); !released)
          return released.as_failure();
        return changes{std::move(out)};
      });
    if (!taken && taken.error().code != ec::cancelled && taken.error().code != ec::not_found)
      return taken.as_failure();
    if (taken && taken.value().state == job_state::running)
      mine.push_back(std::move(taken.value()));
  }
  return mine;
}

result<job_view> jobs_repository::renew(
  std::string_view id, std::string_view owner, std::int64_t now_ms, std::int64_t until_ms) {
  auto done = db_.run("UPDATE jobs SET lease_until_ms = ?, updated_ms = ? WHERE id = ? AND lease_owner = ?"
                      " AND lease_owner <> '' AND state IN ('running', 'paused')",
    {until_ms, now_ms, std::string{id}, std::string{owner}});
  if (!done)
    return done.as_failure();
  auto job = existing(id);
  if (!job)
    return job.as_failure();
  if (auto held = check_lease(job.value().view, owner); !held)
    return held.as_failure();
  return std::move(job.value().view);
}

result<job_view> jobs_repository::advance(
  std::string_view id, std::string_view owner, std::string_view phase, std::int64_t now_ms) {
  return change(id, now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
    if (auto runs = check_running(job.view, owner, "advanced"); !runs)
      return runs.as_failure();
    job.view.phase = phase;
    auto out = std::vector<statement>{};
    tell(job, mark, out, "phase", R"({"phase":")" + std::string{phase} + R"("})", now_ms, telling::always);
    return changes{std::move(out)};
  });
}

result<job_view> jobs_repository::add_items(
  std::string_view id, std::string_view owner, const parsed_rows& parsed, std::int64_t now_ms) {
  return change(id, now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
    if (auto runs = check_running(job.view, owner, "given items"); !runs)
      return runs.as_failure();
    auto out = std::vector<statement>{};
    if (!parsed.items.empty()) {
      const auto [first, last] = range_of(parsed.items, &job_item::n);
      auto known = numbers_of(items_there, id, first, last);
      if (!known)
        return known.as_failure();
      const auto added = news(parsed.items, known.value(), &job_item::n);
      append_to(out, insert_items(id, mark, added));
      job.view.counts.items += static_cast<std::int64_t>(added.size());
      if (!added.empty())
        job.claim_from = std::min(job.claim_from, added.front()->n);
    }
    if (!parsed.rejections.empty()) {
      const auto [first, last] = range_of(parsed.rejections, &job_rejection::line);
      auto known = numbers_of(rejections_there, id, first, last);
      if (!known)
        return known.as_failure();
      append_to(out, insert_rejections(id, mark, news(parsed.rejections, known.value(), &job_rejection::line)));
    }
    job.view.counts.parsed = parsed.totals;
    return changes{std::move(out)};
  });
}

result<std::vector<job_item>> jobs_repository::claim(
  std::string_view id, std::string_view owner, std::int64_t limit, std::int64_t now_ms) {
  if (auto good = check_limit(limit); !good)
    return good.as_failure();
  auto claimed = std::vector<job_item>{};
  auto done = change(id, now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
    claimed.clear();
    if (auto runs = check_running(job.view, owner, "worked on"); !runs)
      return runs.as_failure();
    auto rows = next_queued(db_, job, limit);
    if (!rows)
      return rows.as_failure();
    if (rows.value().empty())
      return changes{};
    for (const auto& each : rows.value()) {
      auto item = read_item(each);
      if (!item)
        return item.as_failure();
      item.value().state = item_state::claimed;
      claimed.push_back(std::move(item.value()));
    }
    job.view.counts.claimed += static_cast<std::int64_t>(claimed.size());
    job.claim_from = claimed.back().n + 1;
    return changes{{claim_items(id, mark, claimed.front().n, claimed.back().n)}};
  });
  if (!done)
    return done.as_failure();
  return claimed;
}

result<job_view> jobs_repository::requeue(std::string_view id, std::string_view owner, std::int64_t now_ms) {
  return change(id, now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
    if (auto held = check_lease(job.view, owner); !held)
      return held.as_failure();
    auto out = std::vector<statement>{};
    if (auto released = release(job, mark, out); !released)
      return released.as_failure();
    if (job.view.state == job_state::paused) {
      job.view.lease_owner.clear();
      job.view.lease_until_ms = 0;
    } else if (out.empty()) {
      return changes{};
    }
    return changes{std::move(out)};
  });
}

result<job_view> jobs_repository::finish(std::string_view id, std::string_view owner,
  const std::vector<item_result>& results, const std::optional<job_event>& told, std::int64_t now_ms) {
  if (auto good = check_event(told); !good)
    return good.as_failure();
  return change(id, now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
    if (auto held = check_lease(job.view, owner); !held)
      return held.as_failure();
    auto out = std::vector<statement>{};
    if (!results.empty()) {
      const auto [first, last] = range_of(results, &item_result::n);
      auto open = numbers_of(claimed_there, id, first, last);
      if (!open)
        return open.as_failure();
      auto ended = news(results, {}, &item_result::n);
      std::erase_if(ended, [&](const item_result* each) {
        return !std::binary_search(open.value().begin(), open.value().end(), each->n);
      });
      if (ended.empty())
        return changes{};
      auto& counts = job.view.counts;
      const auto tiers = counts.hot + counts.cold;
      for (const auto* each : ended) {
        counts.claimed -= 1;
        counts.done += each->code.empty() ? 1 : 0;
        counts.failed += each->code.empty() ? 0 : 1;
        counts.hot += each->code.empty() && each->how == done_hot ? 1 : 0;
        counts.cold += each->code.empty() && each->how == done_cold ? 1 : 0;
      }
      counts.hits += counts.hot + counts.cold - tiers;
      append_to(out, end_items(id, mark, ended));
    }
    tell_also(job, mark, out, told, now_ms);
    return changes{std::move(out)};
  });
}

result<job_view> jobs_repository::append(
  std::string_view id, std::string_view owner, const job_event& told, std::int64_t now_ms) {
  if (auto good = check_event(told); !good)
    return good.as_failure();
  return change(id, now_ms, [&](kept_job& job, std::int64_t mark) -> result<changes> {
    if (auto runs = check_running(job.view, owner, "reported on"); !runs)
      return runs.as_failure();
    auto out = std::vector<statement>{};
    tell_also(job, mark, out, told, now_ms);
    return changes{std::move(out)};
  });
}

} // namespace troupe::storage
