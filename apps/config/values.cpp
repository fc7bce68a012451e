#include "apps/config/values.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <span>

namespace troupe::config {
namespace {

struct unit {
  std::string_view name;
  std::int64_t factor;
};

// From the largest: format takes the first that divides.
constexpr std::array duration_units{
  unit{"d", 86'400'000'000},
  unit{"h", 3'600'000'000},
  unit{"m", 60'000'000},
  unit{"s", 1'000'000},
  unit{"ms", 1'000},
  unit{"us", 1},
};

constexpr std::array size_units{
  unit{"TiB", std::int64_t{1} << 40},
  unit{"TB", 1'000'000'000'000},
  unit{"GiB", std::int64_t{1} << 30},
  unit{"GB", 1'000'000'000},
  unit{"MiB", std::int64_t{1} << 20},
  unit{"MB", 1'000'000},
  unit{"KiB", std::int64_t{1} << 10},
  unit{"kB", 1'000},
  unit{"B", 1},
};

constexpr std::array<std::string_view, 5> level_names{"trace", "debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> format_names{"pretty", "json"};
constexpr std::array<std::string_view, 2> auth_names{"none", "key"};
constexpr std::array<std::string_view, 3> access_names{"off", "json", "common"};

/// Digits alone: no sign, no blank, and no overflow.
std::optional<std::int64_t> whole_number(std::string_view digits) {
  auto number = std::int64_t{0};
  if (digits.empty() || digits.front() < '0' || digits.front() > '9')
    return std::nullopt;
  const auto [end, trouble] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (trouble != std::errc{} || end != digits.data() + digits.size())
    return std::nullopt;
  return number;
}

std::optional<std::int64_t> with_unit(std::string_view text, std::span<const unit> units) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = whole_number(text.substr(0, digits));
  const auto found = std::find_if(units.begin(), units.end(), [&](auto& u) { return u.name == text.substr(digits); });
  auto product = std::int64_t{0};
  if (!number || found == units.end() || __builtin_mul_overflow(*number, found->factor, &product))
    return std::nullopt;
  return product;
}

std::string in_units(std::int64_t value, std::span<const unit> units) {
  for (const auto& [name, factor] : units)
    if (value != 0 && value % factor == 0)
      return fmt::format("{}{}", value / factor, name);
  return fmt::format("0{}", units.back().name);
}

/// How many bits an address of this text has: 32, 128, or 0 when it is none.
int address_bits(std::string_view text) {
  auto buffer = std::array<unsigned char, 16>{};
  const auto copy = std::string{text};
  if (copy.size() != text.size() || copy.find('\0') != std::string::npos)
    return 0;
  if (inet_pton(AF_INET, copy.c_str(), buffer.data()) == 1)
    return 32;
  return inet_pton(AF_INET6, copy.c_str(), buffer.data()) == 1 ? 128 : 0;
}

bool is_range(std::string_view text) {
  const auto slash = text.find('/');
  const auto bits = address_bits(text.substr(0, slash));
  if (slash == std::string_view::npos)
    return bits != 0;
  const auto prefix = whole_number(text.substr(slash + 1));
  return bits != 0 && prefix && *prefix <= bits;
}

bool is_port(std::string_view text, std::int64_t lowest, std::uint16_t& out) {
  const auto number = whole_number(text);
  if (!number || *number < lowest || *number > 65535)
    return false;
  out = static_cast<std::uint16_t>(*number);
  return true;
}

constexpr std::string_view letters_and_digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool consists_of(std::string_view text, std::string_view other_characters) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letters_and_digits.find(c) != std::string_view::npos || other_characters.find(c) != std::string_view::npos;
  });
}

/// A host name or address with an optional port (RFC 3986 section 3.2, without user information).
bool is_authority(std::string_view text) {
  auto host = text;
  auto port = std::string_view{};
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || address_bits(text.substr(1, end - 1)) != 128)
      return false;
    port = text.substr(end + 1);
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    host = text.substr(0, colon);
    port = text.substr(colon);
    if (host.empty() || !consists_of(host, "-._"))
      return false;
  }
  auto ignored = std::uint16_t{0};
  return port.empty() || (port.front() == ':' && is_port(port.substr(1), 1, ignored));
}

/// A lower-case origin without the port that its scheme has anyway: a browser sends no other, so no other could match.
bool is_origin(std::string_view text) {
  if (text == "*")
    return true;
  const bool secure = text.starts_with("https://");
  if (!secure && !text.starts_with("http://"))
    return false;
  const auto authority = text.substr(text.find("://") + 3);
  return is_authority(authority) && !authority.ends_with(secure ? ":443" : ":80")
         && std::none_of(authority.begin(), authority.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

template <class Enum, std::size_t N>
bool parse_name(std::string_view text, const std::array<std::string_view, N>& names, Enum& out) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end())
    return false;
  out = static_cast<Enum>(found - names.begin());
  return true;
}

} // namespace

bool parse(std::string_view text, bool& out) {
  if (text != "true" && text != "false")
    return false;
  out = text == "true";
  return true;
}

bool parse(std::string_view text, std::int64_t& out) {
  const auto number = whole_number(text);
  if (number)
    out = *number;
  return number.has_value();
}

bool parse(std::string_view text, duration& out) {
  const auto number = with_unit(text, duration_units);
  if (number)
    out = duration{*number};
  return number.has_value();
}

bool parse(std::string_view text, byte_size& out) {
  const auto number = with_unit(text, size_units);
  if (number)
    out = byte_size{*number};
  return number.has_value();
}

bool parse(std::string_view text, quota& out) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos)
    return false;
  const auto count = whole_number(text.substr(0, slash));
  const auto window = with_unit(text.substr(slash + 1), duration_units);
  constexpr std::int64_t second = 1'000'000; // limits are told to clients in whole seconds (RateLimit-Policy: w=60)
  if (!count || !window || *count < 1 || *window < *count || *window % second != 0)
    return false;
  out = quota{*count, duration{*window}};
  return true;
}

