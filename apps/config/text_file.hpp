// Reading a small text file whole.
#pragma once

#include <optional>
#include <string>

namespace troupe::config {

struct text_file {
  std::string text;
  unsigned mode = 0;  ///< permission bits
  unsigned owner = 0; ///< user id
};

/// Reads a regular file of at most 1 MiB: no configuration is larger, and a mistaken path may be. On failure returns
/// nothing and says why in `reason`. Mode and owner are those of the very file that was read.
[[nodiscard]] std::optional<text_file> read_text_file(const std::string& path, std::string& reason);

} // namespace troupe::config
