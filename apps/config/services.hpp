// What each service of a node may reach, and under which name: `[[services]]` (S2-05..14). Pure.
#pragma once

#include "apps/config/values.hpp"
#include "messages/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::config {

/// One service's handle to another.
struct service_binding {
  std::string from;                            // the service that binds
  std::string binding;                         // "ISBNDB_WORKER": by which it calls the other
  std::string service;                         // the other
  std::string entrypoint;                      // empty: the default one, which is all that these services have
  std::string environment;                     // where it holds (S2-14); empty: everywhere
  duration timeout = std::chrono::seconds{10}; // of the warmer's 60 s, unless it says another
  std::int64_t failures = 3;                   // in a row, and the circuit opens (S2-54)
  duration open = std::chrono::seconds{60};    // S2-55
  std::int64_t concurrency = 256;
  std::int64_t rate = 0; // calls a second; 0: no bound
  friend bool operator==(const service_binding&, const service_binding&) = default;
};

/// The services that there are: "cache-warmer", "books-proxy", "isbndb".
[[nodiscard]] const std::vector<std::string>& service_names();

/// Bound as S2-05..08 say: warmer to proxy and isbndb, proxy to isbndb, isbndb to nothing.
[[nodiscard]] std::vector<service_binding> default_bindings();

/// Those that hold in an environment. One that names it goes before one for everywhere with the same `from` and name.
[[nodiscard]] std::vector<service_binding> bindings_in(
  const std::vector<service_binding>& all, std::string_view environment);

/// Whether services may be bound so: none binds itself over others, and no chain of bindings is longer than three
/// (S2-67, S2-71). config_invalid names the path: "a -> b -> a".
[[nodiscard]] result<void> check_bindings(const std::vector<service_binding>& bindings);

} // namespace troupe::config
