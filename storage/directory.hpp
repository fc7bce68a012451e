// The data directory: where the embedded stores keep their files.
#pragma once

#include "messages/result.hpp"

#include <string>

namespace troupe::storage {

/// Makes `path` (and what leads to it) if it is missing, readable by its owner alone, and makes sure that this process
/// may read and write in it. Fails with ec::storage_unusable and one line that names the path.
[[nodiscard]] result<void> prepare_directory(const std::string& path);

} // namespace troupe::storage
