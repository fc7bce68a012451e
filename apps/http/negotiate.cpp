#include "apps/http/negotiate.hpp"

#include "apps/http/strict.hpp"

#include <algorithm>

namespace troupe::http {

namespace {

constexpr int not_named = -1;

// A weight in thousandths (RFC 9110 12.4.2: up to three decimals), or not_named when it is malformed.
int parse_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1'))
    return not_named;
  int value = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.')
    return not_named;
  int unit = 100;
  for (auto c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9')
      return not_named;
    value += (c - '0') * unit;
    unit /= 10;
  }
  return value > 1000 ? not_named : value;
}

// Cuts the first member off a comma-separated list.
std::string_view next_member(std::string_view& list) noexcept {
  auto member = list.substr(0, list.find(','));
  list.remove_prefix(std::min(list.size(), member.size() + 1));
  return trim(member);
}

} // namespace

coding choose_coding(std::string_view list) noexcept {
  int gzip = not_named;
  int identity = not_named;
  int rest = not_named;
  while (!list.empty()) {
    auto member = next_member(list);
    auto semicolon = member.find(';');
    auto name = trim(member.substr(0, semicolon));
    int weight = 1000;
    if (semicolon != std::string_view::npos) {
      auto parameter = trim(member.substr(semicolon + 1));
      if (parameter.size() < 2 || !equal_no_case(parameter.substr(0, 2), "q="))
        continue;
      weight = parse_weight(parameter.substr(2));
      if (weight == not_named)
        continue;
    }
    if (equal_no_case(name, "gzip") || equal_no_case(name, "x-gzip"))
      gzip = weight;
    else if (equal_no_case(name, "identity"))
      identity = weight;
    else if (name == "*")
      rest = weight;
  }
  if (gzip == not_named)
    gzip = rest;
  if (gzip > 0 && gzip >= identity)
    return coding::gzip;
  // Identity is acceptable unless it is excluded by name, or by "*;q=0" without being named.
  bool excluded = identity == 0 || (identity == not_named && rest == 0);
  return excluded ? coding::none : coding::identity;
}

bool etag_matches(std::string_view list, std::string_view etag) noexcept {
  if (etag.empty())
    return false;
  if (trim(list) == "*")
    return true;
  auto opaque = [](std::string_view tag) { return tag.substr(0, 2) == "W/" ? tag.substr(2) : tag; };
  // A tag may contain commas: walk from quote to quote rather than from comma to comma.
  for (;;) {
    auto open = list.find('"');
    if (open == std::string_view::npos)
      return false;
    auto close = list.find('"', open + 1);
    if (close == std::string_view::npos)
      return false;
    if (list.substr(open, close - open + 1) == opaque(etag))
      return true;
    list.remove_prefix(close + 1);
  }
}

bool has_directive(std::string_view list, std::string_view name) noexcept {
  while (!list.empty())
    if (const auto member = next_member(list); equal_no_case(trim(member.substr(0, member.find('='))), name))
      return true;
  return false;
}

bool is_media_type(std::string_view content_type, std::string_view type) noexcept {
  return equal_no_case(trim(content_type.substr(0, content_type.find(';'))), type);
}

} // namespace troupe::http
