// An inverted index for ranked OR-search, the pure heart of a query: which rows hold which words. Rows are added in
// order and so every list of rows is sorted; a search for one word is its list, one for several counts for each row how
// many of them it holds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::replay {

/// One page of an answer.
struct hits {
  std::size_t total = 0;           ///< how many rows hold at least one word
  std::vector<std::uint32_t> rows; ///< those of the page asked for, best first
};

class search_index {
public:
  /// Adds a word of a row. Rows come in rising order; a repeated word of one row counts once.
  void add(std::string_view word, std::uint32_t row);

  /// The rows that hold a word, in rising order.
  [[nodiscard]] std::span<const std::uint32_t> rows_of(std::string_view word) const;

  /// Rows that hold any of `words` (distinct), those that hold more of them first, then in row order: the page of at
  /// most `count` rows that begins at `offset`. Words beyond the 32nd are ignored.
  [[nodiscard]] hits find(std::span<const std::string> words, std::size_t offset, std::size_t count) const;

private:
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::vector<std::uint32_t>, hash, std::equal_to<>> rows_;
  std::size_t row_count_ = 0; // one more than the highest row
};

} // namespace troupe::replay
