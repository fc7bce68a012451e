// How those who stand behind a resource answer its visits: JSON, or a problem (RFC 9457), never kept by anybody.
#pragma once

#include "apps/bridge/bridge.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace troupe {

using visit_ptr = std::shared_ptr<visit>;

/// Sends the answer with the visit's header lines, and `Cache-Control: no-store`.
void respond(visit& v, int status, std::string body, std::string_view type = "application/json");

/// The same with a problem. With 429 and 503, `come_again` is its Retry-After.
void refuse(visit& v, int status, const std::string& title, const std::string& detail,
  std::chrono::seconds come_again = std::chrono::seconds{1});

/// The same with the error's status, or with `status`; `failure` is the title of what has no plainer one. What storage
/// and bugs say names folders, hosts and code: that goes to the visit's log instead.
void refuse(visit& v, const error& e, std::string_view failure);
void refuse(visit& v, int status, const error& e, std::string_view failure,
  std::chrono::seconds come_again = std::chrono::seconds{1});

} // namespace troupe
