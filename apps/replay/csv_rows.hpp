// CSV files as rows with line numbers, over libcsv in its strict mode, gzip unpacked on the way.
#pragma once

#include "messages/result.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::replay {

/// Calls `row(line, fields)` for each row in order, until one fails; `line` is where the row begins, from 1. Empty
/// lines are skipped, a byte order mark too. Fails with "line N: ..." on what RFC 4180 does not allow (a quote within
/// an unquoted field, a quoted field without end) and on text that is not UTF-8.
using row_sink = std::function<result<void>(std::size_t line, std::vector<std::string>& fields)>;
[[nodiscard]] result<void> each_csv_row(std::string_view text, const row_sink& row);

/// A file's content, unpacked when it is gzip. The error names the file and the cause.
[[nodiscard]] result<std::string> read_unpacked(const std::string& path);

} // namespace troupe::replay
