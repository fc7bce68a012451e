// Metrics as Prometheus reads them (https://prometheus.io/docs/instrumenting/exposition_formats/), so that
// `promtool check metrics` has nothing to say: a HELP and a TYPE line a name, base units.
#pragma once

#include "messages/common.hpp"

#include <string>
#include <string_view>

namespace troupe {

/// Appends the HELP and TYPE lines. A name that the table in metric_text.cpp lacks is its own help, in words.
void append_metric_head(std::string& out, std::string_view name, std::string_view type);

/// Appends actors' metrics, sorted; equal names and labels (of several shards) add up. Messages hold whole numbers:
/// what is named `..._microseconds` or `..._microseconds_total` there is told here in seconds, under that name.
void expose(std::string& out, metrics all);

} // namespace troupe
