#include "actors/cache/key_filter.hpp"

#include "actors/cache/hot_index.hpp"

#include <utility>

namespace troupe {
namespace {

// A block is a cache line: 8 words, 512 bits. In it seven bits a key, each said by nine bits of the mixed hash.
constexpr std::size_t block_words = 8;
constexpr int bits_of_a_key = 7;
constexpr int bits_of_a_place = 9;

// `visit(word, mask)` for each bit of the key, until it says false; whether none did.
template <class Visit>
bool each_bit(std::uint64_t hash, std::size_t words, Visit visit) {
  const auto block = (hash >> 32) % (words / block_words) * block_words;
  auto places = hash * 0x9e3779b97f4a7c15; // 2^64 over the golden ratio: low bits reach the high ones
  places ^= places >> 32;
  for (int i = 0; i < bits_of_a_key; ++i, places >>= bits_of_a_place)
    if (!visit(block + (places >> 6) % block_words, std::uint64_t{1} << (places % 64)))
      return false;
  return true;
}

void set(std::vector<std::uint64_t>& bits, std::uint64_t hash) {
  each_bit(hash, bits.size(), [&](std::size_t word, std::uint64_t mask) {
    bits[word] |= mask;
    return true;
  });
}

} // namespace

bool key_filter::maybe(std::uint64_t hash) const noexcept {
  return known_.empty() || each_bit(hash, known_.size(), [&](std::size_t word, std::uint64_t mask) {
    return (known_[word] & mask) != 0;
  });
}

void key_filter::add(std::uint64_t hash) {
  for (auto* each : {&known_, &next_})
    if (!each->empty())
      set(*each, hash);
}

void key_filter::listed(const std::vector<std::string>& keys, bool first, bool last) {
  if (first)
    next_.assign(words, 0);
  if (next_.empty())
    return; // the middle of a listing whose beginning is not known
  for (const auto& key : keys)
    set(next_, hash_of_key(key));
  if (last)
    known_ = std::exchange(next_, {});
}

} // namespace troupe
