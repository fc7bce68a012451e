// Removes what uploads have left behind: those whose jobs were purged, and those that became no job because the node
// died in between. Blocks: for a thread of storage.
#pragma once

#include "messages/result.hpp"
#include "storage/objects.hpp"
#include "storage/sql.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Under which uploads are kept in their bucket.
inline constexpr std::string_view uploads_prefix = "uploads/";

struct swept {
  std::int64_t removed = 0;
  std::string cursor; // for the next part; empty: this was the last
};

/// A part of the bucket, `most` objects: removes those that no job names and that were put before a time. Between a
/// put and its job lies no time worth speaking of, so an hour ago is early enough.
[[nodiscard]] result<swept> sweep_uploads(
  storage::sql& db, storage::objects& uploads, std::int64_t put_before_ms, std::int64_t most, std::string_view cursor);

} // namespace troupe
