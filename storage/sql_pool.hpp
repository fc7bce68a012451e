// Threads around database connections, for callers that must not block: a job goes in with a deadline, its outcome
// comes back through a callback.
//
// Invariants: every job that was taken is answered exactly once, at the latest when the pool shuts down. What waits is
// bounded; a full queue refuses at once. A write is answered after its COMMIT. With `group_writes` (SQLite, where a
// commit costs an fsync and there is one writer) writes that wait together share one transaction, each in a savepoint:
// one that fails takes back its own changes and nobody else's; when the commit fails, each is run by itself.
#pragma once

#include "storage/sql.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::storage {

enum class job_kind : std::uint8_t { read, write };

struct pool_settings {
  /// Connections that run writes, one thread each; on SQLite one, which may write.
  std::vector<std::unique_ptr<schema_sql>> writers;
  /// Connections for reads; empty: the writers run reads too (PostgreSQL).
  std::vector<std::unique_ptr<schema_sql>> readers;
  /// Reads and writes that may wait, each.
  std::size_t queue_limit = 1024;
  /// Whether waiting writes share a transaction, and how many at most. 256 small writes commit within about 10 ms, so
  /// that no reader of an answer waits noticeably for its company.
  bool group_writes = false;
  std::size_t largest_group = 256;
};

/// A snapshot for metrics.
struct pool_counters {
  std::int64_t queued = 0;         ///< waiting now
  std::int64_t running = 0;        ///< on a connection now
  std::int64_t done = 0;           ///< answered with success
  std::int64_t failed = 0;         ///< answered with their own or the database's error
  std::int64_t refused = 0;        ///< the queue was full, or the pool shut
  std::int64_t expired = 0;        ///< the deadline passed in the queue
  std::int64_t groups = 0;         ///< transactions that writes shared
  std::int64_t grouped_writes = 0; ///< writes in them
};

class sql_pool {
public:
  using clock = std::chrono::steady_clock;

  /// What is to be done on a connection. It leaves its findings where its callback finds them, and returns the error of
  /// the first statement that failed. What it throws becomes ec::internal. A read must not write. What must be all or
  /// nothing is one `batch`: only with group_writes is a job a transaction anyway, and there it may run a second time
  /// after its first run was taken back, so it must set what it leaves and not add to it.
  using job = std::function<result<void>(sql&)>;

  /// Called once, on a thread of the pool (or within `submit` or `shutdown`), never under a lock. It must not throw.
  using callback = std::function<void(result<void>)>;

  explicit sql_pool(pool_settings settings);
  /// As shutdown().
  ~sql_pool();
  sql_pool(const sql_pool&) = delete;
  sql_pool& operator=(const sql_pool&) = delete;

  /// Hands a job over. The callback gets ec::overloaded when the queue is full, ec::cancelled when the pool is shut,
  /// ec::deadline_exceeded (and the job does not run) when `deadline` passes first, else what the job returned.
  void submit(job_kind kind, job work, clock::time_point deadline, callback answer);

  /// Takes no more jobs, runs what waits, and returns when all is answered and every connection closed. Not to be
  /// called from a callback.
  void shutdown();

  [[nodiscard]] pool_counters counters() const;

private:
  struct task {
    job work;
    clock::time_point deadline;
    callback answer;
  };
  /// One queue and those who work on it.
  struct lane {
    std::deque<task> waiting;
    std::condition_variable changed;
  };

  void serve(lane& from, schema_sql& db, std::size_t group);
  void run_group(schema_sql& db, std::vector<task>& group);
  void finish(task& one, result<void> outcome);
  void expire(std::vector<task>& taken);

  pool_settings settings_;
  mutable std::mutex mutex_; // of all below
  lane reads_;
  lane writes_;
  bool shut_ = false;
  pool_counters counters_;
  std::vector<std::thread> threads_;
};

} // namespace troupe::storage
