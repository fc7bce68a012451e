// What all subsystems' messages have in common: type ids of the shared value types, histograms as counters, and the one
// place where troupe::ec and caf::error meet.
#pragma once

#include "messages/atoms.hpp"
#include "messages/errors.hpp"
#include "messages/histogram.hpp"
#include "messages/metric.hpp"
#include "messages/type_ids.hpp"
#include "messages/types.hpp"

#include <caf/error.hpp>
#include <caf/type_id.hpp>

#include <chrono>

namespace troupe {

/// Adds a histogram as the rows of Prometheus' exposition: `name`_bucket (cumulative, label `le` as 12 digits of
/// microseconds or "inf", so that rows sort by it), _count and _sum. `name` ends in _microseconds; /metrics shows
/// seconds.
void append_histogram(metrics& out, const std::string& name, const fields& labels, const histogram& h);

/// An error for the wire: the code and one line for a human.
[[nodiscard]] caf::error make_error(ec code);
[[nodiscard]] caf::error make_error(ec code, std::string message);

/// What an error that came by message means to us. CAF's own errors map in one place: a time-out is deadline_exceeded,
/// a receiver that went down is cancelled (it ends with its node; a provider's supervisor knows more), all else is
/// internal.
[[nodiscard]] error from_caf(const caf::error& e);

/// Deadlines cross messages as the microseconds that remain, because clocks differ between nodes.
[[nodiscard]] inline std::int64_t us(std::chrono::nanoseconds d) noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_common, troupe::type_ids::common)

CAF_ADD_TYPE_ID(troupe_common, (troupe::blob))
CAF_ADD_TYPE_ID(troupe_common, (troupe::fields))
CAF_ADD_TYPE_ID(troupe_common, (troupe::question))
CAF_ADD_TYPE_ID(troupe_common, (troupe::metric))
CAF_ADD_TYPE_ID(troupe_common, (troupe::metrics))

CAF_END_TYPE_ID_BLOCK(troupe_common)
TROUPE_CHECK_RANGE(troupe_common);
