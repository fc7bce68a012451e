// Decimal numbers in heads and streams, without an allocation.
#pragma once

#include <charconv>
#include <string>

namespace troupe::http {

template <class Integer>
void append_number(std::string& out, Integer value) {
  char digits[20]; // as many as 64 bits and a sign take
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

} // namespace troupe::http
