// Eight bytes of text in one register: what nearly all text is looked over with, where calling a function for each
// character, or for each short field, would take longer than what is done with it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace troupe::books::eight_bytes {

static_assert(std::endian::native == std::endian::little, "the first character is the lowest byte");

inline constexpr std::size_t size = 8;
inline constexpr std::uint64_t low_bits = 0x0101010101010101;  ///< of each byte
inline constexpr std::uint64_t high_bits = 0x8080808080808080; ///< of each byte

[[nodiscard]] constexpr std::uint64_t all(char c) noexcept {
  return low_bits * static_cast<unsigned char>(c);
}

/// Eight characters.
[[nodiscard]] inline std::uint64_t load_whole(const char* text) noexcept {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text, size);
  return bytes;
}

/// The next characters of a text that is not empty; where it has fewer than eight, the others are `filling`.
[[nodiscard]] inline std::uint64_t load(std::string_view text, char filling = '\0') noexcept {
  const auto n = text.size();
  if (n >= size)
    return load_whole(text.data());
  const auto filled = all(filling) << (8 * n);
  if (n >= 4) { // halves that overlap
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, text.data(), sizeof first);
    std::memcpy(&last, text.data() + n - sizeof last, sizeof last);
    return filled | first | std::uint64_t{last} << (8 * (n - sizeof last));
  }
  const auto byte = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i); };
  return filled | byte(0) | byte(n / 2) | byte(n - 1);
}

/// The high bit of each byte that is `c`, no other bit.
[[nodiscard]] constexpr std::uint64_t equal(std::uint64_t bytes, char c) noexcept {
  const auto other = bytes ^ all(c);
  return ~(((other & ~high_bits) + ~high_bits) | other | ~high_bits);
}

/// The places of one character in a text, found 64 characters at a time: many of them lie close together.
class place_finder {
public:
  place_finder(std::string_view text, char c) noexcept : text_{text}, c_{c} { look_from(0); }

  /// The first place from `at` on, which is behind the one found before; the text's size when there is none.
  [[nodiscard]] std::size_t next(std::size_t at) noexcept {
    if (at >= begin_ + block)
      look_from(at);
    for (auto ahead = found_ >> (at - begin_) << (at - begin_);; ahead = found_) {
      if (ahead != 0)
        return begin_ + static_cast<std::size_t>(std::countr_zero(ahead));
      if (begin_ + block >= text_.size())
        return text_.size();
      look_from(begin_ + block);
    }
  }

private:
  static constexpr std::size_t block = 64;

  /// One bit for each of eight characters.
  [[nodiscard]] std::uint64_t bits_of(std::uint64_t bytes) const noexcept {
    constexpr std::uint64_t gather = 0x0102040810204080; // the low bits of eight bytes into the highest byte
    return (equal(bytes, c_) >> 7) * gather >> 56;
  }

  void look_from(std::size_t begin) noexcept {
    const auto rest = text_.substr(std::min(begin, text_.size()));
    const auto whole = std::min(block, rest.size()) / size * size;
    begin_ = begin;
    found_ = 0;
    for (std::size_t i = 0; i < whole; i += size)
      found_ |= bits_of(load_whole(rest.data() + i)) << i;
    if (whole < block && whole < rest.size())
      found_ |= bits_of(load(rest.substr(whole))) << whole;
  }

  std::string_view text_;
  char c_;
  std::size_t begin_ = 0;
  std::uint64_t found_ = 0; // bit i: the character at begin_ + i is it
};

} // namespace troupe::books::eight_bytes
