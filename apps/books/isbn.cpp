#include "apps/books/isbn.hpp"

#include "apps/books/utf8.hpp"

#include <cstdio>

namespace troupe::books {
namespace {

/// Hyphens, dashes and the minus sign: what people and word processors put between the groups.
bool is_separator(char32_t c) noexcept {
  return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xAD || utf8::is_space(c);
}

/// A character in a message: itself when it prints, otherwise its number.
std::string shown(char32_t c) {
  if (c > 0x20 && c < 0x7F)
    return std::string{'\''} + static_cast<char>(c) + '\'';
  if (c == utf8::ill_formed)
    return "a byte that is not UTF-8";
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "U+%04X", static_cast<unsigned>(c));
  return text.data();
}

/// ISO 2108: weights 1 and 3 in turn, modulo 10.
char check13(const char* digits) noexcept {
  int sum = 0;
  for (int i = 0; i < 12; ++i)
    sum += (digits[i] - '0') * (i % 2 == 0 ? 1 : 3);
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

/// ISO 2108:1992: weights 10 down to 2, modulo 11, with X for ten.
char check10(const char* digits) noexcept {
  int sum = 0;
  for (int i = 0; i < 9; ++i)
    sum += (digits[i] - '0') * (10 - i);
  const int check = (11 - sum % 11) % 11;
  return check == 10 ? 'X' : static_cast<char>('0' + check);
}

auto wrong_check(char expected, char got) {
  return fail(ec::bad_request, std::string{"isbn: expected check digit "} + expected + ", got " + got);
}

auto not_a_digit(std::size_t place, char32_t got) {
  return fail(ec::bad_request, "isbn: expected a digit at character " + std::to_string(place) + ", got " + shown(got));
}

} // namespace

result<isbn> isbn::parse(std::string_view text) {
  std::array<char, 13> digits{};
  std::size_t count = 0;
  std::size_t x_at = 0; // the place of an X, from 1; 0: none
  std::size_t place = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = utf8::next(text, at);
    ++place;
    if (c >= '0' && c <= '9' && x_at == 0) {
      if (count < digits.size())
        digits[count] = static_cast<char>(c);
      ++count;
      continue;
    }
    if (is_separator(c))
      continue;
    // an X stands for ten and only ever ends an ISBN-10
    if ((c != 'x' && c != 'X') || count != 9)
      return not_a_digit(x_at != 0 ? x_at : place, x_at != 0 ? U'X' : c);
    digits[count++] = 'X';
    x_at = place;
  }
  if (count == 10) {
    const char expected = check10(digits.data());
    if (digits[9] != expected)
      return wrong_check(expected, digits[9]);
    std::array<char, 13> full{'9', '7', '8'};
    for (std::size_t i = 0; i < 9; ++i)
      full[i + 3] = digits[i];
    full[12] = check13(full.data());
    return isbn{full};
  }
  if (count != 13)
    return fail(ec::bad_request, "isbn: expected 10 or 13 digits, got " + std::to_string(count));
  const std::string_view prefix{digits.data(), 3};
  if (prefix != "978" && prefix != "979")
    return fail(ec::bad_request, "isbn: expected the prefix 978 or 979, got " + std::string{prefix});
  const char expected = check13(digits.data());
  if (digits[12] != expected)
    return wrong_check(expected, digits[12]);
  return isbn{digits};
}

std::string isbn::isbn10() const {
  if (!isbn13().starts_with("978"))
    return {};
  std::string ten{isbn13().substr(3, 9)};
  ten.push_back(check10(ten.data()));
  return ten;
}

std::uint64_t isbn::number() const noexcept {
  std::uint64_t n = 0;
  for (char c : digits_)
    n = n * 10 + static_cast<std::uint64_t>(c - '0');
  return n;
}

} // namespace troupe::books
