// The HTTP form of answers and errors: bodies for errors in our shape or as RFC 9457 problems, and the header lines
// that change with each request. Pure.
#pragma once

#include "actors/rate_limiter/gcra.hpp"
#include "messages/cache.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// Does the client ask for application/problem+json (by Accept, other than through a wildcard)?
[[nodiscard]] bool wants_problem(std::string_view accept) noexcept;

/// What went wrong, for a client.
struct failure {
  int status = 500;
  std::string error;   // short, stable: "Search failed"
  std::string message; // what exactly; may be empty
  std::string key;     // which cache key; may be empty
  provider_reports providers;
};

struct error_body {
  std::string_view content_type;
  std::string text;
};

/// `{"error":...,"message":...,"providers":[{"name","error","attempts","ms"}],"key":...}` (S0-48), or the problem with
/// the same members beside type, title, status and detail.
[[nodiscard]] error_body render(const failure& f, bool problem);

/// The problem that an error in our shape is: `error` and `message` as title and detail, the other members as they are.
/// What is no object is left as it is.
[[nodiscard]] std::string as_problem(int status, std::string_view body);

/// Appends `X-RateLimit-*` (Limit, Remaining, Reset in seconds) and the IETF draft's RateLimit-Policy and RateLimit
/// (draft-ietf-httpapi-ratelimit-headers-10). `window` is the quota's period.
void append_limit(std::string& head, std::string_view endpoint, const verdict& v, std::chrono::seconds window);

/// Appends "Retry-After: n": whole seconds, rounded up, at least 1.
void append_retry_after(std::string& head, std::chrono::nanoseconds wait);

/// Appends "Name: value\r\n".
void append_field(std::string& head, std::string_view name, std::string_view value);
void append_field(std::string& head, std::string_view name, std::int64_t value);

/// Appends "X-Response-Time: 0.042ms".
void append_response_time(std::string& head, std::chrono::nanoseconds elapsed);

} // namespace troupe
