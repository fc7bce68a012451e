// "Did you mean": the known name that is nearest to a mistyped one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::config {

/// How many single-character edits (insert, delete, replace, swap of neighbours) lead from one to the other: the
/// optimal string alignment distance.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

struct nearest_name {
  std::string name;
  std::size_t distance = 0;
};

/// The nearest of `known` (the first of equals; `known` is not empty). A dotted key without its section, or in the
/// wrong one, is one edit away from the known key with the same last part.
[[nodiscard]] nearest_name nearest(std::string_view name, const std::vector<std::string>& known);

} // namespace troupe::config
