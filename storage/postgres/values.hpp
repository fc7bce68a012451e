// Values on their way to PostgreSQL and back, both in its text format: the server knows each parameter's type from the
// statement, so a number fits a BIGINT, an INTEGER and a NUMERIC alike.
#pragma once

#include "messages/result.hpp"
#include "storage/sql.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage::postgres {

/// A parameter as text; none is NULL. A blob is written as bytea's hex form.
using argument = std::optional<std::string>;

/// Fails with ec::storage_failed naming the place of a text that holds a NUL byte, which PostgreSQL cannot store.
[[nodiscard]] result<std::vector<argument>> encode(const params& bound);

/// A value that is not NULL from its text and its type's object id (pg_type.oid). Integers and booleans become
/// INTEGER, float4 and float8 REAL, bytea BLOB. NUMERIC (what SUM of BIGINTs gives) becomes INTEGER when it is a whole
/// number that fits, REAL otherwise. Everything else is TEXT as the server writes it.
[[nodiscard]] value decode(unsigned type, std::string_view text);

} // namespace troupe::storage::postgres
