#include "apps/bridge/address_ranges.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace troupe {

address_ranges::address_ranges(const std::vector<std::string>& list) {
  for (const std::string_view text : list) {
    range r;
    const auto slash = text.find('/');
    if (!parse(text.substr(0, slash), r))
      continue;
    if (slash != std::string_view::npos) {
      const auto digits = text.substr(slash + 1);
      if (std::from_chars(digits.data(), digits.data() + digits.size(), r.bits).ec != std::errc{})
        continue;
      r.bits = std::clamp(r.bits, 0, r.size * 8);
    }
    ranges_.push_back(r);
  }
}

bool address_ranges::contains(std::string_view address) const noexcept {
  range a;
  if (!parse(address, a))
    return false;
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const range& r) {
    if (r.size != a.size)
      return false;
    for (int bit = 0; bit < r.bits; bit += 8) {
      const auto mask = static_cast<std::uint8_t>(r.bits - bit >= 8 ? 0xff : 0xff << (8 - (r.bits - bit)));
      const auto i = static_cast<std::size_t>(bit / 8);
      if (((r.bytes[i] ^ a.bytes[i]) & mask) != 0)
        return false;
    }
    return true;
  });
}

bool address_ranges::is_address(std::string_view text) noexcept {
  range ignored;
  return parse(text, ignored);
}

bool address_ranges::parse(std::string_view text, range& out) noexcept {
  std::array<char, INET6_ADDRSTRLEN> copy{}; // inet_pton wants a terminated string
  if (text.empty() || text.size() >= copy.size())
    return false;
  std::copy(text.begin(), text.end(), copy.begin());
  if (inet_pton(AF_INET, copy.data(), out.bytes.data()) == 1)
    out.size = 4;
  else if (inet_pton(AF_INET6, copy.data(), out.bytes.data()) == 1)
    out.size = 16;
  else
    return false;
  out.bits = out.size * 8;
  return true;
}

} // namespace troupe
