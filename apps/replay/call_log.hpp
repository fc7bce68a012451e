// What was called: a count for each provider and the last thousand calls with their times. A plain value; its owner
// guards it.
#pragma once

#include "apps/replay/call.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::replay {

class call_log {
public:
  /// Calls that are kept: enough for a test to look at, and at most half a megabyte.
  static constexpr std::size_t capacity = 1'000;
  /// A longer target is cut there.
  static constexpr std::size_t max_target = 512;

  /// Counts a call that arrived. `since_start_us` and `epoch_ms` are its time by the steady and by the wall clock;
  /// `fault` is what it meets ("" when nothing, "latency+status" when both).
  void add(std::int64_t since_start_us, std::int64_t epoch_ms, std::string_view provider, std::string_view method,
    std::string_view target, std::string_view fault);

  /// Forgets all counts and calls.
  void clear();

  /// {"calls":{"google":2,...},"log":[{"t_ms":1234.567,"epoch_ms":..,"provider":..,"method":..,"target":..,
  /// "fault":null},...]}, the oldest call first. Providers that were never called count 0; "other" counts what is no
  /// provider's path.
  [[nodiscard]] std::string to_json() const;

private:
  struct entry {
    std::int64_t since_start_us = 0;
    std::int64_t epoch_ms = 0;
    std::string_view provider; // a name in provider_names, or "other"
    std::string method;
    std::string target;
    std::string fault;
  };
  std::array<std::uint64_t, provider_names.size() + 1> counts_{}; // the last is "other"
  std::vector<entry> ring_;                                       // grows to `capacity`, then wraps
  std::size_t next_ = 0;                                          // the oldest, once it has wrapped
};

} // namespace troupe::replay
