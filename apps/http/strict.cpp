#include "apps/http/strict.hpp"

#include "apps/http/hex.hpp"

#include <array>
#include <cstring>

namespace troupe::http {

namespace {

constexpr refusal bad(std::string_view reason) noexcept {
  return {400, reason};
}

constexpr std::array<bool, 256> make_table(std::string_view extra) {
  std::array<bool, 256> t{};
  for (auto set : {std::string_view{"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"}, extra})
    for (char c : set)
      t[static_cast<unsigned char>(c)] = true;
  return t;
}

constexpr auto token_chars = make_table("!#$%&'*+-.^_`|~");
// RFC 3986 3.2: host and port, an IPv6 literal in brackets; user information has no place in Host.
constexpr auto host_chars = make_table("-._~!$&'()*+,;=:[]%");

bool all_of(const std::array<bool, 256>& table, std::string_view text) noexcept {
  for (char c : text)
    if (!table[static_cast<unsigned char>(c)])
      return false;
  return true;
}

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

refusal check_target(std::string_view method, std::string_view target) noexcept {
  if (target.empty())
    return bad("request target: missing");
  for (char c : target)
    if (c <= 0x20 || c >= 0x7f || c == '#') // bytes over 0x7f are negative here, or larger
      return bad("request target: expected printable ASCII without spaces and '#'");
  if (target == "*" && method == "OPTIONS")
    return {};
  if (target.front() != '/')
    return bad("request target: expected a path that starts with '/'");
  auto path = target.substr(0, target.find('?'));
  for (auto i = path.find('%'); i != std::string_view::npos; i = path.find('%', i + 3))
    if (i + 2 >= path.size() || hex_value(path[i + 1]) < 0 || hex_value(path[i + 2]) < 0)
      return bad("request target: '%' must be followed by two hexadecimal digits");
  return {};
}

} // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() && all_of(token_chars, text);
}

bool equal_no_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size())
    return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    if (lower(a[i]) != lower(b[i]))
      return false;
  }
  return true;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

refusal check_request_line(std::string_view line, std::size_t target_bytes) noexcept {
  auto first = line.find(' ');
  auto method = line.substr(0, first);
  if (!is_token(method))
    return bad("request line: the method is not a token");
  auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return bad("request line: expected method, target and HTTP version");
  auto target = line.substr(first + 1, last - first - 1);
  auto version = line.substr(last + 1);
  if (target.size() > target_bytes)
    return {414, "request target: too long"};
  if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || !is_digit(version[5]) || version[6] != '.'
      || !is_digit(version[7]))
    return bad("request line: malformed HTTP version");
  if (version[5] != '1')
    return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return check_target(method, target);
}

refusal check_field_line(std::string_view line) noexcept {
  auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return bad("header field: no ':' in it");
  // This covers obs-fold, white space before the first field, and white space before the colon.
  if (!is_token(line.substr(0, colon)))
    return bad("header field: the name is not a token");
  for (char c : line.substr(colon + 1)) {
    auto u = static_cast<unsigned char>(c);
    if ((u < 0x20 && u != '\t') || u == 0x7f)
      return bad("header field: control character in the value");
  }
  return {};
}

head_scanner::verdict head_scanner::scan(std::string_view bytes) noexcept {
  auto refused = [](refusal why) { return verdict{verdict::kind::refused, 0, 0, why}; };
  while (searched_ < bytes.size()) {
    const auto* found = static_cast<const char*>(std::memchr(bytes.data() + searched_, '\n', bytes.size() - searched_));
    if (found == nullptr)
      break;
    auto lf = static_cast<std::size_t>(found - bytes.data());
    if (lf == line_start_ || bytes[lf - 1] != '\r')
      return refused(bad("line end: expected CR LF, got LF alone"));
    auto text = bytes.substr(line_start_, lf - 1 - line_start_);
    line_start_ = searched_ = lf + 1;
    if (lf + 1 > header_bytes_ && has_request_line_)
      return refused({431, "request header fields: too large"});
    if (!text.empty()) {
      if (auto why = line(text))
        return refused(why);
    } else if (has_request_line_) {
      if (auto why = whole())
        return refused(why);
      return {verdict::kind::complete, begin_, line_start_, {}};
    } else if (begin_ == 0) {
      begin_ = line_start_; // one empty line before a request is forgiven: old clients send it after a body
    } else {
      return refused(bad("request line: missing"));
    }
  }
  searched_ = bytes.size();
  if (!has_request_line_) {
    // Whatever can be said of a line that has not ended: TLS and other protocols are told at once.
    auto open = bytes.substr(line_start_);
    if (!open.empty() && open.front() != '\r' && !is_token(open.substr(0, 1)))
      return refused(bad("request line: the method is not a token"));
    constexpr std::size_t method_and_version = 64; // more than any method, two spaces and the version take
    if (open.size() > target_bytes_ + method_and_version || bytes.size() >= header_bytes_)
      return refused({414, "request target: too long"});
  } else if (bytes.size() >= header_bytes_) {
    return refused({431, "request header fields: too large"});
  }
  return {};
}

refusal head_scanner::line(std::string_view text) noexcept {
  if (!has_request_line_) {
    has_request_line_ = true;
    http11_ = text.back() != '0';
    return check_request_line(text, target_bytes_);
  }
  if (auto why = check_field_line(text))
    return why;
  auto colon = text.find(':');
  return framing(text.substr(0, colon), trim(text.substr(colon + 1)));
}

refusal head_scanner::framing(std::string_view name, std::string_view value) noexcept {
  // Three lengths of name matter; nearly all fields end here without a comparison.
  if (name.size() == 4 && equal_no_case(name, "host")) {
    if (has_host_)
      return bad("Host: sent more than once");
    has_host_ = true;
    if (!all_of(host_chars, value))
      return bad("Host: expected a host name and an optional port");
  } else if (name.size() == 14 && equal_no_case(name, "content-length")) {
    if (has_length_)
      return bad("Content-Length: sent more than once");
    has_length_ = true;
    if (value.empty() || value.size() > 18) // 18 digits fit in 64 bits
      return bad("Content-Length: expected 1 to 18 digits");
    for (char c : value)
      if (!is_digit(c))
        return bad("Content-Length: expected digits alone");
  } else if (name.size() == 17 && equal_no_case(name, "transfer-encoding")) {
    if (chunked_)
      return bad("Transfer-Encoding: sent more than once");
    if (!equal_no_case(value, "chunked"))
      return bad("Transfer-Encoding: only 'chunked' is understood here");
    chunked_ = true;
  }
  return {};
}

refusal head_scanner::whole() const noexcept {
  if (chunked_ && has_length_)
    return bad("Transfer-Encoding and Content-Length exclude each other");
  if (chunked_ && !http11_)
    return bad("Transfer-Encoding: not in HTTP/1.0");
  if (http11_ && !has_host_)
    return bad("Host: missing");
  return {};
}

} // namespace troupe::http
