#include "apps/replay/isbn.hpp"

namespace troupe::replay {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Weights 1 and 3 in turn; what is missing to the next multiple of ten.
char check13(std::string_view first_twelve) {
  int sum = 0;
  for (std::size_t i = 0; i < 12; ++i)
    sum += (first_twelve[i] - '0') * (i % 2 == 0 ? 1 : 3);
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

/// Weights 10 down to 2; what is missing to the next multiple of eleven, ten being X.
char check10(std::string_view first_nine) {
  int sum = 0;
  for (std::size_t i = 0; i < 9; ++i)
    sum += (first_nine[i] - '0') * (10 - static_cast<int>(i));
  const int check = (11 - sum % 11) % 11;
  return check == 10 ? 'X' : static_cast<char>('0' + check);
}

} // namespace

std::optional<std::string> to_isbn13(std::string_view text) {
  std::string digits;
  for (char c : text) {
    if (c == '-' || c == ' ')
      continue;
    if (c == 'x')
      c = 'X';
    const bool fits = is_digit(c) || (c == 'X' && digits.size() == 9);
    if (!fits || digits.size() == 13)
      return std::nullopt;
    digits += c;
  }
  if (digits.size() == 10) {
    if (check10(digits) != digits[9])
      return std::nullopt;
    digits = "978" + digits.substr(0, 9);
    digits += check13(digits);
    return digits;
  }
  if (digits.size() != 13 || digits.find('X') != std::string::npos)
    return std::nullopt;
  if (!digits.starts_with("978") && !digits.starts_with("979"))
    return std::nullopt;
  if (check13(digits) != digits[12])
    return std::nullopt;
  return digits;
}

std::string to_isbn10(std::string_view isbn13) {
  if (isbn13.size() != 13 || !isbn13.starts_with("978"))
    return {};
  std::string ten{isbn13.substr(3, 9)};
  ten += check10(ten);
  return ten;
}

} // namespace troupe::replay
