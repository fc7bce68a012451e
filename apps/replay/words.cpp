#include "apps/replay/words.hpp"

#include <algorithm>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/utf8.h>

namespace troupe::replay {

namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string fold(std::string_view text) {
  if (!is_ascii(text)) {
    UErrorCode status = U_ZERO_ERROR;
    const auto* folding = icu::Normalizer2::getNFKCCasefoldInstance(status);
    if (U_SUCCESS(status)) {
      std::string folded;
      icu::StringByteSink<std::string> sink{&folded};
      folding->normalizeUTF8(
        0, icu::StringPiece{text.data(), static_cast<std::int32_t>(text.size())}, sink, nullptr, status);
      if (U_SUCCESS(status))
        return folded;
    }
  }
  std::string folded{text};
  for (char& c : folded)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return folded;
}

enum class kind { letter, joiner, separator };

struct character {
  kind what;
  std::size_t bytes;
};

/// Classifies the character at `at`. Of what is not ASCII, the blocks General Punctuation (U+2000..U+206F, which
/// begin with E2 80 and E2 81) and CJK Symbols and Punctuation (U+3000..U+303F, E3 80) separate; in the former the
/// right single quotation mark (E2 80 99) is an apostrophe.
character classify(std::string_view text, std::size_t at) {
  const auto c = static_cast<unsigned char>(text[at]);
  if (c < 0x80) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      return {kind::letter, 1};
    return {c == '\'' ? kind::joiner : kind::separator, 1};
  }
  const auto rest = text.substr(at, 3);
  if (rest == "\xE2\x80\x99")
    return {kind::joiner, 3};
  if (rest.size() == 3
      && (rest.starts_with("\xE2\x80") || rest.starts_with("\xE2\x81") || rest.starts_with("\xE3\x80")))
    return {kind::separator, 3};
  return {kind::letter, 1};
}

} // namespace

std::vector<std::string> words(std::string_view text) {
  const auto folded = fold(text);
  std::vector<std::string> found;
  std::string word;
  auto flush = [&] {
    if (!word.empty() && std::find(found.begin(), found.end(), word) == found.end())
      found.push_back(word);
    word.clear();
  };
  for (std::size_t at = 0; at < folded.size();) {
    const auto next = classify(folded, at);
    if (next.what == kind::letter)
      word.append(folded, at, next.bytes);
    else if (next.what == kind::separator)
      flush();
    at += next.bytes;
  }
  flush();
  return found;
}

bool is_utf8(std::string_view text) {
  if (is_ascii(text))
    return true;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto size = static_cast<std::int64_t>(text.size());
  std::int64_t at = 0;
  while (at < size) {
    UChar32 point = 0;
    U8_NEXT(bytes, at, size, point);
    if (point < 0)
      return false;
  }
  return true;
}

} // namespace troupe::replay
