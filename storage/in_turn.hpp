// The loop of a batch, which every SQL back-end runs in a transaction of its own kind.
#pragma once

#include "storage/sql.hpp"

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe::storage {

/// What `one` gives for each statement, in their order, all of it inside `transaction`. Ends with the first that fails,
/// whose error names its place.
/// @param transaction result<void>(const std::function<result<void>()>& work)
/// @param one result<T>(const statement&)
template <class Transaction, class One>
[[nodiscard]] auto in_turn(const std::vector<statement>& statements, const Transaction& transaction, const One& one) {
  using each_gives = typename std::invoke_result_t<One, const statement&>::value_type;
  using all_give = std::vector<each_gives>;
  auto given = all_give{};
  given.reserve(statements.size());
  auto done = transaction([&]() -> result<void> {
    for (const auto& each : statements) {
      auto outcome = one(each);
      if (!outcome)
        return fail(outcome.error().code, "statement " + std::to_string(given.size() + 1) + " of "
                                            + std::to_string(statements.size()) + ": " + outcome.error().message);
      given.push_back(std::move(outcome.value()));
    }
    return ok();
  });
  return done ? result<all_give>{std::move(given)} : result<all_give>{boost::outcome_v2::failure(done.error())};
}

} // namespace troupe::storage
