#define TEST_SUITE books.library_cells
#include "tests/support/test.hpp"

#include "apps/books/library/cells.hpp"

using namespace troupe::books;
using namespace troupe::books::library;

namespace {

/// The ISBN-13, or what is wrong.
std::string read(std::string_view cell) {
  const auto number = repaired_isbn(cell);
  return number ? std::string{number.value().isbn13()} : number.error().message;
}

} // namespace

TEST(an ISBN is read out of what protects it from spreadsheets) {
  for (std::string_view cell : {"9780439023481", "=\"9780439023481\"", " [9780439023481] ", "'9780439023481",
         "978-0-439-02348-1", "ISBN 978-0-439-02348-1", "ISBN-13: 9780439023481", "isbn:0439023483", "0-439-02348-3",
         "=\"0439023483\"", "ISBN-10 0439023483", "ISBN13: 9780439023481", "\"9780439023481\""})
    CHECK_EQ(read(cell), "9780439023481");
  CHECK_EQ(bare("=\"\""), "");
  CHECK_EQ(bare(" [] "), "");
  CHECK_EQ(bare("[1578660289, 9781578660285]"), "1578660289, 9781578660285");
}

TEST(a cell in a message is one short line) {
  CHECK_EQ(shown(" a\n b "), "a b");
  CHECK_EQ(shown("Garc\xED"
                 "a"),
    "Garc\uFFFDa");
  CHECK_EQ(shown(std::string(60, 'x')), std::string(60, 'x'));
  CHECK_EQ(shown(std::string(59, 'x')
                 + "\u00E9"
                   "y"),
    std::string(59, 'x') + "...");
}

TEST(lost leading zeros are restored and the check digit judges) {
  CHECK_EQ(read("439023483"), "9780439023481");
  CHECK_EQ(read("43942089X"), "9780439420891");
  CHECK_EQ(read("2239043"), "9780002239042"); // 0002239043
  CHECK_EQ(read("439023484"), "isbn: expected check digit 3, got 4");
  CHECK_EQ(read("123456"), "isbn: expected 10 or 13 digits, got 6");
}

TEST(a number as data tools write it is read when all of its digits are there) {
  CHECK_EQ(read("9780439023481.0"), "9780439023481");
  CHECK_EQ(read("439023483.0"), "9780439023481");
  CHECK_EQ(read("9.780439023481e+12"), "9780439023481");
  CHECK_EQ(read("9,780439023481E+12"), "9780439023481");
  CHECK_EQ(read("4.39023483E8"), "9780439023481");
  CHECK_EQ(read("9.78043902348e+12"), "isbn: expected all digits, a spreadsheet has dropped 1 of them");
  CHECK_EQ(read("9.78044E+12"), "isbn: expected all digits, a spreadsheet has dropped 7 of them");
  CHECK_EQ(read("9.780439023481e+11"), "isbn: expected a whole number");
  CHECK_EQ(read("9.78e99999999999"), "isbn: expected a digit at character 2, got '.'");
}

TEST(what is no ISBN says why) {
  CHECK_EQ(read("9780439023482"), "isbn: expected check digit 1, got 2");
  CHECK_EQ(read("B07MNWKF2M"), "isbn: expected a digit at character 1, got 'B'");
  CHECK_EQ(read("1234567890123"), "isbn: expected the prefix 978 or 979, got 123");
  CHECK_EQ(read(""), "isbn: expected 10 or 13 digits, got 0");
}

TEST(a series behind a title is told by its number sign) {
  CHECK_EQ(without_series("Warbreaker (Warbreaker, #1)"), "Warbreaker");
  CHECK_EQ(without_series("Spook  (Ghost Roads #3; InCryptid (side), #8)"), "Spook");
  CHECK_EQ(without_series("Emma (Penguin Classics)"), "Emma (Penguin Classics)");
  CHECK_EQ(without_series("C# (#1)"), "C#");
  CHECK_EQ(without_series("(Saga, #1)"), "(Saga, #1)");
  CHECK_EQ(without_series("odd #1)"), "odd #1)");
  CHECK_EQ(without_series(""), "");
}
