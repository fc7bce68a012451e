// Reading one table of a list such as `[[services]]`: each of its settings into a value, with what is wrong said in one
// line that begins with its place. Pure.
#pragma once

#include "apps/config/custom_source.hpp"
#include "apps/config/nearest.hpp"
#include "apps/config/schema.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace troupe::config {

/// Assigns what stands in `table` to `entries`; `check` gets each item that was assigned.
/// @param list "services"
template <class Check>
void read_table(const std::string& list, const custom_table& table, const std::vector<entry>& entries,
  std::vector<std::string>& errors, Check check) {
  std::vector<std::string> keys;
  keys.reserve(entries.size());
  for (const auto& e : entries)
    keys.push_back(e.key);
  for (const auto& item : table.items) {
    const auto known = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.key == item.key; });
    if (known == entries.end())
      errors.push_back(fmt::format("{}: {}.{}: no such setting; the nearest is {}.{}", item.where_key, list, item.key,
        list, nearest(item.key, keys).name));
    else if (const auto expected = assign(*known, item.value))
      errors.push_back(
        fmt::format("{}: {}.{}: expected {}, got {}", item.where, list, item.key, *expected, item.value.shown()));
    else
      check(item);
  }
}

} // namespace troupe::config
