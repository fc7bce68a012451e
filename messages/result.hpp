// A value or an error, for everything that can fail (std::expected is not in g++ 12). Reading the value of a failed
// result, or the error of a good one, ends the program: test it first.
#pragma once

#include "messages/errors.hpp"

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/success_failure.hpp>

namespace troupe {

template <class T>
using result = boost::outcome_v2::basic_result<T, error, boost::outcome_v2::policy::terminate>;

/// Makes a failed result: `return fail(ec::bad_request, "limit: expected 1 to 40, got 99");`
[[nodiscard]] inline auto fail(ec code, std::string message) {
  return boost::outcome_v2::failure(error{code, std::move(message)});
}

[[nodiscard]] inline auto ok() {
  return boost::outcome_v2::success();
}

} // namespace troupe
