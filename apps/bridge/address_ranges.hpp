// IP addresses and CIDR ranges ("10.0.0.0/8", "::1"): is this address among them? IPv4 and IPv6 never match each other.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

class address_ranges {
public:
  address_ranges() = default;

  /// Entries that are no address or range are left out: the configuration has refused them before.
  explicit address_ranges(const std::vector<std::string>& list);

  [[nodiscard]] bool contains(std::string_view address) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }

  /// Is this text an IP address?
  [[nodiscard]] static bool is_address(std::string_view text) noexcept;

private:
  struct range {
    std::array<std::uint8_t, 16> bytes{};
    int size = 0; // 4 or 16
    int bits = 0;
  };

  [[nodiscard]] static bool parse(std::string_view text, range& out) noexcept;

  std::vector<range> ranges_;
};

} // namespace troupe
