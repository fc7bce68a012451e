// A strict JSON reader (RFC 8259) that builds only what is wanted and validates the rest while it skips it. It exists
// for speed: nlohmann's own takes 15 us a kB on our measuring machine without building anything. Nesting is bounded, so
// that recursion is. Of two equal names in an object the last counts, as with nlohmann's.
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

class json_reader {
public:
  /// Real bodies nest ten levels at most.
  static constexpr int max_depth = 64;

  json_reader(std::string_view text, key_filter wanted) noexcept : text_{text}, wanted_{wanted} {}

  /// The document, or nothing if it is broken, cut off, not UTF-8 or nested too deeply. A number beyond the range of a
  /// double reads as 0.
  [[nodiscard]] std::optional<nlohmann::json> read();

  /// Where reading stopped, and whether that was for depth.
  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  [[nodiscard]] bool too_deep() const noexcept { return too_deep_; }

private:
  // Each of these reads what stands at `at_` and moves behind it; false if it is not there. With `into` == nullptr it
  // only validates.
  bool value(nlohmann::json* into, int depth);
  bool object(nlohmann::json* into, int depth);
  bool array(nlohmann::json* into, int depth);
  bool number(nlohmann::json* into);
  bool word(std::string_view literal);
  /// A string's content: a view into the text where it has no escapes, otherwise of `buffer`.
  bool string(std::string_view& out, std::string& buffer);
  bool escape(std::string& buffer);
  bool hex4(char32_t& out);

  void skip_space() noexcept;
  bool take(char c) noexcept;

  std::string_view text_;
  key_filter wanted_;
  std::size_t at_ = 0;
  bool too_deep_ = false;
};

} // namespace troupe::books
