// Which cold answers are wanted often enough to be kept hot: the third hit within a window promotes, and a warming or
// otherwise privileged read does at once. A table of fixed size, 16 bytes a key in buckets of four; where a bucket is
// full, what aged out makes room first, then what was hit least, then what was hit longest ago. So a scan of the cold
// tier, with one hit a key, displaces no key that has two. Pure: `now` is an argument.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe {

struct promotion_settings {
  std::uint32_t hits = 3;                              // 1: the first one promotes
  std::chrono::seconds window = std::chrono::hours{1}; // from one hit to the next; as long as hot answers live
  std::size_t keys = 65'536;                           // counted at once; 1 MiB
};

class promotion {
public:
  explicit promotion(const promotion_settings& cfg);

  /// A cold hit. True: keep the answer hot; the key's count begins anew.
  /// @param at_once the read is privileged
  [[nodiscard]] bool hit(std::uint64_t key_hash, std::chrono::nanoseconds now, bool at_once = false) noexcept;

  /// Forgets a key that is gone: purged, or hot by another way.
  void forget(std::uint64_t key_hash) noexcept;

  /// Keys that are counted, those that have aged out included.
  [[nodiscard]] std::size_t size() const noexcept;

private:
  struct counted {
    std::uint64_t key_hash = 0;
    std::uint32_t hits = 0; // 0: free
    std::uint32_t last_s = 0;
  };
  using bucket = std::array<counted, 4>;

  [[nodiscard]] bucket& bucket_of(std::uint64_t key_hash) noexcept;
  [[nodiscard]] bool aged_out(const counted& c, std::uint32_t now_s) const noexcept;

  promotion_settings cfg_;
  std::vector<bucket> table_;
};

} // namespace troupe
