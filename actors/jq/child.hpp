// One mapper's process as the pool sees it: started, asked with a deadline, killed. Blocking, for one thread.
#pragma once

#include "actors/jq/framing.hpp"
#include "messages/result.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::jq {

struct child_settings {
  std::string program = "/proc/self/exe";                     ///< what knows the sub-command jq-worker
  std::int64_t memory = 256 << 20;                            ///< bytes
  std::chrono::microseconds timeout{std::chrono::seconds{1}}; ///< of one body
};

class child {
public:
  using time = std::chrono::steady_clock::time_point;

  /// How asking ended.
  enum class ending : std::uint8_t {
    answered, ///< with a frame of kind good or bad
    late,     ///< not by the deadline
    lost,     ///< the process ended, or spoke no frames
    stopped,  ///< `stop_fd` became readable
  };

  child() = default;
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() { kill(); }

  /// Starts the process, after killing an earlier one.
  [[nodiscard]] result<void> start(const child_settings& settings);

  [[nodiscard]] bool running() const noexcept { return pid_ > 0; }

  /// Whether it has ended by itself, as far as can be seen without asking.
  [[nodiscard]] bool hung_up() const noexcept;

  /// Sends frames and waits for one. After anything but `answered` the process is of no use: kill it.
  [[nodiscard]] ending ask(std::string_view frames, time deadline, int stop_fd, frame& answer);

  /// Ends the process, waits for its end, and returns the signal that ended it (0: it had exited).
  int kill() noexcept;

private:
  pid_t pid_ = -1;
  int fd_ = -1;
  frame_reader in_{0};
};

} // namespace troupe::jq
