#include "apps/bridge/client_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace troupe {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
    s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
    s.remove_suffix(1);
  return s;
}

bool is_address(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.empty() || text.size() >= copy.size())
    return false;
  std::copy(text.begin(), text.end(), copy.begin());
  std::array<unsigned char, sizeof(in6_addr)> out{};
  return inet_pton(AF_INET, copy.data(), out.data()) == 1 || inet_pton(AF_INET6, copy.data(), out.data()) == 1;
}

} // namespace

std::string_view client_address(std::string_view peer, const std::vector<std::string>& trusted_proxies,
  std::string_view connecting_ip, std::string_view forwarded_for) {
  const auto trusted = [&](std::string_view address) {
    return std::find(trusted_proxies.begin(), trusted_proxies.end(), address) != trusted_proxies.end();
  };
  if (trusted_proxies.empty() || !trusted(peer))
    return peer;
  if (is_address(trim(connecting_ip)))
    return trim(connecting_ip);
  auto nearest = peer;
  while (!forwarded_for.empty()) {
    const auto comma = forwarded_for.rfind(',');
    const auto last = trim(comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1));
    if (!is_address(last))
      break;
    nearest = last;
    if (!trusted(last))
      break;
    forwarded_for = comma == std::string_view::npos ? std::string_view{} : forwarded_for.substr(0, comma);
  }
  return nearest;
}

} // namespace troupe
