// Object storage for actors: bodies under a key, with metadata (storage/objects.hpp has the rules). Bodies travel whole
// here, up to 16 MiB; what is larger is streamed by whoever has it, with storage::objects itself.
#pragma once

#include "messages/common.hpp"

#include <caf/typed_actor.hpp>

#include <string>
#include <vector>

namespace troupe {

/// An object, also as one is to be stored (then size, etag and modified_ms are of no matter).
struct stored_object {
  std::string key;
  blob body; // left out in lists
  std::int64_t size = 0;
  std::string etag;
  std::int64_t modified_ms = 0; // Unix time of the put
  std::string content_type;
  std::string cache_control;
  fields custom; // the caller's own metadata
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, stored_object& x) {
  return f(x.key, x.body, x.size, x.etag, x.modified_ms, x.content_type, x.cache_control, x.custom);
}

using stored_objects = std::vector<stored_object>;

/// The object under a key.
struct object_read {
  std::string key;
  bool body = true; // else all but that
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_read& x) {
  return f(x.key, x.body);
}

/// Store an object, in place of what is there.
struct object_store {
  stored_object object;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_store& x) {
  return f(x.object);
}

/// Remove objects; those that are not there are no error.
struct object_remove {
  std::vector<std::string> keys;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_remove& x) {
  return f(x.keys);
}

/// Which objects are there? In the order of their keys' bytes.
struct object_query {
  std::string prefix;
  std::string cursor;        // of the page before; empty: from the beginning
  std::int32_t limit = 1000; // 1 to 1,000
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_query& x) {
  return f(x.prefix, x.cursor, x.limit);
}

/// A page of a list.
struct object_page {
  stored_objects objects; // key, size, etag and modified_ms
  std::string cursor;     // for the next page; empty: this was the last
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_page& x) {
  return f(x.objects, x.cursor);
}

/// Runs on a thread of its own, because storage blocks: who asks bounds how many requests it has under way. Errors:
/// bad_request (which names the field, also a body above 16 MiB), answer_too_large (what is stored is above 16 MiB),
/// storage_failed, storage_unusable.
using objects_actor = caf::typed_actor<
  // A list of one, or an empty list.
  caf::replies_to<object_read>::with<stored_objects>,
  // Its ETag.
  caf::replies_to<object_store>::with<std::string>,
  // How many were asked for. What failed first stops it.
  caf::replies_to<object_remove>::with<std::int64_t>,
  // List.
  caf::replies_to<object_query>::with<object_page>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_objects, troupe::type_ids::objects)

CAF_ADD_TYPE_ID(troupe_objects, (troupe::stored_object))
CAF_ADD_TYPE_ID(troupe_objects, (troupe::stored_objects))
CAF_ADD_TYPE_ID(troupe_objects, (troupe::object_read))
CAF_ADD_TYPE_ID(troupe_objects, (troupe::object_store))
CAF_ADD_TYPE_ID(troupe_objects, (troupe::object_remove))
CAF_ADD_TYPE_ID(troupe_objects, (troupe::object_query))
CAF_ADD_TYPE_ID(troupe_objects, (troupe::object_page))

CAF_END_TYPE_ID_BLOCK(troupe_objects)
TROUPE_CHECK_RANGE(troupe_objects);
