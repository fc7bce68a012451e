#include "apps/bridge/answers.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace troupe {
namespace {

using json = nlohmann::json;
using std::chrono::duration_cast;
using std::chrono::nanoseconds;
using std::chrono::seconds;

std::int64_t whole_seconds(nanoseconds d) {
  return std::max<std::int64_t>(0, std::chrono::ceil<seconds>(d).count());
}

void append_number(std::string& out, std::int64_t v) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), v).ptr;
  out.append(digits.data(), end);
}

json report(const provider_reports& providers) {
  auto list = json::array();
  for (const auto& p : providers)
    list.push_back({{"name", p.name}, {"error", p.code == ec::none ? "ok" : p.detail}, {"code", to_string(p.code)},
      {"attempts", p.attempts}, {"ms", p.elapsed_us / 1000}});
  return list;
}

} // namespace

bool wants_problem(std::string_view accept) noexcept {
  return accept.find("application/problem+json") != std::string_view::npos;
}

error_body render(const failure& f, bool problem) {
  json out = json::object();
  if (problem) {
    out["type"] = "about:blank"; // RFC 9457, 4.2.1: the title says it all
    out["title"] = f.error;
    out["status"] = f.status;
    if (!f.message.empty())
      out["detail"] = f.message;
  } else {
    out["error"] = f.error;
    if (!f.message.empty())
      out["message"] = f.message;
  }
  if (!f.providers.empty())
    out["providers"] = report(f.providers);
  if (!f.key.empty())
    out["key"] = f.key;
  // What a client sent may be quoted in a message: ill-formed UTF-8 is replaced, never thrown about.
  return {problem ? "application/problem+json" : "application/json",
    out.dump(-1, ' ', false, json::error_handler_t::replace)};
}

std::string as_problem(int status, std::string_view body) {
  auto out = json::parse(body, nullptr, false);
  if (!out.is_object())
    return std::string{body};
  const auto rename = [&](const char* from, const char* to) {
    if (const auto it = out.find(from); it != out.end()) {
      out[to] = std::move(*it);
      out.erase(from);
    }
  };
  rename("error", "title");
  rename("message", "detail");
  out["type"] = "about:blank";
  out["status"] = status;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

void append_field(std::string& head, std::string_view name, std::int64_t value) {
  head.append(name).append(": ");
  append_number(head, value);
  head.append("\r\n");
}

void append_limit(std::string& head, std::string_view endpoint, const verdict& v, seconds window) {
  const auto reset = whole_seconds(v.reset_after);
  append_field(head, "X-RateLimit-Limit", v.limit);
  append_field(head, "X-RateLimit-Remaining", v.remaining);
  append_field(head, "X-RateLimit-Reset", reset);
  head.append("RateLimit-Policy: \"").append(endpoint).append("\";q=");
  append_number(head, v.limit);
  head.append(";w=");
  append_number(head, window.count());
  head.append("\r\nRateLimit: \"").append(endpoint).append("\";r=");
  append_number(head, v.remaining);
  head.append(";t=");
  append_number(head, reset);
  head.append("\r\n");
}

void append_retry_after(std::string& head, nanoseconds wait) {
  append_field(head, "Retry-After", std::max<std::int64_t>(1, whole_seconds(wait)));
}

void append_response_time(std::string& head, nanoseconds elapsed) {
  const auto micros = duration_cast<std::chrono::microseconds>(elapsed).count();
  head.append("X-Response-Time: ");
  append_number(head, micros / 1000);
  const auto rest = static_cast<int>(micros % 1000);
  const std::array<char, 4> fraction{'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
    static_cast<char>('0' + rest % 10)};
  head.append(fraction.data(), fraction.size()).append("ms\r\n");
}

} // namespace troupe
