#include "apps/bridge/entry_point.hpp"

#include <algorithm>

namespace troupe {

const std::string& granted_as(const entry_point& route) noexcept {
  return route.grant.empty() ? route.name : route.grant;
}

bool takes(const entry_point& route, std::string_view method) noexcept {
  return std::find(route.methods.begin(), route.methods.end(), method) != route.methods.end();
}

std::string allowed_methods(const entry_point& route) {
  std::string out;
  for (const auto& m : route.methods)
    out.append(m).append(", ");
  return out.append("OPTIONS");
}

} // namespace troupe
