#include "apps/replay/render.hpp"

#include <algorithm>

namespace troupe::replay {

namespace {

struct language {
  std::string_view two;
  std::string_view marc;
  std::string_view terminology; ///< ISO 639-2/T where it differs, as other catalogues write it
};

constexpr language languages[]{{"ar", "ara", ""}, {"bg", "bul", ""}, {"bn", "ben", ""}, {"ca", "cat", ""},
  {"cs", "cze", "ces"}, {"cy", "wel", "cym"}, {"da", "dan", ""}, {"de", "ger", "deu"}, {"el", "gre", "ell"},
  {"en", "eng", ""}, {"eo", "epo", ""}, {"es", "spa", ""}, {"et", "est", ""}, {"eu", "baq", "eus"},
  {"fa", "per", "fas"}, {"fi", "fin", ""}, {"fil", "fil", ""}, {"fr", "fre", "fra"}, {"ga", "gle", ""},
  {"gl", "glg", ""}, {"he", "heb", ""}, {"hi", "hin", ""}, {"hr", "hrv", ""}, {"hu", "hun", ""}, {"id", "ind", ""},
  {"is", "ice", "isl"}, {"it", "ita", ""}, {"ja", "jpn", ""}, {"ko", "kor", ""}, {"la", "lat", ""}, {"lt", "lit", ""},
  {"lv", "lav", ""}, {"ms", "may", "msa"}, {"nb", "nob", ""}, {"nl", "dut", "nld"}, {"no", "nor", ""},
  {"pl", "pol", ""}, {"pt", "por", ""}, {"ro", "rum", "ron"}, {"ru", "rus", ""}, {"sk", "slo", "slk"},
  {"sl", "slv", ""}, {"sr", "srp", ""}, {"sv", "swe", ""}, {"ta", "tam", ""}, {"th", "tha", ""}, {"tr", "tur", ""},
  {"uk", "ukr", ""}, {"ur", "urd", ""}, {"vi", "vie", ""}, {"zh", "chi", "zho"}};

const language* find_language(std::string_view code) {
  const auto base = code.substr(0, code.find_first_of("-_"));
  const auto* at = std::find_if(std::begin(languages), std::end(languages), [&](const language& known) {
    return !base.empty() && (known.two == base || known.marc == base || known.terminology == base);
  });
  return at == std::end(languages) ? nullptr : at;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return out;
}

} // namespace

std::uint64_t fingerprint(const book& b, std::uint32_t row) noexcept {
  // FNV-1a over what names the book, then the finaliser of splitmix64, whose every output bit depends on every input
  // bit
  std::uint64_t x = 0xcbf29ce484222325ULL;
  for (const auto& text : {std::string_view{b.isbn13}, std::string_view{b.title}})
    for (const char c : text)
      x = (x ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  x += 0x9e3779b97f4a7c15ULL * (row + 1ULL);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

split_title split(std::string_view title) noexcept {
  const auto colon = title.find(": ");
  if (colon == std::string_view::npos || colon == 0)
    return {title, {}};
  auto subtitle = title.substr(colon + 2);
  subtitle.remove_prefix(std::min(subtitle.find_first_not_of(' '), subtitle.size()));
  return subtitle.empty() ? split_title{title, {}} : split_title{title.substr(0, colon), subtitle};
}

std::string describe(const book& b) {
  std::string out = "\u201C" + b.title + "\u201D is a book";
  if (!b.authors.empty())
    out += " by " + joined(b.authors);
  if (b.year > 0)
    out += ", first published in " + std::to_string(b.year);
  if (!b.publisher.empty())
    out += "; this edition is from " + b.publisher;
  out += ".";
  if (!b.subjects.empty())
    out += " It is shelved under " + joined(b.subjects) + ".";
  out += " These sentences were put together from the columns of the catalogue that replay was started with, and stand"
         " where the real service has the publisher's text; they are about as long as that, too.";
  return out;
}

std::string google_language(std::string_view code) {
  const auto* known = find_language(code);
  if (known == nullptr)
    return {};
  const auto region = code.substr(std::min(code.find_first_of("-_"), code.size()));
  if ((known->two == "pt" && region == "-BR") || (known->two == "zh" && (region == "-CN" || region == "-TW")))
    return std::string{known->two} + std::string{region};
  return std::string{known->two};
}

std::string marc_language(std::string_view code) {
  const auto* known = find_language(code);
  return std::string{known == nullptr ? "" : known->marc};
}

} // namespace troupe::replay
