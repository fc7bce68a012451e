// What came of a request, once its plan is done: merges what was found, names who contributed, and says whether the
// answer is whole. Pure.
#pragma once

#include "actors/orchestrator/plan.hpp"
#include "actors/orchestrator/route.hpp"
#include "messages/outcome.hpp"

namespace troupe {

/// A finished request, as the orchestrator kept it.
struct finished {
  const troupe::route& route;
  const question& what;
  const troupe::plan& plan;
  const std::vector<records_ptr>& found; // by place; null where nobody answered
};

/// `reports` holds what each provider's call came to; those that were not asked, or were late, are filled in here.
/// `fetched_ms` and `retry_after_us` are left to the caller, who has the clocks.
[[nodiscard]] outcome summary(const finished& request, provider_reports reports);

} // namespace troupe
