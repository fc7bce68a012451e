// What a client sent to POST /api/v1/batches, understood as a whole or not at all. Pure; errors name the place
// (apps/json/members.hpp).
#pragma once

#include "messages/result.hpp"
#include "messages/task.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// What may be asked of a provider, as the application or the configuration that defines it understands it.
struct batch_operation {
  std::string name;                  // "search"
  std::vector<std::string> params;   // that it knows
  std::vector<std::string> required; // those of them that must be there
  /// Called with what is known, and all that is required. An error without "NAME: " is about the first required one.
  std::function<result<inquiry>(const fields& params)> parse;
};

struct batch_provider {
  std::string name;
  std::vector<batch_operation> operations;
};

struct batch_rules {
  std::vector<batch_provider> providers;
  std::size_t max_tasks = 100'000;
  std::chrono::microseconds max_time{std::chrono::hours{1}}; // and what a batch has that asks for no less
};

struct batch_order {
  std::string name; // the client's own word for it; may be empty
  bool strict = false;
  std::int64_t remaining_us = 0;
  std::vector<batch_task> tasks;
};

/// `{"name"?, "strict"?, "timeout"? or "deadline"?, "priority"?, "operations": [{"provider", "operation", "params",
/// "timeout"? or "deadline"?, "priority"?}]}`; `params` may be left out where none is required. A timeout is a duration
/// ("30s"), a deadline a time (RFC 3339); neither reaches beyond `max_time` from now. Nothing else may stand there.
[[nodiscard]] result<batch_order> parse_batch(
  std::string_view body, const batch_rules& rules, std::chrono::microseconds now_unix);

/// RFC 3339 ("2026-11-21T09:30:00.5+01:00") as microseconds since 1970; finer fractions are cut off.
[[nodiscard]] result<std::chrono::microseconds> parse_time(std::string_view text);

} // namespace troupe
