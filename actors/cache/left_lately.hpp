// Which keys left a queue lately: the ghost queue of S3-FIFO, without its keys. A table of 32 bits of a key's hash and
// when it left, 8 bytes each, in buckets of four; what is too long ago counts as not there and is overwritten first.
// Two keys with the same bits are taken for one (about one time in 4,000), which costs a wrong guess, no more. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe {

class left_lately {
public:
  /// Remembers the last `count` that left from now on; the table grows with it and never shrinks.
  void remember(std::size_t count);

  void add(std::uint64_t hash);

  /// Whether it is among them; it is not any more afterwards.
  bool take(std::uint64_t hash) noexcept;

private:
  struct mark {
    std::uint32_t tag = 0; // 0: free
    std::uint32_t left = 0;
  };
  using bucket = std::array<mark, 4>;

  [[nodiscard]] bucket& bucket_of(std::uint32_t tag) noexcept {
    return table_[(std::uint64_t{tag} * table_.size()) >> 32];
  }
  [[nodiscard]] std::uint32_t age(const mark& m) const noexcept { return clock_ - m.left; }
  void put(std::uint32_t tag, std::uint32_t left) noexcept;

  std::vector<bucket> table_;
  std::size_t count_ = 0;
  std::uint32_t clock_ = 0; // counts who left; wraps
};

} // namespace troupe
