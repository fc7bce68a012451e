// The pool of mapper processes: a bounded queue, and for each process one thread that feeds it. A process that is late
// is killed and a new one started; a crash concerns the body that caused it and no other. Invariant: every body is
// answered exactly once, whatever becomes of its process. No CAF here: jq.hpp is the actor that tells its counters.
#pragma once

#include "actors/jq/child.hpp"
#include "messages/result.hpp"
#include "messages/types.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace troupe::jq {

struct pool_settings {
  child_settings process;
  std::size_t workers = 1;
  std::size_t queue = 1'000;         ///< bodies that wait; one more is refused (each may have 8 MiB)
  std::vector<std::string> programs; ///< by number; known to compile (see check_programs)
};

/// What the pool has done since its start.
struct pool_counters {
  std::int64_t mapped = 0;  ///< answered with an output
  std::int64_t failed = 0;  ///< the program failed on the body
  std::int64_t killed = 0;  ///< processes that were late
  std::int64_t crashed = 0; ///< processes that ended by themselves
  std::int64_t refused = 0; ///< the queue was full, or the deadline passed in it
  std::int64_t waiting = 0; ///< bodies in the queue now
  std::int64_t running = 0; ///< bodies in a process now
  std::int64_t busy_us = 0; ///< spent in processes
};

class pool {
public:
  using time = std::chrono::steady_clock::time_point;
  /// The output as JSON text; or provider_malformed (the body is no JSON, the program failed on it, took too long or
  /// crashed), overloaded (the queue is full), deadline_exceeded, cancelled (the pool ends), internal (no process).
  using callback = std::function<void(result<std::string>)>;

  /// Starts the threads; the processes start beside.
  explicit pool(pool_settings settings);
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;
  /// Kills the processes and answers what waits with `cancelled`.
  ~pool();

  /// Runs a program over a body. `done` is called once: here when refused, else on a thread of the pool.
  void map(std::size_t program, blob body, time deadline, callback done);

  [[nodiscard]] pool_counters count() const;

private:
  struct job {
    std::size_t program = 0;
    blob body;
    time deadline;
    callback done;
  };

  void serve();
  [[nodiscard]] std::optional<job> take();
  [[nodiscard]] std::string start(child& process) const;
  [[nodiscard]] result<std::string> run(child& process, const job& j);
  [[nodiscard]] error lost(int signal) const;

  pool_settings settings_;
  int stop_fd_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<job> queue_;
  bool stopping_ = false;
  pool_counters counters_;
  std::vector<std::thread> threads_;
};

/// Compiles programs in a process of their own and returns the complaint about each ("line 2: syntax error"), in order;
/// empty: none. The error says why there is no process.
[[nodiscard]] result<std::vector<std::string>> check_programs(
  const child_settings& settings, const std::vector<std::string>& programs);

} // namespace troupe::jq
