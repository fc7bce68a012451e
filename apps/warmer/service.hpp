// The service cache-warmer (S2-01) as others see it. Its work is the warmer's (warmer.hpp); what is asked of jobs is
// the desk's (desk.hpp); this is its /health (S2-58..60).
#pragma once

#include "apps/services/service.hpp"

namespace troupe {

inline constexpr std::string_view warmer_kind = "cache-warmer";

/// Fills in entrypoints; name, log, bindings and the rest are the caller's.
void make_warmer(service_definition& service);

} // namespace troupe
