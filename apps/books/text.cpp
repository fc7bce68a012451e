#include "apps/books/text.hpp"

#include "apps/books/eight_bytes.hpp"
#include "apps/books/names.hpp"
#include "apps/books/utf8.hpp"

#include <array>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

namespace troupe::books {
namespace {

char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// What case folding and white space make of an ASCII character.
constexpr std::int16_t not_ascii = -1;
constexpr auto ascii_folding = [] {
  std::array<std::int16_t, 256> table{};
  for (std::size_t i = 0; i < 256; ++i) {
    const auto c = static_cast<char32_t>(i);
    table[i] = static_cast<std::int16_t>(c >= 0x80              ? not_ascii
                                         : utf8::is_space(c)    ? ' '
                                         : c >= 'A' && c <= 'Z' ? i | 0x20
                                                                : i);
  }
  return table;
}();

bool is_alnum(char32_t c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// toNFKC_Casefold. The text is not ASCII alone; ill-formed bytes become U+FFFD.
std::string fold(std::string_view text) {
  auto status = U_ZERO_ERROR;
  // the instance is ICU's own, loaded once and never freed
  const auto* folding = icu::Normalizer2::getNFKCCasefoldInstance(status);
  std::string out;
  if (U_FAILURE(status))
    return std::string{text};
  out.reserve(text.size() + 8);
  icu::StringByteSink<std::string> sink{&out};
  folding->normalizeUTF8(0, icu::StringPiece{text.data(), static_cast<int32_t>(text.size())}, sink, nullptr, status);
  return U_FAILURE(status) ? std::string{text} : out;
}

std::string folded(std::string_view text) {
  if (!utf8::is_ascii(text))
    return fold(text);
  std::string out{text};
  for (auto& c : out)
    c = ascii_lower(c);
  return out;
}

/// What becomes of a code point.
enum class fate { keep, space, drop };

/// The code points that `judge` keeps, with single spaces where it saw some and none at the ends.
template <class Judge>
std::string sieve(std::string_view text, Judge judge) {
  std::string out;
  out.reserve(text.size());
  bool gap = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    const char32_t c = utf8::next(text, at);
    switch (judge(c)) {
    case fate::drop:
      break;
    case fate::space:
      gap = true;
      break;
    case fate::keep:
      if (gap && !out.empty())
        out.push_back(' ');
      gap = false;
      if (c == utf8::ill_formed)
        utf8::append(out, 0xFFFD);
      else
        out.append(text, from, at - from);
    }
  }
  return out;
}

std::string collapse(std::string_view text) {
  return sieve(text, [](char32_t c) { return utf8::is_space(c) ? fate::space : fate::keep; });
}

fate judge_title(char32_t c) noexcept {
  if (utf8::is_space(c))
    return fate::space;
  if (c < 0x80) {
    if (is_alnum(c) || c == '+' || c == '#' || c == '%' || c == '@' || c == '$')
      return fate::keep;
    return c == '\'' || c == '.' ? fate::drop : fate::space;
  }
  // apostrophes in their several shapes, and the combining half marks of transliterated names
  if (c == 0x2019 || c == 0x2018 || c == 0x02BC || (c >= 0xFE20 && c <= 0xFE2F))
    return fate::drop;
  return u_ispunct(static_cast<UChar32>(c)) ? fate::space : fate::keep;
}

result<std::string> normalise_any(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    if (utf8::next(text, at) == utf8::ill_formed)
      return fail(ec::bad_request, "query: expected UTF-8, got an ill-formed sequence at byte " + std::to_string(from));
  }
  return collapse(fold(text));
}

/// "sense & sensibility" and "sense and sensibility" are one; an `&` between letters ("R&D") opens up.
std::string spell_ampersands(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (const char c : text)
    if (c == '&')
      out += " and ";
    else
      out.push_back(c);
  return out;
}

std::string letters(std::string_view folded_text) {
  return sieve(folded_text, [](char32_t c) {
    if (utf8::is_space(c) || (c >= 0xFE20 && c <= 0xFE2F))
      return fate::drop;
    if (c < 0x80)
      return is_alnum(c) ? fate::keep : fate::drop;
    return u_ispunct(static_cast<UChar32>(c)) || c == 0x02BC ? fate::drop : fate::keep;
  });
}

} // namespace

