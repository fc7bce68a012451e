// What a request came to, as values: how each provider fared, the merged answer, and the rows to keep. Standard library
// alone, because the orchestrator's and the cache's pure cores decide over them.
#pragma once

#include "messages/errors.hpp"
#include "messages/types.hpp"

namespace troupe {

/// One row of the database: the answer of a details route, with the columns that it can be found by.
struct stored_record {
  std::string key; ///< ISBN-13, digits alone
  std::string title;
  std::string author;          ///< the authors, joined; empty when none is known
  std::string data;            ///< the record as JSON
  std::string provider;        ///< the tag of the answer that it came with ("orchestrated:google+openlibrary")
  std::int64_t fetched_ms = 0; ///< when, Unix time

  friend bool operator==(const stored_record&, const stored_record&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stored_record& x) {
  return f(x.key, x.title, x.author, x.data, x.provider, x.fetched_ms);
}

using stored_records = std::vector<stored_record>;

/// How one provider fared in one request.
struct provider_report {
  std::string name;
  ec code = ec::none; // none: it answered
  std::string detail; // in words, when it failed
  std::int64_t elapsed_us = 0;
  std::int32_t attempts = 0; // 0: was not asked
  std::int32_t records = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, provider_report& x) {
  return f(x.name, x.code, x.detail, x.elapsed_us, x.attempts, x.records);
}

using provider_reports = std::vector<provider_report>;

/// What came of it. `code` is none (data holds the JSON text of `data`), all_providers_failed, all_circuits_open,
/// deadline_exceeded or bad_request; the reports are complete in every case.
struct outcome {
  ec code = ec::none;
  std::string message;
  blob data;
  std::string tag;       // "orchestrated:google+openlibrary", "google", "none" (DECISIONS C-02)
  bool found = false;    // at least one record
  bool degraded = false; // a provider that should have been heard was not
  std::int64_t fetched_ms = 0;
  std::int64_t retry_after_us = 0; // with all_circuits_open: until the first may be asked again
  provider_reports providers;
  stored_records rows; // to be kept in the database
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, outcome& x) {
  return f(x.code, x.message, x.data, x.tag, x.found, x.degraded, x.fetched_ms, x.retry_after_us, x.providers, x.rows);
}

} // namespace troupe
