#include "apps/books/cache_key.hpp"

#include <array>
#include <charconv>

namespace troupe::books {
namespace {

void append_id(std::string& key, std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  const auto from = key.size();
  key.resize(from + 3 * text.size()); // if all of it had to be encoded
  char* to = key.data() + from;
  for (char raw : text) {
    const auto c = static_cast<unsigned char>(raw);
    if (raw == ' ') {
      *to++ = '+';
    } else if (c < 0x20 || c == 0x7F || raw == '+' || raw == '%' || raw == '|') {
      *to++ = '%';
      *to++ = hex[c >> 4];
      *to++ = hex[c & 15];
    } else {
      *to++ = raw;
    }
  }
  key.resize(static_cast<std::size_t>(to - key.data()));
}

template <class Int>
void append_number(std::string& key, Int n) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
  key.append(digits.data(), end);
}

} // namespace

std::string cache_key(std::string_view route, std::string_view text) {
  std::string key;
  key.reserve(3 * text.size() + 16);
  if (route == "search") {
    key += "search:query:";
  } else if (route == "details") {
    key += "book:isbn:";
  } else if (route == "author") {
    key += "author:name:";
  } else {
    for (const char c : route) // it could hold anything, were it ever configured
      if (c == ':')
        key += "%3A";
      else
        append_id(key, {&c, 1});
    key += ":query:";
  }
  append_id(key, text);
  return key;
}

std::string variant_key(std::string_view key, strategy s, std::int32_t limit, std::int64_t config_version) {
  std::string out;
  out.reserve(key.size() + 40);
  out += key;
  out.push_back('|');
  out += to_string(s);
  out.push_back('|');
  append_number(out, limit);
  out += "|c";
  append_number(out, config_version);
  return out;
}

} // namespace troupe::books
