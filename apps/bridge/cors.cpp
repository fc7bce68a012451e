#include "apps/bridge/cors.hpp"

#include <algorithm>

namespace troupe {
namespace {

// What our answers say in their fields; without this a script sees only the body and a few standard fields.
constexpr std::string_view exposed =
  "Access-Control-Expose-Headers: ETag, Age, Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Limit, "
  "X-RateLimit-Remaining, X-RateLimit-Reset, X-Provider, X-Cache, X-Cache-TTL, X-Trace-Id, X-Response-Time, Location, "
  "Idempotency-Replayed\r\n";

// What a script may send beyond what browsers always allow.
constexpr std::string_view allowed_headers =
  "Access-Control-Allow-Headers: Authorization, X-API-Key, Content-Type, If-None-Match, Idempotency-Key, Prefer, "
  "Traceparent, X-Request-Timeout\r\n";

// Ten minutes: a preflight for the first of many requests, and a changed policy is felt soon. Chromium's bound is 2 h.
constexpr std::string_view max_age = "Access-Control-Max-Age: 600\r\n";

} // namespace

cors_policy::cors_policy(std::vector<std::string> origins)
    : any_{std::find(origins.begin(), origins.end(), "*") != origins.end()}, origins_{std::move(origins)} {}

bool cors_policy::append_origin(std::string& head, std::string_view origin) const {
  if (any_) {
    head.append("Access-Control-Allow-Origin: *\r\n");
    return true;
  }
  // Also where the origin is not allowed, or a cache would give that answer to one that is.
  head.append("Vary: Origin\r\n");
  if (origin.empty() || std::find(origins_.begin(), origins_.end(), origin) == origins_.end())
    return false;
  head.append("Access-Control-Allow-Origin: ").append(origin).append("\r\n");
  return true;
}

void cors_policy::append(std::string& head, std::string_view origin) const {
  if (enabled() && append_origin(head, origin))
    head.append(exposed);
}

void cors_policy::append_preflight(std::string& head, std::string_view origin, std::string_view methods) const {
  if (!enabled() || !append_origin(head, origin))
    return;
  head.append("Access-Control-Allow-Methods: ").append(methods).append("\r\n");
  head.append(allowed_headers).append(max_age);
}

} // namespace troupe
