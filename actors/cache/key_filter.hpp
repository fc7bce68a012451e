// Which keys the tiers below memory may have, so that a read of what nobody has kept asks the providers at once: a
// blocked Bloom filter (B. H. Bloom, CACM 13:7, 1970; F. Putze et al., WEA 2007). It says "maybe" to every key until
// all that is stored has been listed once. A key that was removed stays until the listing after that has ended. A key
// whose storing is under way while a listing begins may be missed: then the providers are asked, which is not wrong.
// Only for tiers that nobody else writes to. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

class key_filter {
public:
  /// False: no tier has a key of this hash. True: perhaps; of keys that no tier has, one in a hundred as long as
  /// 200,000 are kept, one in seven with twice as many.
  [[nodiscard]] bool maybe(std::uint64_t hash) const noexcept;

  /// A key is stored now.
  void add(std::uint64_t hash);

  /// All keys that are stored, part by part: `first` begins a listing, anew if one is under way, `last` ends it.
  void listed(const std::vector<std::string>& keys, bool first, bool last);

private:
  // 256 KiB, twice while a listing is under way, for each shard.
  static constexpr std::size_t words = std::size_t{1} << 15;
  using bits = std::vector<std::uint64_t>;

  bits known_; // empty: nothing is known
  bits next_;  // what the listing under way has come to, and what was stored since it began
};

} // namespace troupe
