#include "apps/books/library/encoding.hpp"

#include "apps/books/utf8.hpp"

#include <array>

namespace troupe::books::library {
namespace {

/// Windows-1252, 80 to 9F (WHATWG Encoding, index-windows-1252).
constexpr std::array<char16_t, 32> windows_1252{0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6,
  0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
  0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178};

} // namespace

std::string_view to_string(encoding e) noexcept {
  switch (e) {
  case encoding::ascii:
    return "ASCII";
  case encoding::utf8:
    return "UTF-8";
  case encoding::latin1:
    return "Latin-1";
  }
  return "ASCII";
}

encoding guess_encoding(std::string_view text, bool cut) noexcept {
  std::size_t well = 0;
  std::size_t ill = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    if (utf8::next(text, at) != utf8::ill_formed)
      ++well;
    else if (!cut || text.size() - at >= 3) // the beginning of a character has three bytes at most
      ++ill;
  }
  if (well + ill == 0)
    return encoding::ascii;
  return well > ill ? encoding::utf8 : encoding::latin1;
}

std::string from_latin1(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 8);
  for (const char raw : text) {
    const auto byte = static_cast<unsigned char>(raw);
    if (byte < 0x80)
      out.push_back(raw);
    else
      utf8::append(out, byte < 0xA0 ? windows_1252[byte - 0x80U] : byte);
  }
  return out;
}

} // namespace troupe::books::library
