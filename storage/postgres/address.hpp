// A PostgreSQL address, taken apart far enough to be shown: everything that may be a credential is left out.
#pragma once

#include "messages/result.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace troupe::storage::postgres {

struct address {
  std::string shown;                ///< "postgres://host:5432/database": no user, no password, no options
  std::string complete;             ///< what libpq gets; never shown
  std::vector<std::string> secrets; ///< as written and as decoded: never to be seen in an error
};

/// Parses `postgres://user:password@host:port/database?option=value` (or postgresql://), libpq's URI form
/// (https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING), and adds what a long-lived connection
/// needs where the address does not say it: a time-out for connecting, keep-alives that notice a dead peer. `password`
/// (may be empty) holds where the address has none.
/// Fails with ec::config_invalid without repeating the text.
[[nodiscard]] result<address> parse_address(
  const std::string& text, std::chrono::milliseconds connect_timeout, const std::string& password = {});

/// `message` with `***` for every secret.
[[nodiscard]] std::string redact(std::string message, const address& from);

} // namespace troupe::storage::postgres
