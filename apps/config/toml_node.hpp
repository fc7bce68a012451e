// A TOML value as the loader takes it. For the readers of the file alone: toml++ is slow to compile.
#pragma once

#include "apps/config/schema.hpp"

#include <toml++/toml.h>

#include <string>

namespace troupe::config {

/// The value, or a description of what no setting can be ("a table").
[[nodiscard]] written to_written(const toml::node& node);

/// "config/troupe.toml:12:9".
[[nodiscard]] std::string locate(const std::string& path, const toml::source_position& at);

} // namespace troupe::config
