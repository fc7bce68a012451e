#include "storage/sql_pool.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace troupe::storage {
namespace {

/// A job's own word, or what it threw.
result<void> outcome_of(const sql_pool::job& work, sql& db) {
  try {
    return work(db);
  } catch (const std::exception& e) {
    return fail(ec::internal, std::string{"a storage job threw: "} + e.what());
  } catch (...) {
    return fail(ec::internal, "a storage job threw something of no known type");
  }
}

} // namespace

sql_pool::sql_pool(pool_settings settings) : settings_{std::move(settings)} {
  if (settings_.writers.empty() && settings_.readers.empty())
    throw std::invalid_argument{"sql_pool: expected at least one connection"};
  const auto group = settings_.group_writes ? std::max<std::size_t>(1, settings_.largest_group) : std::size_t{0};
  for (auto& each : settings_.writers)
    threads_.emplace_back([this, &db = *each, group] { serve(writes_, db, group); });
  for (auto& each : settings_.readers)
    threads_.emplace_back([this, &db = *each] { serve(reads_, db, 0); });
}

sql_pool::~sql_pool() {
  shutdown();
}

void sql_pool::submit(job_kind kind, job work, clock::time_point deadline, callback answer) {
  auto refusal = std::optional<error>{};
  {
    const auto guard = std::lock_guard{mutex_};
    // Without readers of their own, reads queue with the writes; without a writer, writes have nobody.
    auto& to = kind == job_kind::write || settings_.readers.empty() ? writes_ : reads_;
    if (shut_)
      refusal = error{ec::cancelled, "the storage is shutting down"};
    else if (&to == &writes_ && settings_.writers.empty())
      refusal = error{ec::storage_failed, "this storage only reads"};
    else if (to.waiting.size() >= settings_.queue_limit)
      refusal = error{ec::overloaded, "the storage has " + std::to_string(to.waiting.size()) + " jobs waiting"};
    if (!refusal) {
      to.waiting.push_back({std::move(work), deadline, std::move(answer)});
      ++counters_.queued;
      to.changed.notify_one();
      return;
    }
    ++counters_.refused;
  }
  answer(boost::outcome_v2::failure(std::move(*refusal)));
}

void sql_pool::shutdown() {
  auto threads = std::vector<std::thread>{};
  {
    const auto guard = std::lock_guard{mutex_};
    shut_ = true;
    threads.swap(threads_);
    reads_.changed.notify_all();
    writes_.changed.notify_all();
  }
  for (auto& each : threads)
    each.join();
  settings_.readers.clear();
  settings_.writers.clear();
}

pool_counters sql_pool::counters() const {
  const auto guard = std::lock_guard{mutex_};
  return counters_;
}

/// Works on a queue until the pool is shut. `group`: how many jobs share a transaction at most; 0: none does.
void sql_pool::serve(lane& from, schema_sql& db, std::size_t group) {
  auto taken = std::vector<task>{};
  for (;;) {
    {
      auto guard = std::unique_lock{mutex_};
      from.changed.wait(guard, [&] { return shut_ || !from.waiting.empty(); });
      if (from.waiting.empty())
        return; // shut, and nothing is left
      while (!from.waiting.empty() && taken.size() < std::max<std::size_t>(1, group)) {
        taken.push_back(std::move(from.waiting.front()));
        from.waiting.pop_front();
      }
      counters_.queued -= static_cast<std::int64_t>(taken.size());
      counters_.running += static_cast<std::int64_t>(taken.size());
    }
    expire(taken);
    if (group > 0 && !taken.empty())
      run_group(db, taken);
    else if (!taken.empty())
      finish(taken.front(), outcome_of(taken.front().work, db));
    taken.clear();
  }
}

/// Answers those whose deadline has passed, and leaves the others.
void sql_pool::expire(std::vector<task>& taken) {
  const auto now = clock::now();
  const auto late = std::stable_partition(taken.begin(), taken.end(), [&](const task& t) { return t.deadline > now; });
  {
    const auto guard = std::lock_guard{mutex_};
    counters_.running -= taken.end() - late;
    counters_.expired += taken.end() - late;
  }
  for (auto at = late; at != taken.end(); ++at)
    at->answer(fail(ec::deadline_exceeded, "the deadline passed while the job waited for the storage"));
  taken.erase(late, taken.end());
}

void sql_pool::finish(task& one, result<void> outcome) {
  {
    const auto guard = std::lock_guard{mutex_};
    --counters_.running;
    ++(outcome ? counters_.done : counters_.failed);
  }
  one.answer(std::move(outcome));
}

void sql_pool::run_group(schema_sql& db, std::vector<task>& group) {
  auto outcomes = std::vector<result<void>>(group.size(), result<void>{ok()});
  auto committed = db.exclusively([&]() -> result<void> {
    // A savepoint whose job failed is taken back. When the transaction itself broke, its end says so.
    for (std::size_t i = 0; i < group.size(); ++i)
      outcomes[i] = db.exclusively([&] { return outcome_of(group[i].work, db); });
    return ok();
  });
  // What stopped the commit is one job's doing (a deferred constraint) or everybody's (a full disk): each by itself
  // finds out. Nothing of the group remains, so nothing happens twice.
  const auto alone = !committed && group.size() > 1;
  for (std::size_t i = 0; alone && i < group.size(); ++i)
    outcomes[i] = db.exclusively([&] { return outcome_of(group[i].work, db); });
  {
    const auto guard = std::lock_guard{mutex_};
    counters_.groups += alone ? static_cast<std::int64_t>(group.size()) : 1;
    counters_.grouped_writes += static_cast<std::int64_t>(group.size());
  }
  for (std::size_t i = 0; i < group.size(); ++i)
    finish(group[i], committed || alone || !outcomes[i] ? std::move(outcomes[i]) : committed);
}

} // namespace troupe::storage
