// Which endpoint does a path mean? From the left, a literal segment wins over a placeholder; two patterns that could
// mean the same path with equal right cannot both be registered (DECISIONS, lesson 9), so the order of registration
// decides nothing.
#pragma once

#include "messages/result.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

class router {
public:
  static constexpr std::size_t most_placeholders = 4;

  struct match {
    std::size_t endpoint = 0;
    std::array<std::string_view, most_placeholders> captured; // what stands for the placeholders, still escaped
    std::size_t placeholders = 0;
  };

  /// Registers a pattern such as "/api/v2/books/{isbn}": literal segments, and at most `most_placeholders` that a
  /// placeholder fills. Fails with config_invalid when it is malformed or clashes with an earlier one (which it names).
  [[nodiscard]] result<void> add(std::string_view pattern, std::size_t endpoint);

  /// The endpoint for a path (no query). A trailing slash makes another path.
  [[nodiscard]] std::optional<match> find(std::string_view path) const noexcept;

private:
  struct segment {
    std::string literal; // empty: a placeholder
    bool placeholder = false;
  };
  struct entry {
    std::string pattern;
    std::vector<segment> segments;
    std::size_t endpoint = 0;
  };

  static bool fits(const entry& e, std::string_view path, match& out) noexcept;

  std::vector<entry> literal_;
  std::vector<entry> open_; // whose literal segments begin further left, first
};

} // namespace troupe
