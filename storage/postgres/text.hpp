// Reading a statement's text just well enough to be sure of it before it is sent: how many statements it holds, what
// each of them begins with, and where its parameters stand. PostgreSQL writes parameters `$1`, `$2`, ...; ours are
// written `?`, outside of quotes and comments. (Its operators with a question mark, those of jsonb, have functions of
// the same meaning: jsonb_exists and its like.)
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage::postgres {

struct reading {
  std::string text;                  ///< with `$n` for each `?`
  std::size_t places = 0;            ///< how many `?`
  std::vector<std::string> keywords; ///< the first word of each statement, in capitals
  bool writes = false;               ///< a word that changes rows stands somewhere outside of quotes
};

/// Reads by the rules of https://www.postgresql.org/docs/15/sql-syntax-lexical.html with standard_conforming_strings:
/// quoted strings and names, E'' strings, dollar quotes, both kinds of comments (block comments nest).
[[nodiscard]] reading read(std::string_view text);

/// Whether a statement that begins so controls transactions, or the session that all callers share. Nobody but the
/// store may run such a one.
[[nodiscard]] bool controls_session(std::string_view keyword) noexcept;

/// Whether a statement that begins so ends or begins a transaction: not even a migration may.
[[nodiscard]] bool controls_transaction(std::string_view keyword) noexcept;

/// Whether the statement only reads, so that it may safely be sent a second time.
[[nodiscard]] bool only_reads(const reading& statement) noexcept;

/// Whether the number that PostgreSQL answers counts changed rows. For CREATE TABLE AS, for example, it does not.
[[nodiscard]] bool counts_changes(const reading& statement) noexcept;

} // namespace troupe::storage::postgres
