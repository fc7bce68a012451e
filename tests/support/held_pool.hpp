// A storage pool with one thread that works only while the test lets it and waits for it. CAF's deterministic scheduler
// knows no other thread: an actor may hear from the pool only while the test's own thread leaves the scheduler alone.
#pragma once

#include "storage/sql_pool.hpp"

#include <future>
#include <memory>
#include <utility>

namespace troupe::test {

class held_pool {
public:
  /// @param queue_limit while the pool is held, how many jobs it takes
  explicit held_pool(std::unique_ptr<storage::schema_sql> db, std::size_t queue_limit = 10'000) {
    auto settings = storage::pool_settings{};
    settings.writers.push_back(std::move(db));
    settings.queue_limit = queue_limit;
    pool_ = std::make_shared<storage::sql_pool>(std::move(settings));
    held_ = hold();
    held_.begun.wait();
  }
  held_pool(const held_pool&) = delete;
  held_pool& operator=(const held_pool&) = delete;
  ~held_pool() { finish(); }

  [[nodiscard]] const std::shared_ptr<storage::sql_pool>& pool() const noexcept { return pool_; }

  /// Runs all that waits. When it returns, everything has been answered.
  void work() {
    begin();
    join();
  }

  /// Lets the pool begin with all that waits; until `join` has returned nobody touches the scheduler, unless a job is
  /// known to hang.
  void begin() {
    auto next = hold();
    std::exchange(held_, std::move(next)).go.set_value();
  }

  void join() { held_.begun.wait(); }

  /// Runs all that waits and shuts the pool.
  void finish() {
    if (std::exchange(finished_, true))
      return;
    held_.go.set_value();
    pool_->shutdown();
  }

private:
  /// A job that waits to be let go. With one thread and no groups, all before it is answered when it has begun.
  struct gate {
    std::promise<void> go;
    std::future<void> begun;
  };

  gate hold() {
    auto made = gate{};
    auto begun = std::make_shared<std::promise<void>>();
    made.begun = begun->get_future();
    pool_->submit(
      storage::job_kind::write,
      [begun, go = made.go.get_future().share()](storage::sql&) -> result<void> {
        begun->set_value();
        go.wait();
        return ok();
      },
      storage::sql_pool::clock::time_point::max(), [](const result<void>&) {});
    return made;
  }

  std::shared_ptr<storage::sql_pool> pool_;
  gate held_;
  bool finished_ = false;
};

} // namespace troupe::test