result<std::string> normalise(std::string_view text) {
  // every cached request comes through here, and most queries are ASCII: one pass, one allocation at most
  std::string out(text.size(), '\0');
  char* to = out.data();
  bool gap = false;
  for (char raw : text) {
    const auto folded_char = ascii_folding[static_cast<unsigned char>(raw)];
    if (folded_char == not_ascii)
      return normalise_any(text);
    if (folded_char == ' ') {
      gap = to != out.data();
      continue;
    }
    if (gap)
      *to++ = ' ';
    gap = false;
    *to++ = static_cast<char>(folded_char);
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  return out;
}

std::string match_key(std::string_view title) {
  auto text = folded(title);
  if (text.find('&') != std::string::npos)
    text = spell_ampersands(text);
  auto key = sieve(text, judge_title);
  if (key.empty()) // nothing but punctuation: then the punctuation is the title
    return collapse(text);
  for (std::string_view article : {"the ", "a ", "an "})
    if (key.starts_with(article)) {
      key.erase(0, article.size());
      break;
    }
  return key;
}

std::string author_key(std::string_view name) {
  const auto text = folded(name);
  std::string key;
  const auto comma = text.find(',');
  if (comma != std::string::npos && text.find(',', comma + 1) == std::string::npos) {
    const auto behind = letters(std::string_view{text}.substr(comma + 1));
    const auto before = letters(std::string_view{text}.substr(0, comma));
    key = is_name_suffix(behind) ? before : behind + before;
  } else {
    key = letters(text);
  }
  return key.empty() ? collapse(text) : key;
}

bool has_letters(std::string_view text) {
  return !letters(folded(text)).empty();
}

bool is_tidy_ascii(std::string_view text) noexcept {
  using namespace eight_bytes;
  std::uint64_t wrong = 0;
  std::uint64_t space_before = high_bits >> 56; // in the first byte: before the text
  for (auto rest = text; !rest.empty(); rest.remove_prefix(std::min(eight_bytes::size, rest.size()))) {
    const auto bytes = load(rest, 'x');
    const auto spaces = equal(bytes, ' ');
    // the high bit shows, of a text without any, a byte below a space by borrowing and 0x7F by carrying
    wrong |= (bytes | (bytes - all(' ')) | (bytes + low_bits)) & high_bits;
    wrong |= spaces & (spaces << 8 | space_before);
    space_before = spaces >> 56;
  }
  return wrong == 0 && !text.ends_with(' ');
}

std::string tidy(std::string_view text) {
  while (text.starts_with(' ')) // as the parts of a list do
    text.remove_prefix(1);
  if (is_tidy_ascii(text))
    return std::string{text};
  return sieve(text, [](char32_t c) {
    if (utf8::is_space(c))
      return fate::space;
    return c < 0x20 || c == 0x7F ? fate::drop : fate::keep;
  });
}

int year_of(std::string_view date) noexcept {
  for (std::size_t at = 0; at < date.size();) {
    std::size_t end = at;
    while (end < date.size() && date[end] >= '0' && date[end] <= '9')
      ++end;
    if (end - at == 4 || end - at == 8) {
      int year = 0;
      for (std::size_t i = at; i < at + 4; ++i)
        year = year * 10 + (date[i] - '0');
      if (year >= 1000 && year <= 2999)
        return year;
    }
    at = end + 1;
  }
  return 0;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() + 16);
  for (char raw : text) {
    const auto c = static_cast<unsigned char>(raw);
    if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(raw);
    } else {
      out.push_back('%');
      out.push_back(hex[c >> 4]);
      out.push_back(hex[c & 15]);
    }
  }
  return out;
}

} // namespace troupe::books
