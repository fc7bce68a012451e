// W3C Trace Context (https://www.w3.org/TR/trace-context/): the trace id of a request, taken in, made up, passed on.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

struct trace {
  std::string id;          // 32 hex digits
  std::string traceparent; // for the calls that this request causes: same trace id, a span id of our own
};

/// Makes ids that do not repeat within a process and, by its random seed, hardly between processes. Thread-safe,
/// without a lock: one atomic addition. The ids are no secrets.
class trace_source {
public:
  explicit trace_source(std::uint64_t seed) noexcept : state_{seed} {}

  /// Continues the incoming traceparent if it is valid (version 00, lower-case hex, no all-zero id); else starts anew.
  [[nodiscard]] trace next(std::string_view incoming) noexcept(false);

private:
  std::atomic<std::uint64_t> state_;
};

} // namespace troupe
