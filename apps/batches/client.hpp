// Batches for C++ code on any thread (S4-08..20): functions that call external APIs, kept to each lane's rate and
// concurrency, alone or in named batches. Everything returns at once; what is awaited is a future.
//
//   auto searches = client.execute_batch({call(lanes::spotify, search_one), call(lanes::spotify, search_two)},
//   "searches"); const auto view = searches.get();             // results in task order; a failed task's is null beside
//   its error
//
// A function may itself execute others and wait for them, at any concurrency: while it waits it holds no slot.
#pragma once

#include "apps/batches/gate.hpp"
#include "apps/batches/threads.hpp"
#include "messages/batch.hpp"
#include "messages/result.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace troupe {

/// Lanes of the APIs that the typed calls are for (S4-17..19); every provider's name is a lane too.
namespace lanes {
inline constexpr std::string_view anthropic = "anthropic";
inline constexpr std::string_view spotify = "spotify";
inline constexpr std::string_view lastfm = "lastfm";
} // namespace lanes

/// A function to be run on a lane ("": it makes no outbound call), and how long it may take, waiting included.
struct blocking_call {
  std::string lane;
  std::function<task_result()> run;
  std::chrono::microseconds timeout{0}; // 0: the batch's
};

/// Makes a call of a function. It may block; what it throws becomes ec::internal. It returns a copyable value, or a
/// result<T> of one, whose error becomes the task's.
template <class F>
[[nodiscard]] blocking_call call(std::string_view lane, F fn, std::chrono::microseconds timeout = {}) {
  return {std::string{lane},
    [fn = std::move(fn)]() mutable -> task_result {
      auto value = fn();
      using type = decltype(value);
      if constexpr (requires {
                      value.has_error();
                      value.error().code;
                    }) {
        if (value.has_error())
          return {value.error().code, value.error().message, {}, {}};
        return {ec::none, {}, {}, std::any{std::move(value.value())}};
      } else {
        return {ec::none, {}, {}, std::any{type{std::move(value)}}};
      }
    },
    timeout};
}

/// The value of a call that returned a T: null when it failed (S4-40, practice 7), or returned something else.
template <class T>
[[nodiscard]] const T* value_of(const task_result& r) noexcept {
  return r.code == ec::none ? std::any_cast<T>(&r.value) : nullptr;
}

class batch_client {
public:
  struct options {
    std::chrono::microseconds timeout = std::chrono::minutes{10};
    bool strict = false;    ///< the first failure fails the batch
    task_observer progress; ///< once for each task that ends, on an actor thread: it must not block
  };

  /// The result of one task of a batch. get() once.
  class task_future {
  public:
    /// Waits for it; a task that waits holds no slot meanwhile (until its whole batch has ended).
    [[nodiscard]] task_result get();

  private:
    friend class batch_client;
    batch_client* client_ = nullptr; // which must outlive this
    std::string batch_;
    std::future<task_result> inner_;
  };

  batch_client(gate_actor gate, batch_actor batches);
  batch_client(const batch_client&) = delete;
  batch_client& operator=(const batch_client&) = delete;
  ~batch_client(); // waits for functions that run

  /// Runs one function under the same limits as all batches (S4-12, S4-53).
  [[nodiscard]] std::future<task_result> execute(blocking_call c);
  [[nodiscard]] std::future<task_result> execute(batch_task t, std::chrono::microseconds timeout);

  /// Runs them under a name, without blocking (S4-13). Each future is ready when its task has ended, whatever the
  /// others do (S4-11). Of a batch that was refused (its id is pending) every future has the error.
  std::vector<task_future> enqueue_batch(std::string id, std::vector<blocking_call> calls, const options& how);
  std::vector<task_future> enqueue_batch(std::string id, std::vector<blocking_call> calls) {
    return enqueue_batch(std::move(id), std::move(calls), options{});
  }
  std::vector<task_future> enqueue_tasks(std::string id, std::vector<batch_task> tasks, const options& how);

  /// All results in task order, once the batch has ended (S4-14, S4-52). Errors: not_found; of a strict batch the first
  /// failure.
  [[nodiscard]] std::future<result<batch_view>> await_batch(std::string id);

  /// Enqueues and awaits (S4-20).
  [[nodiscard]] std::future<result<batch_view>> execute_batch(
    std::vector<blocking_call> calls, std::string name, const options& how);
  [[nodiscard]] std::future<result<batch_view>> execute_batch(std::vector<blocking_call> calls, std::string name) {
    return execute_batch(std::move(calls), std::move(name), options{});
  }

  /// What waits does not start, what runs is not waited for.
  std::future<result<batch_view>> cancel(std::string id);

  /// Tasks queued or running (S4-15).
  [[nodiscard]] std::future<std::int64_t> pending_count();

  /// S4-17..19: one function on that API's lane.
  template <class F>
  [[nodiscard]] std::future<task_result> anthropic_call(F fn) {
    return execute(call(lanes::anthropic, std::move(fn)));
  }
  template <class F>
  [[nodiscard]] std::future<task_result> spotify_call(F fn) {
    return execute(call(lanes::spotify, std::move(fn)));
  }
  template <class F>
  [[nodiscard]] std::future<task_result> lastfm_call(F fn) {
    return execute(call(lanes::lastfm, std::move(fn)));
  }

private:
  [[nodiscard]] batch_task task_of(blocking_call c);

  gate_actor gate_;
  batch_actor batches_;
  std::shared_ptr<worker_threads> threads_ = std::make_shared<worker_threads>();
};

} // namespace troupe
