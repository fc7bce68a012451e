// Language codes. ICU knows ISO 639-1 and 639-2/T and how BCP 47 is spelt; what it does not know are the bibliographic
// codes (ISO 639-2/B) that libraries use, and the codes that MARC withdrew.
#include "apps/books/text.hpp"

#include <algorithm>
#include <array>
#include <unicode/uloc.h>

namespace troupe::books {
namespace {

struct row {
  std::string_view code;
  std::string_view short_form;
};

/// ISO 639-2/B where it differs from /T (all 20), and MARC's withdrawn codes that still occur in Open Library.
constexpr std::array bibliographic{row{"alb", "sq"}, row{"arm", "hy"}, row{"baq", "eu"}, row{"bur", "my"},
  row{"chi", "zh"}, row{"cze", "cs"}, row{"dut", "nl"}, row{"fre", "fr"}, row{"geo", "ka"}, row{"ger", "de"},
  row{"gre", "el"}, row{"ice", "is"}, row{"mac", "mk"}, row{"mao", "mi"}, row{"may", "ms"}, row{"per", "fa"},
  row{"rum", "ro"}, row{"slo", "sk"}, row{"tib", "bo"}, row{"wel", "cy"}, row{"scc", "sr"}, row{"scr", "hr"},
  row{"esp", "eo"}, row{"gag", "gl"}, row{"iri", "ga"}, row{"tag", "tl"}, row{"lap", "se"}};

bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

} // namespace

std::string language_code(std::string_view code) {
  constexpr std::string_view path = "/languages/";
  if (code.starts_with(path))
    code.remove_prefix(path.size());
  if (code == "en" || code == "eng") // most of them, without asking ICU
    return "en";
  const auto dash = std::min(code.find_first_of("-_"), code.size());
  std::string tag{code};
  // RFC 5646 2.1: subtags have up to 8 characters; a tag of ours is a language with a script or region, no more
  if (dash < 2 || dash > 3 || tag.size() > 16
      || !std::all_of(tag.begin(), tag.begin() + static_cast<long>(dash), is_letter))
    return {};
  std::replace(tag.begin(), tag.end(), '_', '-');
  for (std::size_t i = 0; i < dash; ++i)
    tag[i] = static_cast<char>(tag[i] | 0x20);
  for (const auto& known : bibliographic)
    if (std::string_view{tag}.substr(0, dash) == known.code)
      tag.replace(0, dash, known.short_form);

  std::array<char, ULOC_FULLNAME_CAPACITY> locale{};
  std::array<char, ULOC_FULLNAME_CAPACITY> canonical{};
  int32_t parsed = 0;
  auto status = U_ZERO_ERROR;
  uloc_forLanguageTag(tag.c_str(), locale.data(), static_cast<int32_t>(locale.size()), &parsed, &status);
  if (U_FAILURE(status) || parsed != static_cast<int32_t>(tag.size()))
    return {};
  const auto size =
    uloc_toLanguageTag(locale.data(), canonical.data(), static_cast<int32_t>(canonical.size()), true, &status);
  if (U_FAILURE(status) || size <= 0 || size >= static_cast<int32_t>(canonical.size()))
    return {};
  std::string out{canonical.data(), static_cast<std::size_t>(size)};
  return out.starts_with("und") ? std::string{} : out;
}

} // namespace troupe::books
