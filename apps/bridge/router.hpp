// Which endpoint does a path mean? Literal segments win over placeholders; two patterns that could mean the same path
// with equal right cannot both be registered (DECISIONS, lesson 9), so the order of registration decides nothing.
#pragma once

#include "messages/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

class router {
public:
  struct match {
    std::size_t endpoint = 0;
    std::string_view captured; // what stands for the placeholder, still escaped
  };

  /// Registers a pattern such as "/api/v2/books/{isbn}": literal segments, and at most one placeholder. Fails with
  /// config_invalid when it is malformed or clashes with an earlier one (which it names).
  [[nodiscard]] result<void> add(std::string_view pattern, std::size_t endpoint);

  /// The endpoint for a path (no query). A trailing slash makes another path.
  [[nodiscard]] std::optional<match> find(std::string_view path) const noexcept;

private:
  struct entry {
    std::string pattern;
    std::string before; // up to the placeholder, or all of it
    std::string after;  // behind the placeholder
    bool placeholder = false;
    std::size_t endpoint = 0;
  };

  std::vector<entry> literal_;
  std::vector<entry> open_;
};

} // namespace troupe
