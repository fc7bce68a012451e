// The paths and names that a node has of its own, which no route of the configuration may take. A test holds the list
// against the node that is assembled (tests/apps/built_in_test.cpp).
#pragma once

#include <string_view>
#include <vector>

namespace troupe::config {

struct built_in_route {
  std::string_view name;    ///< as metrics and limits show it; also of a question, where it is one
  std::string_view pattern; ///< empty: a question that no path asks by itself
};

[[nodiscard]] const std::vector<built_in_route>& built_in_routes();

} // namespace troupe::config
