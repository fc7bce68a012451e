// PostgreSQL's and libpqxx's failures as our errors: one place that decides what is unusable, what merely failed, and
// after what the connection is gone.
#pragma once

#include "messages/result.hpp"
#include "storage/postgres/address.hpp"

#include <string_view>

namespace troupe::storage::postgres {

/// How one exchange with the server failed.
struct failure {
  error what;
  bool lost = false;     ///< the connection is gone; whether a statement was carried out may be unknown
  bool outgrown = false; ///< the schema has changed under a prepared statement, which was not carried out
};

/// What the exception in flight (call it inside of `catch (...)`) means. Only the server's primary message is kept:
/// its DETAIL holds values, and so do the messages of class 22 (data exceptions), which are replaced by the class's
/// meaning. ec::storage_failed, or ec::storage_unusable when the server says that its files are corrupt. What is no
/// failure of the database (out of memory) is thrown on.
[[nodiscard]] failure failure_in_flight(const address& server);

/// Why a connection could not be made: ec::storage_failed when another try may help, ec::storage_unusable when the
/// server refuses us (password, no such database).
[[nodiscard]] error connecting_error(std::string_view said, const address& server);

} // namespace troupe::storage::postgres
