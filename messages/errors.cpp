#include "messages/errors.hpp"

#include <array>

namespace troupe {
namespace {

// clang-format off
constexpr std::array table{
  //         code                     name                    status retry  trips
  error_info{ec::none,                "ok",                   200,   false, false},
  error_info{ec::bad_request,         "bad_request",          400,   false, false},
  error_info{ec::not_found,           "not_found",            404,   false, false},
  error_info{ec::client_limited,      "client_limited",       429,   true,  false},
  error_info{ec::provider_failed,     "provider_failed",      502,   true,  true},
  error_info{ec::provider_refused,    "provider_refused",     502,   false, false},
  error_info{ec::provider_timeout,    "provider_timeout",     502,   true,  true},
  error_info{ec::provider_unreachable,"provider_unreachable", 502,   true,  true},
  error_info{ec::provider_malformed,  "provider_malformed",   502,   false, true},
  error_info{ec::provider_limited,    "provider_limited",     502,   true,  false},
  error_info{ec::answer_too_large,    "answer_too_large",     502,   false, true},
  error_info{ec::circuit_open,        "circuit_open",         503,   true,  false},
  error_info{ec::circuit_tripped,     "circuit_tripped",      502,   true,  false},
  error_info{ec::permit_refused,      "permit_refused",       503,   true,  false},
  error_info{ec::all_providers_failed,"all_providers_failed", 502,   true,  false},
  error_info{ec::all_circuits_open,   "all_circuits_open",    503,   true,  false},
  error_info{ec::overloaded,          "overloaded",           503,   true,  false},
  error_info{ec::deadline_exceeded,   "deadline_exceeded",    504,   true,  false},
  error_info{ec::cancelled,           "cancelled",            503,   true,  false},
  error_info{ec::storage_failed,      "storage_failed",       503,   true,  false},
  error_info{ec::storage_unusable,    "storage_unusable",     503,   false, false},
  error_info{ec::key_reused,          "key_reused",           422,   false, false},
  error_info{ec::config_invalid,      "config_invalid",       500,   false, false},
  error_info{ec::internal,            "internal",             500,   false, false},
};
// clang-format on

constexpr bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (table[i].code != static_cast<ec>(i))
      return false;
  return table.back().code == ec::internal;
}
static_assert(in_order(), "the table holds every code once, in the order of the enum");

} // namespace

const error_info& info(ec code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  return index < table.size() ? table[index] : table.back();
}

std::string_view to_string(ec code) noexcept {
  return info(code).name;
}

} // namespace troupe
