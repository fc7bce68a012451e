// A finished answer of the cache, as a client gets it. Standard library alone.
#pragma once

#include "messages/outcome.hpp"

namespace troupe {

/// A finished answer, or (code other than none) why there is none.
struct answer {
  ec code = ec::none;
  std::string message;
  std::int32_t status = 200;
  blob plain;
  blob gzip;           // may be empty: send plain
  std::string head;    // fixed header lines, complete with CRLF
  std::string etag;    // weak, over `data`
  std::string x_cache; // HIT-KV-HOT, HIT-R2-COLD, HIT-R2-PROMOTED, HIT-D1, STALE, MISS, COALESCED
  std::int64_t age_us = 0;
  std::int64_t ttl_us = 0;         // how long it stays fresh from now
  std::int64_t retry_after_us = 0; // with an error: when to come back
  provider_reports providers;      // with an error: how each one fared
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, answer& x) {
  return f(x.code, x.message, x.status, x.plain, x.gzip, x.head, x.etag, x.x_cache, x.age_us, x.ttl_us,
    x.retry_after_us, x.providers);
}

} // namespace troupe
