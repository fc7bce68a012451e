// The orchestrator's interface: one question in, one merged and tagged outcome out, whatever the providers do.
#pragma once

#include "messages/common.hpp"
#include "messages/store.hpp"

#include <caf/typed_actor.hpp>

namespace troupe {

/// How one provider fared in one request.
struct provider_report {
  std::string name;
  ec code = ec::none; // none: it answered
  std::string detail;    // in words, when it failed
  std::int64_t elapsed_us = 0;
  std::int32_t attempts = 0; // 0: was not asked
  std::int32_t records = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_report& x) {
  return f(x.name, x.code, x.detail, x.elapsed_us, x.attempts, x.records);
}

using provider_reports = std::vector<provider_report>;

/// Ask the providers of a route.
struct fetch {
  question what;
  strategy how = strategy::merge;
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, fetch& x) {
  return f(x.what, x.how, x.remaining_us);
}

/// What came of it. `code` is none (data holds the JSON text of `data`), all_providers_failed, all_circuits_open,
/// deadline_exceeded or bad_request; the reports are complete in every case.
struct outcome {
  ec code = ec::none;
  std::string message;
  blob data;
  std::string tag;        // "orchestrated:google+openlibrary", "google", "none" (DECISIONS C-02)
  bool found = false;     // at least one record
  bool degraded = false;  // a provider that should have been heard was not
  std::int64_t fetched_ms = 0;
  std::int64_t retry_after_us = 0; // with all_circuits_open: until the first may be asked again
  provider_reports providers;
  stored_records rows; // to be kept in the database
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, outcome& x) {
  return f(x.code, x.message, x.data, x.tag, x.found, x.degraded, x.fetched_ms, x.retry_after_us, x.providers, x.rows);
}

/// A merge has waited long enough for the slower providers of this request.
struct patience_over {
  std::uint64_t request = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, patience_over& x) {
  return f(x.request);
}

using orchestrator_actor = caf::typed_actor<
  // Ask the providers. Always answered with an outcome, never with an error.
  caf::replies_to<fetch>::with<outcome>,
  // Stop waiting for the slower providers of a request.
  caf::reacts_to<patience_over>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_orchestrator, troupe::type_ids::orchestrator)

  CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::provider_report))
  CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::provider_reports))
  CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::fetch))
  CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::outcome))
  CAF_ADD_TYPE_ID(troupe_orchestrator, (troupe::patience_over))

CAF_END_TYPE_ID_BLOCK(troupe_orchestrator)
TROUPE_CHECK_RANGE(troupe_orchestrator);
