// Reads JSON by simdjson and builds only what is wanted as nlohmann's document. It exists for speed: nlohmann's own
// parser takes 15 us a kB on our measuring machine without building anything. The whole text is validated (RFC 8259,
// UTF-8). Nesting is bounded. Of two equal names in an object the last counts, as with nlohmann's.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace troupe::books {

/// A fixed set of names, looked up by length first: of the names in a body most are refused by that alone.
template <std::size_t N>
class key_set {
public:
  static constexpr std::size_t longest = 31;

  constexpr explicit key_set(const std::array<std::string_view, N>& keys) {
    std::size_t filled = 0;
    for (std::size_t length = 0; length <= longest; ++length) {
      from_[length] = filled;
      for (const auto& key : keys)
        if (key.size() == length)
          keys_[filled++] = key;
    }
    from_[longest + 1] = filled;
    if (filled != N)
      throw "a key is too long"; // at compile time
  }

  [[nodiscard]] constexpr bool contains(std::string_view key) const noexcept {
    if (key.size() > longest)
      return false;
    for (std::size_t i = from_[key.size()]; i < from_[key.size() + 1]; ++i)
      if (keys_[i] == key)
        return true;
    return false;
  }

private:
  std::array<std::string_view, N> keys_{};
  std::array<std::size_t, longest + 2> from_{};
};

/// Whether to keep what stands under `key`; `depth` is 1 in the outermost object.
using key_filter = bool (*)(std::string_view key, int depth) noexcept;

/// Real bodies nest ten levels at most.
inline constexpr int max_json_depth = 64;

struct json_read {
  std::optional<nlohmann::json> document; ///< nothing if the text is broken, cut off, not UTF-8 or nested too deeply
  std::string_view error;                 ///< why, in words
};

[[nodiscard]] json_read read_json(std::string_view text, key_filter wanted);

} // namespace troupe::books
