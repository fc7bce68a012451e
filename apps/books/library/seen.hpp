// Which books a file has named already: a hash set with the line of each, of bounded size. A book is known by 64 bits
// of hash: with the most that are kept, the odds that any two of them share theirs are one in four million.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace troupe::books::library {

class seen_books {
public:
  /// 3 million books are 50 MB, and 75 MB while it grows the last time.
  static constexpr std::size_t most_kept = 3'000'000;

  explicit seen_books(std::size_t most = most_kept) : most_{most} {}

  /// Notes a book on a line. The line on which it was noted before, if it was; nothing if it is new, or if the set is
  /// full and it is not in it.
  std::optional<std::uint64_t> add(std::uint64_t hash, std::uint64_t line);

  /// No more are noted.
  [[nodiscard]] bool full() const noexcept { return count_ >= most_; }

private:
  void grow();
  [[nodiscard]] std::size_t place_of(std::uint64_t hash) const noexcept;

  std::size_t most_;
  std::size_t count_ = 0;
  std::vector<std::uint64_t> hashes_; // 0: free; a power of two of them, open addressing with linear probing
  std::vector<std::uint32_t> lines_;  // a file of more lines than that is larger than any upload may be
};

} // namespace troupe::books::library
