// Pages of an SQL answer. By number (S3-30/31) for small tables and people who jump; by key for everything else: a page
// begins behind the last row of the one before, so it costs the same at any depth, and rows that come or go do not
// shift it.
//
// Invariant: table and column names are part of this program; a cursor comes from clients and only ever becomes
// parameters.
#pragma once

#include "storage/sql.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

struct page_request {
  std::int64_t page = 1; ///< from 1
  std::int64_t size = 20;
};

/// The `pagination` of an answer (S3-31).
struct pagination {
  std::int64_t page = 1;
  std::int64_t size = 20;
  std::int64_t total = 0;       ///< rows
  std::int64_t total_pages = 0; ///< rounded up

  friend bool operator==(const pagination&, const pagination&) = default;
};

struct numbered_page {
  std::vector<row> rows;
  pagination where;
};

inline constexpr std::int64_t largest_page = 1000;

/// One page of `select`, which ends with a complete ORDER BY, and the number of all its rows, both of one moment. A
/// page beyond the last is empty. Fails with ec::bad_request naming the field when page or size are out of range (1 and
/// more; 1 to 1,000), else as `sql`.
[[nodiscard]] result<numbered_page> read_page(
  sql& db, std::string_view select, const params& bound, page_request wanted);

struct keyset_query {
  std::string select; ///< without ORDER BY and LIMIT; it answers the key's columns
  params bound = {};
  std::vector<std::string> key; ///< the columns of the order; together unique and never NULL
  bool descending = false;
  std::int64_t limit = 20; ///< 1 to 1,000
};

struct keyset_page {
  std::vector<row> rows;
  std::string cursor; ///< opaque, in characters that a URL may hold; empty: nothing follows
};

/// The page behind `cursor`, or the first when it is empty. Fails with ec::bad_request when the cursor is not one that
/// this query gave, or the limit is out of range; else as `sql`.
[[nodiscard]] result<keyset_page> read_after(sql& db, const keyset_query& query, std::string_view cursor);

} // namespace troupe::storage
