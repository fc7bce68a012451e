// User-defined routes: how their requests are understood, and what the orchestrator knows of them.
#pragma once

#include "actors/orchestrator/route.hpp"
#include "apps/custom/definition.hpp"
#include "messages/result.hpp"
#include "messages/types.hpp"

#include <span>
#include <string>
#include <vector>

namespace troupe::custom {

/// The route as the orchestrator knows it.
[[nodiscard]] route make_route(const route_definition& r);

/// Understands a request: the parameters of the path in their order, those of the query (or of the body, parse_body) by
/// name. Errors name the parameter. Unknown parameters are ignored, as the web expects; of a repeated one the first
/// counts.
[[nodiscard]] result<inquiry> parse_request(
  const route_definition& r, const fields& query, std::span<const std::string> captured);

/// What an operation is asked with when no route types its parameters, as in a batch: each placeholder of its path
/// once, in their order, as a required text of at most `longest_text` characters; in the path itself, where an empty
/// one would mean another path, of at least one.
[[nodiscard]] std::vector<parameter> parameters_of(const operation& o);

/// Understands such a question: `params` are values of parameters_of(o). Errors name the parameter. The caller says to
/// which route of the orchestrator it goes.
[[nodiscard]] result<inquiry> parse_operation(const operation& o, const fields& params);

/// The key of an answer: "weather:city=berlin&lang=de|merge|c1". Values are percent-encoded, so that two questions
/// never share one.
[[nodiscard]] std::string cache_key(const route_definition& r, const fields& params);

} // namespace troupe::custom
