#include "actors/orchestrator/summary.hpp"

#include <algorithm>

namespace troupe {
namespace {

using place = plan::place;

// Names what happened to the providers that no answer and no error speaks for.
void complete(const finished& request, provider_reports& reports) {
  for (std::size_t i = 0; i < reports.size(); ++i) {
    if (request.plan.at(i) == place::closed && reports[i].code == ec::none) {
      reports[i].code = ec::circuit_open;
      reports[i].detail = "its circuit is open";
    } else if (request.plan.at(i) == place::late) {
      reports[i].code = ec::provider_timeout;
      reports[i].detail = "did not answer within the merge's patience";
    }
  }
  // In a fallback, who was not reached was not needed.
  for (std::size_t i = reports.size(); i-- > 0;)
    if (request.plan.at(i) == place::waiting)
      reports.erase(reports.begin() + static_cast<std::ptrdiff_t>(i));
}

ec verdict(const plan& p) {
  if (p.count(place::answered) + p.count(place::empty) > 0)
    return ec::none;
  return p.count(place::closed) == p.providers() ? ec::all_circuits_open : ec::all_providers_failed;
}

} // namespace

outcome summary(const finished& request, provider_reports reports) {
  outcome out;
  out.code = verdict(request.plan);
  complete(request, reports);
  out.providers = std::move(reports);
  if (out.code != ec::none) {
    out.message = "All providers exhausted"; // S0-19
    return out;
  }
  std::vector<contribution> contributions;
  std::vector<std::string> contributors;
  for (std::size_t i = 0; i < request.found.size(); ++i) {
    if (request.plan.at(i) != place::answered)
      continue;
    contributions.push_back({request.route.providers[i], request.found[i]});
    contributors.push_back(request.route.providers[i]);
  }
  const auto merged = request.route.merge(request.what, contributions);
  out.found = merged->count() > 0;
  out.tag = provider_tag(contributors);
  out.degraded =
    request.plan.count(place::failed) + request.plan.count(place::closed) + request.plan.count(place::late) > 0;
  out.data = blob{request.route.render(request.what, *merged)};
  if (out.found && !out.degraded && request.route.rows)
    out.rows = request.route.rows(request.what, *merged);
  return out;
}

} // namespace troupe
