// One pass over an object instead of one for each member that is read: a mapper lists the names of what it reads, and
// asking for a name that is not listed does not compile.
#pragma once

#include "apps/books/body.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace troupe::books {

/// A fixed set of names, looked up by length first: of the names in a body most are refused by that alone.
template <std::size_t N>
class name_list {
public:
  static constexpr std::size_t longest = 31;

  consteval explicit name_list(const std::string_view (&names)[N]) {
    std::size_t filled = 0;
    for (std::size_t length = 0; length <= longest; ++length) {
      from_[length] = filled;
      for (const auto& name : names)
        if (name.size() == length)
          names_[filled++] = name;
    }
    from_[longest + 1] = filled;
    if (filled != N)
      throw "a name is too long"; // at compile time
  }

  [[nodiscard]] static constexpr std::size_t size() noexcept { return N; }

  /// Its place, or size().
  [[nodiscard]] constexpr std::size_t place_of(std::string_view name) const noexcept {
    if (name.size() <= longest)
      for (auto i = from_[name.size()]; i < from_[name.size() + 1]; ++i)
        if (names_[i] == name)
          return i;
    return N;
  }

private:
  std::array<std::string_view, N> names_{};
  std::array<std::size_t, longest + 2> from_{};
};

/// The members of one object that are on the list; none of a value that is no object.
template <const auto& List>
class members {
public:
  /// A listed name.
  struct name {
    std::size_t place;

    consteval name(const char* text) : place{List.place_of(text)} {
      if (place == List.size())
        throw "a name that is not listed"; // at compile time
    }
  };

  explicit members(const json_member& value) {
    simdjson::dom::object object;
    if (!value || value->get(object))
      return;
    const auto end = object.end();
    for (auto member = object.begin(); member != end; ++member)
      if (const auto place = List.place_of(member.key()); place < found_.size())
        found_[place] = member.value(); // of two with one name the last counts
  }

  [[nodiscard]] const json_member& operator[](name n) const noexcept { return found_[n.place]; }

private:
  std::array<json_member, List.size()> found_{};
};

} // namespace troupe::books
