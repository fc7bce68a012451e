#include "apps/batches/threads.hpp"

namespace troupe {

worker_threads::~worker_threads() {
  {
    const std::lock_guard guard{lock_};
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& t : threads_)
    t.join();
}

void worker_threads::run(std::function<void()> work) {
  {
    const std::lock_guard guard{lock_};
    if (idle_ <= work_.size()) // before the work is there: when it throws, nothing was taken on
      threads_.emplace_back([this] { serve(); });
    work_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void worker_threads::serve() {
  std::unique_lock guard{lock_};
  for (;;) {
    ++idle_;
    wake_.wait(guard, [this] { return stopping_ || !work_.empty(); });
    --idle_;
    if (work_.empty())
      return;
    const auto work = std::move(work_.front());
    work_.pop_front();
    guard.unlock();
    work();
    guard.lock();
  }
}

} // namespace troupe
