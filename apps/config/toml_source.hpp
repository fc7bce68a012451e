// The configuration file as a list of what it says, in its order; what a key means is not known here.
#pragma once

#include "apps/config/schema.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::config {

/// One key of a TOML file with its value, or a whole table that nobody knows.
struct toml_item {
  std::string key;   ///< the whole path
  written value;     ///< of kind other, "a table", for a table
  std::string where; ///< of the value, "config/troupe.toml:12:9"
  std::string where_key;
};

/// What stands beneath a key; `elsewhere`: what another reader takes (custom_source.hpp).
enum class key_kind : std::uint8_t { setting, section, elsewhere, unknown };

/// Parses TOML and lists its keys in the order of the file: settings, unknown keys, unknown tables (not what is in
/// them, but for what looks like a secret), and sections that are no tables. A syntax error is appended to `errors`,
/// and then there are no items: TOML has no way to go on behind one.
[[nodiscard]] std::vector<toml_item> read_toml(std::string_view text, const std::string& path,
  const std::function<key_kind(std::string_view)>& kind_of, std::vector<std::string>& errors);

} // namespace troupe::config
