// The test framework under short names. A test's name is a sentence: TEST(a request over the limit gets 429). A file
// defines its suite first: `#define TEST_SUITE gcra` before including this. Checks are functions rather than
// CAF's macros, whose ten lines would stand at each of thousands of places.
#pragma once

#ifndef TEST_SUITE
#error "define TEST_SUITE before including tests/support/test.hpp"
#endif

#include <caf/deep_to_string.hpp>
#include <caf/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <type_traits>

namespace troupe::test {

/// Where a check stands, and what it says.
struct place {
  const char* file;
  int line;
  const char* text;
};

enum class failing : bool {
  goes_on,   ///< the test goes on, and has failed
  ends_test, ///< the test ends here
};

/// Notes whether a check held.
void check(bool holds, const place& at, failing how = failing::goes_on);

/// Likewise for a comparison; the values are shown when it does not hold.
void compared(bool equal, const std::string& left, const std::string& right, const place& at, failing how);

inline void compare(std::string_view x, std::string_view y, const place& at, failing how) {
  compared(x == y, std::string{x}, std::string{y}, at, how);
}

template <class T>
inline constexpr bool is_text =
  std::is_same_v<T,
    std::
      string> || std::is_same_v<T, std::string_view> || std::is_same_v<std::decay_t<T>, const char*> || std::is_same_v<std::decay_t<T>, char*>;

/// x == y; of floating point numbers, nearly.
template <class T, class U>
void check_equal(const T& x, const U& y, const place& at, failing how = failing::goes_on) {
  if constexpr (is_text<T> && is_text<U>) {
    compare(x, y, at, how);
  } else {
    const bool equal = caf::test::equality_operator{}(x, y);
    if (equal)
      check(true, at, how);
    else
      compared(false, caf::deep_to_string(x), caf::deep_to_string(y), at, how);
  }
}

} // namespace troupe::test

#undef CAF_SUITE
#define CAF_SUITE TEST_SUITE

#define TEST(...) CAF_TEST(__VA_ARGS__)
#define CHECK(...)                                                                                                     \
  ::troupe::test::check(static_cast<bool>(__VA_ARGS__), ::troupe::test::place{__FILE__, __LINE__, #__VA_ARGS__})
#define REQUIRE(...)                                                                                                   \
  ::troupe::test::check(static_cast<bool>(__VA_ARGS__), ::troupe::test::place{__FILE__, __LINE__, #__VA_ARGS__},       \
    ::troupe::test::failing::ends_test)
#define CHECK_EQ(a, b) ::troupe::test::check_equal(a, b, ::troupe::test::place{__FILE__, __LINE__, #a " == " #b})
#define REQUIRE_EQ(a, b)                                                                                               \
  ::troupe::test::check_equal(                                                                                         \
    a, b, ::troupe::test::place{__FILE__, __LINE__, #a " == " #b}, ::troupe::test::failing::ends_test)
