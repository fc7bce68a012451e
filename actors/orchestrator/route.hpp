// What makes a route: whom to ask, and how several answers become one. The orchestrator knows nothing of books; an
// application hands it these. All functions are pure.
#pragma once

#include "messages/outcome.hpp"
#include "messages/types.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace troupe {

/// What one provider found.
struct contribution {
  std::string provider;
  records_ptr found;
};

struct route {
  /// The question's name ("search", "details").
  std::string name;

  /// Whom to ask, in order of preference.
  std::vector<std::string> providers;

  /// Makes one list of the contributions, which come in the order of `providers`. Deterministic; never loses a record
  /// of one provider because another failed. Called with one contribution too (to bound and order it).
  std::function<records_ptr(const question&, std::span<const contribution>)> merge;

  /// Renders the merged records as the JSON text of `data`.
  std::function<std::string(const question&, const records&)> render;

  /// The rows to keep in the database; empty: the route keeps none. Called for whole answers only.
  std::function<stored_records(const question&, const records&)> rows;
};

} // namespace troupe
