// Shall this provider die? Counts what its upstream did. A provider on probation (the one probe of a half-open circuit)
// dies of its first failure. Only what trips_circuit (errors.cpp) is a failure; quota, 4xx and our own refusals are no
// verdict at all, and an answer, "not found" included, is a success.
#pragma once

#include "messages/errors.hpp"

namespace troupe {

class health {
public:
  /// `failures`: so many in a row are enough (S0-39: 5).
  health(int failures, bool probation) noexcept : limit_{failures}, probation_{probation} {}

  void succeeded() noexcept {
    in_a_row_ = 0;
    probation_ = false;
  }

  /// Counts an error; true: enough, die now.
  [[nodiscard]] bool failed(ec code) noexcept {
    if (!info(code).trips_circuit)
      return false;
    ++in_a_row_;
    return probation_ || in_a_row_ >= limit_;
  }

  [[nodiscard]] int failures_in_a_row() const noexcept { return in_a_row_; }
  [[nodiscard]] bool on_probation() const noexcept { return probation_; }

private:
  int limit_;
  int in_a_row_ = 0;
  bool probation_;
};

} // namespace troupe
