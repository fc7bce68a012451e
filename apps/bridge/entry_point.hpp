// What every public path of the bridge has, whatever stands behind it: a name, a pattern, a client's limit, methods,
// and whom it answers.
#pragma once

#include "apps/bridge/cors.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// So many requests a period (S0-33, S0-34).
struct client_quota {
  std::int64_t requests = 100;
  std::chrono::seconds period{60};
};

/// Whom a route answers, and how much.
struct route_edge {
  bool key_required = false;
  cors_policy cors{};
  std::size_t max_response = std::size_t{8} << 20; // bytes of a body as sent; more is 502
};

/// What every public path has.
struct entry_point {
  std::string name;    // "search": in metrics, limits and headers
  std::string pattern; // "/api/v2/books/search"
  std::string failure; // "Search failed": the `error` of a failed one
  client_quota quota;
  route_edge edge{};
  std::vector<std::string> methods{"GET", "HEAD"}; // without OPTIONS
  std::string grant{};                             // by what name settings and keys know it, if not by `name`
  bool operators_only = false;                     // as /metrics: loopback peers or, with an admin token, who has it
};

/// By what name settings ("routes.search.auth") and keys (`routes = ["search"]`) know it.
[[nodiscard]] const std::string& granted_as(const entry_point& route) noexcept;

[[nodiscard]] bool takes(const entry_point& route, std::string_view method) noexcept;

/// The value of `Allow`: "GET, HEAD, OPTIONS".
[[nodiscard]] std::string allowed_methods(const entry_point& route);

} // namespace troupe
