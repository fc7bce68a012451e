// The test framework's macros under short names. A test's name is a sentence: TEST(a request over the limit gets 429).
// A file defines its suite first: `#define TEST_SUITE gcra` before including this.
#pragma once

#ifndef TEST_SUITE
#error "define TEST_SUITE before including tests/support/test.hpp"
#endif

#include <caf/test/unit_test.hpp>
#include <type_traits>
#include <utility>

namespace troupe::test {

/// The framework binds both sides to references before it compares them, which leaves `answer()["key"]` dangling: so a
/// copy is compared, where there can be one.
template <class T>
decltype(auto) held(T&& x) {
  using value = std::decay_t<T>;
  if constexpr (std::is_constructible_v<value, T&&>)
    return value(std::forward<T>(x));
  else
    return (x);
}

} // namespace troupe::test

#undef CAF_SUITE
#define CAF_SUITE TEST_SUITE

#define TEST(...) CAF_TEST(__VA_ARGS__)
#define CHECK(...) CAF_CHECK((__VA_ARGS__))
#define CHECK_EQ(a, b) CAF_CHECK_EQUAL(::troupe::test::held(a), ::troupe::test::held(b))
#define REQUIRE(...) CAF_REQUIRE((__VA_ARGS__))
#define REQUIRE_EQ(a, b) CAF_REQUIRE_EQUAL(::troupe::test::held(a), ::troupe::test::held(b))
