// User-defined routes: how their requests are understood, and what the orchestrator knows of them.
#pragma once

#include "actors/orchestrator/route.hpp"
#include "apps/custom/definition.hpp"
#include "messages/result.hpp"
#include "messages/types.hpp"

#include <span>
#include <string>

namespace troupe::custom {

/// The route as the orchestrator knows it.
[[nodiscard]] route make_route(const route_definition& r);

/// Understands a request: the parameters of the path in their order, those of the query by name. Errors name the
/// parameter. Unknown parameters are ignored, as the web expects; of a repeated one the first counts.
[[nodiscard]] result<inquiry> parse_request(
  const route_definition& r, const fields& query, std::span<const std::string> captured);

/// The key of an answer: "weather:city=berlin&lang=de|merge|c1". Values are percent-encoded, so that two questions
/// never share one.
[[nodiscard]] std::string cache_key(const route_definition& r, const fields& params);

} // namespace troupe::custom
