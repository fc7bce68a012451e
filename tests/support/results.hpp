// Results in tests: their value or their error by value, so that a check may hold it (a reference into a temporary
// result would dangle). The wrong kind fails the test with what was found instead.
#pragma once

#include "messages/result.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace troupe::test {

template <class T>
T value_of(result<T> r) {
  if (!r)
    throw std::runtime_error{"expected a value, got the error: " + r.error().message};
  return std::move(r.value());
}

template <class T>
error error_of(result<T> r) {
  if (r)
    throw std::runtime_error{"expected an error, got a value"};
  return std::move(r.error());
}

} // namespace troupe::test
