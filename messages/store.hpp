// The record store's interface: what the providers said of one thing, kept in the database (DECISIONS C-02: cache:d1).
#pragma once

#include "messages/common.hpp"
#include "messages/outcome.hpp"

#include <caf/typed_actor.hpp>

namespace troupe {

/// Read the row with this key.
struct record_read {
  std::string key;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, record_read& x) {
  return f(x.key);
}

using record_store_actor = caf::typed_actor<
  // Read one row: a list of one, or an empty list. Fails with storage_failed.
  caf::replies_to<record_read>::with<stored_records>,
  // Write these rows soon; several such messages share a transaction.
  caf::reacts_to<stored_records>,
  // Write what is waiting now.
  caf::reacts_to<tick_atom>,
  // Write what is waiting, then answer how many rows were written since the start.
  caf::replies_to<flush_atom>::with<std::int64_t>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_store, troupe::type_ids::store)

CAF_ADD_TYPE_ID(troupe_store, (troupe::stored_record))
CAF_ADD_TYPE_ID(troupe_store, (troupe::stored_records))
CAF_ADD_TYPE_ID(troupe_store, (troupe::record_read))

CAF_END_TYPE_ID_BLOCK(troupe_store)
TROUPE_CHECK_RANGE(troupe_store);
