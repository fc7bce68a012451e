// Every way in which Troupe can fail, in one place. A code is documented here, and its HTTP status, whether another try
// may help and whether it counts against a provider's circuit stand in one table (errors.cpp). Standard library alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Append only: the numbers cross between nodes.
enum class ec : std::uint8_t {
  none = 0,             ///< no error
  bad_request,          ///< the caller sent something unusable; the message names the field and what was expected
  not_found,            ///< there is no such thing
  client_limited,       ///< the caller is over its own rate limit
  provider_failed,      ///< the provider answered 5xx
  provider_refused,     ///< the provider answered 4xx other than 404 and 429: our question or our key is wrong
  provider_timeout,     ///< no complete answer within the attempt time-out
  provider_unreachable, ///< no connection, connection lost, TLS failure, answer cut off
  provider_malformed,   ///< an answer that the mapper cannot read (HTML, broken JSON, the list is missing)
  provider_limited,     ///< the provider answered 429, or 403 with a quota reason
  answer_too_large,     ///< an answer, a provider's or storage's, exceeds the size cap
  circuit_open,         ///< the provider's slot is empty: not asked
  circuit_tripped,      ///< the provider died with this call in flight
  permit_refused,       ///< the rate limiter could not grant a permit before the deadline
  all_providers_failed, ///< every provider that was asked failed, and no tier can answer
  all_circuits_open,    ///< no provider could be asked at all
  overloaded,           ///< too much in flight
  deadline_exceeded,    ///< the request's own deadline passed
  cancelled,            ///< nobody waits for the answer any more
  storage_failed,       ///< the database refused or failed
  storage_unusable,     ///< the database file is corrupt, locked, unreadable or newer than this program
  key_reused,           ///< this idempotency key came with something else before
  config_invalid,       ///< the configuration is wrong; the message says where
  internal,             ///< a bug of ours
};

/// One row of the table: what a code means to a client and to a circuit.
struct error_info {
  ec code;
  std::string_view name; ///< stable, for logs, metrics and JSON
  int http_status;       ///< what a client gets
  bool retryable;        ///< the same call may succeed later
  bool trips_circuit;    ///< counts as a failure of the provider (DECISIONS C-06: 4xx and 429 do not)
};

[[nodiscard]] const error_info& info(ec code) noexcept;
[[nodiscard]] std::string_view to_string(ec code) noexcept;

/// An error as a value: the code, and one line for a human that says what was wrong and where.
struct error {
  ec code = ec::internal;
  std::string message;
};

} // namespace troupe
