// Who is the client? The socket says; a forwarded header counts only when the socket's peer is a configured proxy, and
// then the right-most address that is no proxy of ours. Pure.
#pragma once

#include "apps/bridge/address_ranges.hpp"

#include <string_view>

namespace troupe {

/// `forwarded_for` is X-Forwarded-For (all values joined), `connecting_ip` CF-Connecting-IP (S0-36), which wins.
/// Entries that are no IP address are not believed: the client is then the nearest address that is one.
[[nodiscard]] std::string_view client_address(std::string_view peer, const address_ranges& trusted_proxies,
  std::string_view connecting_ip, std::string_view forwarded_for);

} // namespace troupe
