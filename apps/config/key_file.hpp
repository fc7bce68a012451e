// The file of API keys: one [[keys]] table a key.
//
//   [[keys]]
//   name = "mobile"
//   sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//   routes = ["search"]     # absent: every route
//   limit = "1000/60s"      # absent: the routes' limits for one client
#pragma once

#include "apps/config/values.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::config {

struct listed_key {
  std::string name;                      ///< 1 to 32 letters, digits, '-', '_' and '.'; unique
  std::array<std::uint8_t, 32> digest{}; ///< SHA-256 of the key; unique
  std::vector<std::string> routes;       ///< of the known ones; empty: every route
  std::optional<quota> limit;
};

/// Parses the text of such a file. `path` is for errors ("keys.toml:3:1: keys.sha256: expected 64 hex digits"), which
/// are appended, one line each, and never hold a value that could be a key. `routes` are the known names.
[[nodiscard]] std::vector<listed_key> parse_key_file(std::string_view text, const std::string& path,
  const std::vector<std::string>& routes, std::vector<std::string>& errors);

/// The table for a key, as it stands in the file.
[[nodiscard]] std::string format_key(std::string_view name, std::string_view sha256,
  const std::vector<std::string>& routes, const std::optional<quota>& limit);

/// Whether a key may have that name.
[[nodiscard]] bool is_key_name(std::string_view name);

} // namespace troupe::config
