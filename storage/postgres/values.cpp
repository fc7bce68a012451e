#include "storage/postgres/values.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace troupe::storage::postgres {
namespace {

// src/include/catalog/pg_type.dat
constexpr unsigned bool_type = 16;
constexpr unsigned bytea_type = 17;
constexpr unsigned int8_type = 20;
constexpr unsigned int2_type = 21;
constexpr unsigned int4_type = 23;
constexpr unsigned oid_type = 26;
constexpr unsigned float4_type = 700;
constexpr unsigned float8_type = 701;
constexpr unsigned numeric_type = 1700;

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  auto text = std::string{};
  text.resize(2 + 2 * bytes.size());
  auto at = text.begin();
  *at++ = '\\';
  *at++ = 'x';
  for (const auto c : bytes) {
    *at++ = digits[static_cast<unsigned char>(c) >> 4];
    *at++ = digits[static_cast<unsigned char>(c) & 0xf];
  }
  return text;
}

unsigned nibble(char c) noexcept {
  return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); // the server writes small letters
}

std::string unhex(std::string_view text) {
  text.remove_prefix(2); // "\x"
  auto bytes = std::string(text.size() / 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
  return bytes;
}

value real(std::string_view text) {
  // std::from_chars takes "Infinity" and "NaN" as the server writes them.
  auto number = 0.0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return std::isnan(number) ? value{} : value{number};
}

value whole(std::string_view text, value otherwise) {
  auto number = std::int64_t{0};
  const auto* end = text.data() + text.size();
  const auto [stop, trouble] = std::from_chars(text.data(), end, number);
  return trouble == std::errc{} && stop == end ? value{number} : std::move(otherwise);
}

argument real_argument(double number) {
  if (std::isnan(number))
    return {}; // NaN becomes NULL, as SQLite does it
  if (std::isinf(number))
    return number > 0 ? "Infinity" : "-Infinity";
  auto buffer = std::array<char, 32>{};
  const auto [end, trouble] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return std::string{buffer.data(), trouble == std::errc{} ? end : buffer.data()};
}

} // namespace

result<std::vector<argument>> encode(const params& bound) {
  auto list = std::vector<argument>{};
  list.reserve(bound.size());
  struct writer {
    argument operator()(std::monostate) const { return {}; }
    argument operator()(std::int64_t number) const { return std::to_string(number); }
    argument operator()(double number) const { return real_argument(number); }
    argument operator()(const std::string& text) const { return text; }
    argument operator()(const blob& bytes) const { return hex(bytes.view()); }
  };
  for (const auto& each : bound) {
    const auto* text = std::get_if<std::string>(&each);
    if (text != nullptr && text->find('\0') != std::string::npos)
      return fail(ec::storage_failed,
        "parameter " + std::to_string(list.size() + 1) + ": a text cannot hold a NUL byte: bind it as a blob");
    list.push_back(std::visit(writer{}, each));
  }
  return list;
}

value decode(unsigned type, std::string_view text) {
  switch (type) {
  case bool_type:
    return std::int64_t{text == "t" ? 1 : 0};
  case int2_type:
  case int4_type:
  case int8_type:
  case oid_type:
    return whole(text, std::string{text});
  case numeric_type:
    return whole(text, real(text));
  case float4_type:
  case float8_type:
    return real(text);
  case bytea_type:
    return blob{unhex(text)};
  default:
    return std::string{text};
  }
}

} // namespace troupe::storage::postgres
