// The node's log: lines for people or JSON objects, written by a thread of its own so that no answer waits for a
// terminal. When the queue is full the oldest lines are dropped.
#pragma once

#include <spdlog/async.h>
#include <spdlog/logger.h>

#include <memory>
#include <string>

namespace troupe {

class logging {
public:
  /// To standard error. `json`: one object a line, {"time","level","message"}.
  logging(spdlog::level::level_enum level, bool json);

  /// Writes what is queued.
  ~logging();

  logging(const logging&) = delete;
  logging& operator=(const logging&) = delete;

  [[nodiscard]] const std::shared_ptr<spdlog::logger>& log() const noexcept { return log_; }

private:
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::logger> log_;
};

} // namespace troupe
