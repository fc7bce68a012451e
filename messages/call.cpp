#include "messages/call.hpp"

#include <algorithm>

namespace troupe {
namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

ec verdict_of(ec code, int status) noexcept {
  if (code == ec::none && status < 400)
    return ec::none;
  if (code == ec::cancelled || code == ec::deadline_exceeded)
    return code == ec::cancelled ? code : ec::provider_timeout;
  return status >= 500 ? ec::provider_failed : ec::provider_refused;
}

} // namespace

std::string_view service_response::header(std::string_view name) const noexcept {
  const auto it = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return same_name(h.first, name); });
  return it == headers.end() ? std::string_view{} : std::string_view{it->second};
}

ec verdict_of(const service_response& r) noexcept {
  return verdict_of(r.code, r.code == ec::none ? r.status : info(r.code).http_status);
}

ec verdict_of(const service_result& r) noexcept {
  return verdict_of(r.code, info(r.code).http_status);
}

} // namespace troupe
