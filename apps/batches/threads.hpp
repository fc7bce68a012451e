// Threads for functions that block. A new one starts when no other is free, so that a function which waits for another
// never keeps that one from running; how many run at once is the batch actor's business (its slots).
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe {

class worker_threads {
public:
  worker_threads() = default;
  worker_threads(const worker_threads&) = delete;
  worker_threads& operator=(const worker_threads&) = delete;
  ~worker_threads(); // waits for what runs

  void run(std::function<void()> work);

private:
  void serve();

  std::mutex lock_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

} // namespace troupe
