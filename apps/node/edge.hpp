// The files that the bridge's edge is made of, read at the start and again on SIGHUP: certificate, key, API keys.
#pragma once

#include "apps/bridge/api_keys.hpp"
#include "apps/config/config.hpp"
#include "apps/http/tls.hpp"
#include "messages/result.hpp"

#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// Null when the settings name no certificate. Errors are one line.
[[nodiscard]] result<std::shared_ptr<const http::tls_context>> load_certificate(const config::settings& s);

/// Empty when the settings name no file. Errors may be several lines, one a mistake.
[[nodiscard]] result<std::vector<key_entry>> load_keys(
  const config::settings& s, const std::vector<std::string>& routes);

} // namespace troupe
