#include "apps/http/uri.hpp"

#include "apps/http/hex.hpp"

namespace troupe::http {

namespace {

result<std::string> decode(std::string_view escaped, bool plus_is_space, std::string_view what) {
  std::string out;
  out.reserve(escaped.size());
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    auto c = escaped[i];
    if (c == '+' && plus_is_space) {
      out += ' ';
    } else if (c != '%') {
      out += c;
    } else {
      auto high = i + 2 < escaped.size() ? hex_value(escaped[i + 1]) : -1;
      auto low = i + 2 < escaped.size() ? hex_value(escaped[i + 2]) : -1;
      if (high < 0 || low < 0)
        return fail(ec::bad_request, std::string{what} + ": expected two hexadecimal digits behind '%'");
      if (high == 0 && low == 0) // cuts strings short in whatever is written in C behind us
        return fail(ec::bad_request, std::string{what} + ": an encoded NUL is not allowed");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

} // namespace

result<std::string> decode_path(std::string_view escaped) {
  return decode(escaped, false, "path");
}

result<fields> parse_query(std::string_view query) {
  fields out;
  while (!query.empty()) {
    auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty())
      continue;
    auto equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true, "query");
    if (!name)
      return name.as_failure();
    auto value = decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true, "query");
    if (!value)
      return value.as_failure();
    out.emplace_back(std::move(name).value(), std::move(value).value());
  }
  return out;
}

std::string encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    bool unreserved = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.'
                      || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      out += '%';
      out += digits[u >> 4U];
      out += digits[u & 15U];
    }
  }
  return out;
}

} // namespace troupe::http
