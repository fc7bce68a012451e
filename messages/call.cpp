#include "messages/call.hpp"

#include <algorithm>
#include <array>

namespace troupe {
namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

// Of the connection that an answer came over, or of the one that it goes out on; never of the answer.
constexpr std::array<std::string_view, 7> of_connections{
  "connection", "content-length", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"};

// RFC 9110 5.6.2
constexpr bool is_token_char(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
         || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

bool fits_a_field(const std::pair<std::string, std::string>& h) noexcept {
  const auto& [name, value] = h;
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token_char)
         && value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string::npos
         && std::none_of(of_connections.begin(), of_connections.end(), [&](auto own) { return same_name(own, name); });
}

// The codes that do not count against a provider's circuit, and are a service's own failure all the same.
ec verdict_of(ec code) noexcept {
  switch (code) {
  case ec::deadline_exceeded:
    return ec::provider_timeout;
  case ec::all_providers_failed:
  case ec::storage_failed:
  case ec::storage_unusable:
  case ec::config_invalid:
  case ec::internal:
    return ec::provider_failed;
  default:
    return code;
  }
}

} // namespace

std::string_view service_response::header(std::string_view name) const noexcept {
  const auto it = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return same_name(h.first, name); });
  return it == headers.end() ? std::string_view{} : std::string_view{it->second};
}

error fault_of(const service_response& r) {
  if (r.code != ec::none)
    return {ec::none, {}};
  constexpr int lowest = 200;
  constexpr int highest = 599;
  if (r.status < lowest || r.status > highest)
    return {ec::provider_malformed, "status: expected 200 to 599, got " + std::to_string(r.status)};
  const auto bad = std::find_if_not(r.headers.begin(), r.headers.end(), fits_a_field);
  if (bad == r.headers.end())
    return {ec::none, {}};
  constexpr std::size_t enough = 40; // to recognise it by
  std::string shown = bad->first.substr(0, enough);
  std::replace_if(
    shown.begin(), shown.end(), [](char c) { return !is_token_char(c); }, '?');
  return {ec::provider_malformed, "headers: expected fields of an answer, each on one line, got \"" + shown + '"'};
}

error fault_of(const service_result& r) {
  if (r.code != ec::none || !r.data.empty())
    return {ec::none, {}};
  return {ec::provider_malformed, "data: expected JSON, got nothing"};
}

ec verdict_of(const service_response& r) noexcept {
  constexpr int unavailable = 503;
  if (r.code != ec::none)
    return verdict_of(r.code);
  if (r.status < 400)
    return ec::none;
  if (r.cause != ec::none)
    return verdict_of(r.cause);
  if (r.status == unavailable && !r.header("Retry-After").empty())
    return ec::overloaded;
  return r.status >= 500 ? ec::provider_failed : ec::provider_refused;
}

ec verdict_of(const service_result& r) noexcept {
  return verdict_of(r.code);
}

template <>
service_response refused(error why) {
  return {why.code, std::move(why.message), info(why.code).http_status, {}, {}};
}

template <>
service_result refused(error why) {
  return {why.code, std::move(why.message), {}};
}

void set_retry_after(service_response& r, std::chrono::nanoseconds wait) {
  std::erase_if(r.headers, [](const auto& h) { return same_name(h.first, "Retry-After"); });
  const auto whole = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count());
  r.headers.emplace_back("Retry-After", std::to_string(whole));
}

std::string milliseconds(std::chrono::microseconds took) {
  const auto hundredths = took.count() / 10;
  const auto behind = std::to_string(hundredths % 100);
  return std::to_string(hundredths / 100) + (behind.size() < 2 ? ".0" : ".") + behind;
}

} // namespace troupe
