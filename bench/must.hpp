// For benchmarks, which have nothing to measure once something has failed.
#pragma once

#include "messages/result.hpp"

#include <cstdlib>
#include <fmt/core.h>
#include <type_traits>
#include <utility>

namespace troupe {

/// The value of a result, or the end of the program with its error.
template <class T>
T must(result<T> r) {
  if (!r) {
    fmt::print(stderr, "the benchmark ends: {}\n", r.error().message);
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>)
    return std::move(r.value());
}

} // namespace troupe
