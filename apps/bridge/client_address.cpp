#include "apps/bridge/client_address.hpp"

namespace troupe {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
    s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
    s.remove_suffix(1);
  return s;
}

} // namespace

std::string_view client_address(std::string_view peer, const address_ranges& trusted_proxies,
  std::string_view connecting_ip, std::string_view forwarded_for) {
  if (trusted_proxies.empty() || !trusted_proxies.contains(peer))
    return peer;
  if (address_ranges::is_address(trim(connecting_ip)))
    return trim(connecting_ip);
  auto nearest = peer;
  while (!forwarded_for.empty()) {
    const auto comma = forwarded_for.rfind(',');
    const auto last = trim(comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1));
    if (!address_ranges::is_address(last))
      break;
    nearest = last;
    if (!trusted_proxies.contains(last))
      break;
    forwarded_for = comma == std::string_view::npos ? std::string_view{} : forwarded_for.substr(0, comma);
  }
  return nearest;
}

} // namespace troupe
