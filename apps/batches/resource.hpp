// Batches over HTTP: POST /api/v1/batches starts one, GET /api/v1/batches/{id} says how it stands and gives its
// results, DELETE cancels it. Errors are RFC 9457 problems. An id is 128 random bits: who has it may read and cancel,
// nobody can guess it, and batches of C++ code, whose ids are names, cannot be reached from here.
#pragma once

#include "apps/batches/body.hpp"
#include "apps/batches/gate.hpp"
#include "apps/bridge/bridge.hpp"
#include "messages/batch.hpp"

#include <chrono>
#include <functional>
#include <vector>

namespace troupe {

struct batch_resource_settings {
  batch_rules rules;
  client_quota starts;  // POST
  client_quota reading; // GET and DELETE
  route_edge edge;
  std::size_t max_body = std::size_t{16} << 20; // of a POST
  batch_actor batches;
  gate_actor gate;   // asks the batch actor
  gate_actor intake; // understands bodies; detached, because a large one takes a tenth of a second
  std::function<std::chrono::microseconds()> now_unix;
};

/// The two resources, for bridge_settings.
[[nodiscard]] std::vector<resource> batch_resources(batch_resource_settings settings);

/// How long a client wants to wait: `wait` of the query ("2s") or `Prefer: wait=2` (RFC 7240, seconds), at most a
/// minute; 0 when it says nothing. bad_request names what is wrong with the query's; a Prefer that makes no sense is
/// ignored.
[[nodiscard]] result<std::chrono::microseconds> wanted_wait(const fields& query, std::string_view prefer);

/// A batch as JSON: id, name (if the client gave one), state, counts. Results stand there once it has ended, in task
/// order, each `{"ok":true,"data":...}` or
/// `{"ok":false,"data":null,"error":{"code","message","retryable"}}`; `next` is the offset of the next page, or null.
[[nodiscard]] std::string to_json(const batch_view& v, std::size_t max_bytes);

} // namespace troupe
