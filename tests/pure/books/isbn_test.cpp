#define TEST_SUITE books.isbn
#include "tests/support/test.hpp"

#include "apps/books/isbn.hpp"

#include <random>

using namespace troupe;
using troupe::books::isbn;

namespace {

std::string message_of(std::string_view text) {
  const auto read = isbn::parse(text);
  return read ? "valid" : read.error().message;
}

/// Valid ISBN-10s, found by trying all check characters: the parser's own arithmetic is not used to make them.
std::vector<std::string> some_isbn10s() {
  std::mt19937 random{7};
  std::vector<std::string> list;
  while (list.size() < 60) {
    std::string text;
    int sum = 0;
    for (int i = 0; i < 9; ++i) {
      const int digit = static_cast<int>(random() % 10);
      text.push_back(static_cast<char>('0' + digit));
      sum += digit * (10 - i);
    }
    for (int check = 0; check <= 10; ++check)
      if ((sum + check) % 11 == 0)
        list.push_back(text + (check == 10 ? 'X' : static_cast<char>('0' + check)));
  }
  return list;
}

} // namespace

TEST(both lengths with any separators give one canonical form) {
  for (std::string_view text :
    {"9780441172719", "978-0-441-17271-9", " 978 0 441 17271 9 ", "0441172717", "0-441-17271-7",
      "978\xE2\x80\x93"
      "0\xE2\x80\x93"
      "441\xC2\xA0"
      "17271\xE2\x80\x91"
      "9"}) {
    const auto read = isbn::parse(text);
    REQUIRE(read.has_value());
    CHECK_EQ(read.value().isbn13(), "9780441172719");
    CHECK_EQ(read.value().isbn10(), "0441172717");
    CHECK_EQ(read.value().number(), 9780441172719u);
  }
}

TEST(an X ends an ISBN of ten digits in either case) {
  for (std::string_view text : {"080442957X", "080442957x", "0-8044-2957-X"}) {
    const auto read = isbn::parse(text);
    REQUIRE(read.has_value());
    CHECK_EQ(read.value().isbn13(), "9780804429573");
    CHECK_EQ(read.value().isbn10(), "080442957X");
  }
}

TEST(the prefix 979 has no ISBN of ten digits) {
  const auto read = isbn::parse("979-10-90636-07-1");
  REQUIRE(read.has_value());
  CHECK_EQ(read.value().isbn13(), "9791090636071");
  CHECK_EQ(read.value().isbn10(), "");
}

TEST(an error says what is wrong) {
  CHECK_EQ(message_of(""), "isbn: expected 10 or 13 digits, got 0");
  CHECK_EQ(message_of("978044117271"), "isbn: expected 10 or 13 digits, got 12");
  CHECK_EQ(message_of("97804411727190"), "isbn: expected 10 or 13 digits, got 14");
  CHECK_EQ(message_of("97804411a2719"), "isbn: expected a digit at character 9, got 'a'");
  CHECK_EQ(message_of("08044X9573"), "isbn: expected a digit at character 6, got 'X'");
  CHECK_EQ(message_of("080442957X1"), "isbn: expected a digit at character 10, got 'X'");
  CHECK_EQ(message_of("978044117271X"), "isbn: expected a digit at character 13, got 'X'");
  CHECK_EQ(message_of("9780441172710"), "isbn: expected check digit 9, got 0");
  CHECK_EQ(message_of("0804429570"), "isbn: expected check digit X, got 0");
  CHECK_EQ(message_of("9770441172710"), "isbn: expected the prefix 978 or 979, got 977");
  CHECK_EQ(message_of("978044117271\xD9\xA9"), "isbn: expected a digit at character 13, got U+0669");
  CHECK_EQ(message_of("978\xFF"), "isbn: expected a digit at character 4, got a byte that is not UTF-8");
  CHECK_EQ(message_of(std::string_view{"978\0", 4}), "isbn: expected a digit at character 4, got U+0000");
  CHECK(isbn::parse("nonsense").error().code == ec::bad_request);
}

TEST(an ISBN of ten digits with one wrong character or two neighbours swapped is caught) {
  constexpr std::string_view characters = "0123456789X";
  for (const auto& good : some_isbn10s()) {
    const auto read = isbn::parse(good);
    REQUIRE(read.has_value());
    CHECK_EQ(read.value().isbn10(), good);
    for (std::size_t i = 0; i < good.size(); ++i) {
      for (char c : characters) {
        auto bad = good;
        bad[i] = c;
        CHECK_EQ(isbn::parse(bad).has_value(), bad == good);
      }
      if (i + 1 < good.size() && good[i] != good[i + 1]) {
        auto bad = good;
        std::swap(bad[i], bad[i + 1]);
        CHECK(!isbn::parse(bad).has_value());
      }
    }
  }
}

TEST(an ISBN of thirteen digits with one wrong digit is caught) {
  for (const auto& ten : some_isbn10s()) {
    const std::string good{isbn::parse(ten).value().isbn13()};
    REQUIRE(isbn::parse(good).has_value());
    for (std::size_t i = 0; i < good.size(); ++i)
      for (char c = '0'; c <= '9'; ++c) {
        auto bad = good;
        bad[i] = c;
        CHECK_EQ(isbn::parse(bad).has_value(), bad == good);
      }
  }
}

TEST(ISBNs of both forms compare as the book that they name) {
  CHECK(isbn::parse("0441172717").value() == isbn::parse("9780441172719").value());
  CHECK(isbn::parse("0441172717").value() < isbn::parse("9791090636071").value());
}
