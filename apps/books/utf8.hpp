// UTF-8 by the table of well-formed sequences (Unicode 15, table 3-7): shortest forms only, no surrogates, nothing
// above U+10FFFF. An ill-formed byte is reported and skipped alone, so that a reader always moves forward.
#pragma once

#include "apps/books/eight_bytes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::books::utf8 {

/// What `next` gives for an ill-formed sequence; no code point.
inline constexpr char32_t ill_formed = 0xFFFFFFFF;

[[nodiscard]] inline bool is_ascii(std::string_view text) noexcept {
  std::uint64_t seen = 0;
  for (; !text.empty(); text.remove_prefix(std::min(eight_bytes::size, text.size())))
    seen |= eight_bytes::load(text);
  return (seen & eight_bytes::high_bits) == 0;
}

/// Reads the code point that starts at `at` (which must lie inside the text) and moves `at` behind it.
[[nodiscard]] inline char32_t next(std::string_view text, std::size_t& at) noexcept {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at++);
  if (lead < 0x80)
    return lead;
  if (lead < 0xC2 || lead > 0xF4)
    return ill_formed;
  const std::size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  if (text.size() - at < more)
    return ill_formed;
  // the second byte's range is what rules out long forms, surrogates and too large values
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t point = lead & (0x3Fu >> more);
  for (std::size_t i = 0; i < more; ++i) {
    const unsigned b = byte(at + i);
    if (b < (i == 0 ? low : 0x80) || b > (i == 0 ? high : 0xBF))
      return ill_formed;
    point = (point << 6) | (b & 0x3Fu);
  }
  at += more;
  return point;
}

[[nodiscard]] inline bool is_well_formed(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();)
    if (next(text, at) == ill_formed)
      return false;
  return true;
}

/// Appends a code point; what is none (surrogates, too large) becomes U+FFFD.
inline void append(std::string& out, char32_t point) {
  if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
    point = 0xFFFD;
  auto put = [&](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

/// The property White_Space (PropList.txt, Unicode 15: 25 code points).
[[nodiscard]] constexpr bool is_space(char32_t c) noexcept {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A)
         || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

} // namespace troupe::books::utf8
