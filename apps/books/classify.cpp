#include "apps/books/classify.hpp"

#include "apps/books/isbn.hpp"
#include "apps/books/names.hpp"
#include "apps/books/text.hpp"

#include <algorithm>
#include <array>
#include <unicode/uchar.h>
#include <unicode/utf8.h>
#include <vector>

namespace troupe::books {
namespace {

// Of names in the languages whose books are most translated.
constexpr std::array<std::string_view, 24> particles{"de", "da", "di", "del", "della", "der", "den", "des", "du", "do",
  "dos", "la", "le", "van", "von", "zu", "af", "av", "bin", "ibn", "al", "el", "ter", "y"};

// What titles have and names do not.
constexpr std::array<std::string_view, 22> small_words{"the", "a", "an", "of", "and", "in", "on", "to", "for", "with",
  "from", "at", "by", "or", "is", "my", "your", "his", "her", "not", "how", "i"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

UChar32 first_of(std::string_view word) {
  std::int32_t at = 0;
  UChar32 c = U_SENTINEL;
  U8_NEXT(word.data(), at, static_cast<std::int32_t>(word.size()), c);
  return c;
}

bool has_digit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_capitalised(std::string_view word) {
  const auto c = first_of(word);
  return c >= 0 && (u_isupper(c) != 0 || u_istitle(c) != 0);
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0)
      out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool is_name(std::string_view text) {
  constexpr std::size_t fewest = 2;
  constexpr std::size_t most = 5;
  if (has_digit(text) || text.find_first_of(":;!?\"()[]&/") != std::string_view::npos)
    return false;
  const auto words = words_of(text);
  if (words.size() < fewest || words.size() > most)
    return false;
  std::size_t capitals = 0;
  for (const auto word : words) {
    const auto folded = normalise(word);
    if (!folded || is_one_of(small_words, folded.value()))
      return false;
    const bool particle = is_one_of(particles, folded.value());
    if (!particle && !is_generation(word) && !is_capitalised(word))
      return false;
    capitals += is_capitalised(word) && !particle ? 1 : 0;
  }
  return capitals >= 1 && is_capitalised(words.back());
}

} // namespace

std::string_view to_string(query_kind k) noexcept {
  constexpr std::array<std::string_view, 3> names{"isbn", "author", "title"};
  return names[static_cast<std::size_t>(k)];
}

query_kind classify(std::string_view query) {
  if (isbn::parse(query))
    return query_kind::isbn;
  const auto text = tidy(query);
  return is_name(text.find(',') == std::string::npos ? text : turned_round(text)) ? query_kind::author
                                                                                  : query_kind::title;
}

} // namespace troupe::books