bool parse(std::string_view text, address& out) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return false;
  auto port = std::uint16_t{0};
  if (!is_port(text.substr(colon + 1), 0, port))
    return false;
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (address_bits(host) != 128)
      return false;
  } else if (host == "localhost") {
    host = "127.0.0.1";
  } else if (address_bits(host) != 32) {
    return false;
  }
  out = address{std::string{host}, port};
  return true;
}

bool parse(std::string_view text, base_url& out) {
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos)
    return false;
  auto scheme = std::string{text.substr(0, scheme_end)};
  for (auto& c : scheme)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  if (scheme != "http" && scheme != "https")
    return false;
  const auto rest = text.substr(scheme_end + 3);
  const auto slash = std::min(rest.find('/'), rest.size());
  auto prefix = rest.substr(slash);
  while (prefix.ends_with('/'))
    prefix.remove_suffix(1);
  if (!is_authority(rest.substr(0, slash)) || !consists_of(prefix, "/-._~%!$&'()*+,;=:@"))
    return false;
  out.text = fmt::format("{}://{}{}", scheme, rest.substr(0, slash), prefix);
  return true;
}

bool parse(std::string_view text, ip_ranges& out) {
  auto ranges = ip_ranges{};
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto one = text.substr(0, comma);
    if (!is_range(one) || comma + 1 == text.size())
      return false;
    ranges.list.emplace_back(one);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  out = std::move(ranges);
  return true;
}

bool parse(std::string_view text, origin_list& out) {
  auto origins = origin_list{};
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    if (!is_origin(text.substr(0, comma)) || comma + 1 == text.size())
      return false;
    origins.list.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  out = std::move(origins);
  return true;
}

bool parse(std::string_view text, std::string& out) {
  // A path or a name with a control character in it is a mistake that would otherwise surface far from here.
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }))
    return false;
  out = text;
  return true;
}

bool parse(std::string_view text, log_level& out) {
  return parse_name(text, level_names, out);
}

bool parse(std::string_view text, route_auth& out) {
  return parse_name(text, auth_names, out);
}

bool parse(std::string_view text, access_format& out) {
  return parse_name(text, access_names, out);
}

bool parse(std::string_view text, log_format& out) {
  return parse_name(text, format_names, out);
}

std::string format(bool v) {
  return v ? "true" : "false";
}

std::string format(std::int64_t v) {
  return std::to_string(v);
}

std::string format(duration v) {
  // As people write them: 0s, 60s and 24h rather than 0us, 1m and 1d.
  if (v.count() == 0)
    return "0s";
  if (v == std::chrono::minutes{1})
    return "60s";
  return v == std::chrono::hours{24} ? "24h" : in_units(v.count(), duration_units);
}

std::string format(byte_size v) {
  return in_units(v.count, size_units);
}

std::string format(const quota& v) {
  // 60s rather than 1m: rates are compared with each other.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(v.window);
  const auto window = seconds == v.window ? fmt::format("{}s", seconds.count()) : format(v.window);
  return fmt::format("{}/{}", v.count, window);
}

std::string format(const address& v) {
  const auto six = v.host.find(':') != std::string::npos;
  return six ? fmt::format("[{}]:{}", v.host, v.port) : fmt::format("{}:{}", v.host, v.port);
}

std::string format(const base_url& v) {
  return v.text;
}

std::string format(const ip_ranges& v) {
  return fmt::format("{}", fmt::join(v.list, ","));
}

std::string format(const origin_list& v) {
  return fmt::format("{}", fmt::join(v.list, ","));
}

std::string format(route_auth v) {
  return std::string{auth_names.at(static_cast<std::size_t>(v))};
}

std::string format(access_format v) {
  return std::string{access_names.at(static_cast<std::size_t>(v))};
}

std::string format(const std::string& v) {
  return v;
}

std::string format(log_level v) {
  return std::string{level_names.at(static_cast<std::size_t>(v))};
}

std::string format(log_format v) {
  return std::string{format_names.at(static_cast<std::size_t>(v))};
}

std::string format(strategy v) {
  return std::string{to_string(v)};
}

} // namespace troupe::config
