// A user-defined provider as the platform knows one: an upstream_api that builds its requests from templates, judges
// the status, and has the body mapped by a jq program elsewhere, or takes it as it is.
#pragma once

#include "actors/provider/api.hpp"
#include "apps/custom/definition.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace troupe::custom {

/// What a provider does for one route.
struct assignment {
  custom::operation operation;
  merge_kind merge = merge_kind::first;
  std::optional<std::size_t> program; ///< its number in the mapper pool; nothing: the body is taken as it is
};

/// Runs a program over a body and calls back once, on any thread (actors/jq/pool.hpp).
using mapper = std::function<void(std::size_t program, blob body, std::chrono::steady_clock::time_point deadline,
  std::function<void(result<std::string>)> done)>;

/// `by_route`: what it does for each route that asks it.
[[nodiscard]] upstream_api make_api(
  std::string name, std::map<std::string, assignment, std::less<>> by_route, mapper run);

/// What an answer's status says, before its body is read.
enum class status_verdict : std::uint8_t { read, nothing };

/// 2xx: read it; 204, 404, 410 and an empty body: the provider knows nothing. Errors: provider_limited (429),
/// provider_failed (5xx), provider_refused (any other). They name the status and nothing of the body, which may repeat
/// what was sent.
[[nodiscard]] result<status_verdict> judge_status(const http_response& answer);

} // namespace troupe::custom
