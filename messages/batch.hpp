// The batch actor's interface (S4's request orchestrator): tasks by name, over the rate limiter's lanes. All of it
// stays within one process, because functions travel in it.
#pragma once

#include "messages/common.hpp"
#include "messages/task.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

namespace troupe {

/// Run one task. `parent` is the running task that asks and waits, if one does: it holds no slot meanwhile, so that a
/// task may execute another even at concurrency 1. Its lane's permit it gives back for good: what it calls after its
/// waiting is a task of its own.
struct task_execute {
  batch_task task;
  task_ref parent;
  std::int64_t remaining_us = 0;
};

/// Run these tasks under a name.
struct batch_enqueue {
  std::string id;    // 1 to 128 of A-Z a-z 0-9 . _ -
  std::string label; // its owner's word for it; may be empty
  std::vector<batch_task> tasks;
  bool strict = false; // the first failure fails the batch
  std::int64_t remaining_us = 0;
  task_observer progress;  // may be empty
  std::string key;         // of idempotency; empty: none. Lives as long as its batch
  std::string fingerprint; // of what came with that key
  task_ref parent;         // the running task that enqueues, if one does
  std::string traceparent; // W3C Trace Context of whoever wants it, for its calls to providers; may be empty
};

/// A batch was admitted, or (`repeated`) the one that came with this key before.
struct batch_ticket {
  std::string id;
  bool repeated = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, batch_ticket& x) {
  return f(x.id, x.repeated);
}

/// How does this batch stand? Waits until it has ended, at most `wait_us`.
struct batch_query {
  std::string id;
  std::int64_t offset = 0;
  std::int64_t limit = 0; // results at most
  std::int64_t wait_us = 0;
  task_ref parent; // the running task that asks and waits, if one does
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, batch_query& x) {
  return f(x.id, x.offset, x.limit, x.wait_us, x.parent);
}

/// End this batch: what waits does not start, what runs is not waited for.
struct batch_cancel {
  std::string id;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, batch_cancel& x) {
  return f(x.id);
}

/// From whoever ran it: a function task has ended.
struct task_ended {
  task_ref task;
  task_result result;
};

using batch_actor = caf::typed_actor<
  // Run one task. Answered with its result, never with an error.
  caf::replies_to<task_execute>::with<task_result>,
  // Run these. bad_request: the name is malformed, or one of that name is pending; overloaded: no room.
  caf::replies_to<batch_enqueue>::with<batch_ticket>,
  // How does it stand? not_found: there is none of that name (any more).
  caf::replies_to<batch_query>::with<batch_view>,
  // End it. not_found as above; one that has ended stays as it is.
  caf::replies_to<batch_cancel>::with<batch_view>,
  // How many tasks are queued or running?
  caf::replies_to<pending_atom>::with<std::int64_t>,
  // A function task has ended.
  caf::reacts_to<task_ended>,
  // Admit what has come in this turn; look whose time is over.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

// Functions and their values never leave the process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::task_execute)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::batch_enqueue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::batch_view)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::task_result)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::task_ended)

CAF_BEGIN_TYPE_ID_BLOCK(troupe_batch, troupe::type_ids::batch)

CAF_ADD_TYPE_ID(troupe_batch, (troupe::task_ref))
CAF_ADD_TYPE_ID(troupe_batch, (troupe::batch_ticket))
CAF_ADD_TYPE_ID(troupe_batch, (troupe::batch_query))
CAF_ADD_TYPE_ID(troupe_batch, (troupe::batch_cancel))

CAF_END_TYPE_ID_BLOCK(troupe_batch)
TROUPE_CHECK_RANGE(troupe_batch);
