#include "actors/scheduler/schedule_task.hpp"

#include <exception>
#include <utility>

namespace troupe {
namespace {

constexpr std::size_t longest_line = 1'000;

/// The other end of a task. Whoever drops it ends the run too.
class completion_guard {
public:
  explicit completion_guard(run_completion then) : then_{std::move(then)} {}
  completion_guard(const completion_guard&) = delete;
  completion_guard& operator=(const completion_guard&) = delete;
  ~completion_guard() { end(fail(ec::internal, "the task dropped its completion")); }

  void end(result<std::string> r) {
    if (!ended_.exchange(true))
      then_(std::move(r));
  }

private:
  run_completion then_;
  std::atomic<bool> ended_{false};
};

} // namespace

void run_task(const schedule_task& task, const run_context& run, run_completion then) {
  const auto guard = std::make_shared<completion_guard>(std::move(then));
  try {
    task(run, [guard](result<std::string> r) { guard->end(std::move(r)); });
  } catch (const std::exception& e) {
    guard->end(fail(ec::internal, e.what()));
  } catch (...) {
    guard->end(fail(ec::internal, "an exception of no known type"));
  }
}

std::string for_history(std::string line) {
  std::erase(line, '\0');
  if (line.size() <= longest_line)
    return line;
  auto end = longest_line;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U)
    --end;
  line.resize(end);
  return line;
}

} // namespace troupe
