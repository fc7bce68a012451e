// A cache shard's interface: the one owner of a key, its entry, its age and those who wait for it.
#pragma once

#include "messages/common.hpp"
#include "messages/orchestrator.hpp"

#include <caf/typed_actor.hpp>

namespace troupe {

/// What is the answer to this inquiry? Its key decides which shard owns it.
struct lookup {
  std::uint64_t id = 0; // the asker's own, to cancel it by
  inquiry about;
  bool gzip = false; // the client takes gzip
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lookup& x) {
  return f(x.id, x.about, x.gzip, x.remaining_us);
}

/// The asker of the lookup of that id does not wait any more. It is answered with ec::cancelled; the fetch goes on
/// while somebody else waits for it.
struct lookup_cancel {
  std::uint64_t id = 0;
  std::string key;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lookup_cancel& x) {
  return f(x.id, x.key);
}

/// A finished answer, or (code other than none) why there is none.
struct answer {
  ec code = ec::none;
  std::string message;
  std::int32_t status = 200;
  blob plain;
  blob gzip;           // may be empty: send plain
  std::string head;    // fixed header lines, complete with CRLF
  std::string etag;    // weak, over `data`
  std::string x_cache; // HIT-KV-HOT, HIT-D1, MISS, STALE, COALESCED
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

/// A client that takes gzip has read this key's answer, and it is not compressed.
struct compress {
  std::string key;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, compress& x) {
  return f(x.key);
}

using cache_actor = caf::typed_actor<
  // What is the answer? Always answered with an answer, never with an error.
  caf::replies_to<lookup>::with<answer>,
  // Forget a lookup of yours.
  caf::reacts_to<lookup_cancel>,
  // Have it compressed for the next ones.
  caf::reacts_to<compress>,
  // Look whose time is over.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_cache, troupe::type_ids::cache)

CAF_ADD_TYPE_ID(troupe_cache, (troupe::lookup))
CAF_ADD_TYPE_ID(troupe_cache, (troupe::answer))
CAF_ADD_TYPE_ID(troupe_cache, (troupe::lookup_cancel))
CAF_ADD_TYPE_ID(troupe_cache, (troupe::compress))

CAF_END_TYPE_ID_BLOCK(troupe_cache)
TROUPE_CHECK_RANGE(troupe_cache);
