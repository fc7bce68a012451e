#define TEST_SUITE books.eight_bytes
#include "tests/support/test.hpp"

#include "apps/books/eight_bytes.hpp"
#include "apps/books/text.hpp"
#include "apps/books/utf8.hpp"

#include <random>

using namespace troupe::books;

namespace {

/// Texts of up to 200 characters of an alphabet.
std::string some_text(std::mt19937& random, std::string_view alphabet) {
  std::string text;
  for (auto size = random() % 200; size > 0; --size)
    text.push_back(alphabet[random() % alphabet.size()]);
  return text;
}

} // namespace

TEST(the next eight characters are those of the text and then the filling) {
  const std::string text = "abcdefghij";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    std::string expected = text.substr(0, std::min<std::size_t>(size, 8));
    expected.resize(8, '-');
    const auto bytes = eight_bytes::load(std::string_view{text}.substr(0, size), '-');
    CHECK_EQ(std::string(reinterpret_cast<const char*>(&bytes), 8), expected);
  }
}

TEST(places are found as one character after the other finds them) {
  std::mt19937 random{3};
  for (int i = 0; i < 2'000; ++i) {
    const auto text = some_text(random, i % 2 == 0 ? ",a" : ",abc\xAC\x2D defghijklmnopqrstuvwxyz");
    eight_bytes::place_finder places{text, ','};
    for (std::size_t at = 0; at <= text.size(); at += 1 + random() % (i % 3 == 0 ? 100 : 3)) {
      const auto expected = std::min(text.find(',', at), text.size());
      CHECK_EQ(places.next(at), expected);
      at = expected;
    }
  }
}

TEST(text is ASCII when each character is) {
  for (std::size_t size = 0; size < 40; ++size) {
    std::string text(size, '\x7F');
    CHECK(utf8::is_ascii(text));
    for (auto& c : text) {
      c = '\x80';
      CHECK(!utf8::is_ascii(text));
      c = 'a';
    }
  }
}

TEST(text is tidy when tidying leaves it as it is) {
  std::mt19937 random{7};
  for (int i = 0; i < 20'000; ++i) {
    const auto text =
      some_text(random, i % 2 == 0 ? "abcdefghijklmnopqrstuvwxyz~! " : "ab \x1F\x7F\t").substr(0, i % 30);
    if (is_tidy_ascii(text) != (tidy(text + "\n") == text)) // with a line end it goes the long way
      CHECK_EQ(text, "not told");
  }
  CHECK(is_tidy_ascii("") && is_tidy_ascii("a b") && !is_tidy_ascii(" a") && !is_tidy_ascii("a "));
  CHECK(!is_tidy_ascii("1234567  9") && !is_tidy_ascii("12345678  9") && is_tidy_ascii("1234567 9"));
  CHECK(!is_tidy_ascii("caf\u00E9"));
}
