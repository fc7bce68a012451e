// Key-value storage for actors: bytes under a key in a namespace, with metadata and an expiry (storage/kv.hpp has the
// rules and limits). Times are Unix milliseconds by the storage's clock; 0 for an expiry: none.
#pragma once

#include "messages/common.hpp"

#include <caf/typed_actor.hpp>

#include <string>
#include <vector>

namespace troupe {

/// An entry, also as one is to be stored (then `version` is of no matter).
struct kv_pair {
  std::string key;
  blob value;
  std::string metadata; // JSON; empty: none
  std::int64_t expires_ms = 0;
  std::int64_t version = 0; // opaque, never 0 for what is stored; another at each write
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kv_pair& x) {
  return f(x.key, x.value, x.metadata, x.expires_ms, x.version);
}

using kv_pairs = std::vector<kv_pair>;

/// Which entries are under these keys?
struct kv_read {
  std::string space;
  std::vector<std::string> keys; // up to 10,000
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kv_read& x) {
  return f(x.space, x.keys, x.remaining_us);
}

/// Store these, all or none. Of two with one key the later stays.
struct kv_store {
  std::string space;
  kv_pairs pairs; // up to 10,000 and 100 MB
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kv_store& x) {
  return f(x.space, x.pairs, x.remaining_us);
}

/// Store this if the key's version is still `expected` (0: there is no such key).
struct kv_compare_and_set {
  std::string space;
  kv_pair pair;
  std::int64_t expected = 0;
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kv_compare_and_set& x) {
  return f(x.space, x.pair, x.expected, x.remaining_us);
}

/// Add to the whole number under a key, in one step.
struct kv_add {
  std::string space;
  std::string key;
  std::int64_t delta = 0;
  std::int64_t ttl_ms = 0; // of a key that is not there yet; 0: it stays
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kv_add& x) {
  return f(x.space, x.key, x.delta, x.ttl_ms, x.remaining_us);
}

/// Remove these, all or none. That one is not there is no error.
struct kv_erase {
  std::string space;
  std::vector<std::string> keys; // up to 10,000
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kv_erase& x) {
  return f(x.space, x.keys, x.remaining_us);
}

/// Which keys are there? In the order of their bytes.
struct kv_list {
  std::string space;
  std::string prefix;
  std::string cursor;      // of the page before; empty: from the beginning
  std::int32_t limit = 50; // 1 to 1,000
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kv_list& x) {
  return f(x.space, x.prefix, x.cursor, x.limit, x.remaining_us);
}

/// A page of a list.
struct kv_names {
  kv_pairs pairs;     // without values and versions
  std::string cursor; // for the next page; empty: this was the last
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, kv_names& x) {
  return f(x.pairs, x.cursor);
}

/// Every request is answered by its `remaining_us`, or soon after when the storage is at work on it. Errors:
/// bad_request (which names the field and the limit), overloaded, deadline_exceeded, storage_failed, storage_unusable,
/// cancelled at the end of the node.
using kv_actor = caf::typed_actor<
  // The entries that there are, in the order of the keys asked for.
  caf::replies_to<kv_read>::with<kv_pairs>,
  // Store; how many were given. Answered after they are safe.
  caf::replies_to<kv_store>::with<std::int64_t>,
  // Store if nobody else has meanwhile; the new version, or 0 if somebody has.
  caf::replies_to<kv_compare_and_set>::with<std::int64_t>,
  // Add; the sum.
  caf::replies_to<kv_add>::with<std::int64_t>,
  // Remove; how many were asked for.
  caf::replies_to<kv_erase>::with<std::int64_t>,
  // List.
  caf::replies_to<kv_list>::with<kv_names>,
  // From the storage's threads: the job of that number has ended.
  caf::reacts_to<job_ended_atom, std::uint64_t>,
  // From its own timer: whose time is over, and is it time to free the space of what has expired?
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_kv, troupe::type_ids::kv)

CAF_ADD_TYPE_ID(troupe_kv, (troupe::kv_pair))
CAF_ADD_TYPE_ID(troupe_kv, (troupe::kv_pairs))
CAF_ADD_TYPE_ID(troupe_kv, (troupe::kv_read))
CAF_ADD_TYPE_ID(troupe_kv, (troupe::kv_store))
CAF_ADD_TYPE_ID(troupe_kv, (troupe::kv_compare_and_set))
CAF_ADD_TYPE_ID(troupe_kv, (troupe::kv_add))
CAF_ADD_TYPE_ID(troupe_kv, (troupe::kv_erase))
CAF_ADD_TYPE_ID(troupe_kv, (troupe::kv_list))
CAF_ADD_TYPE_ID(troupe_kv, (troupe::kv_names))

CAF_END_TYPE_ID_BLOCK(troupe_kv)
TROUPE_CHECK_RANGE(troupe_kv);
