// The scheduler's interface (S2-29, S2-30): which schedules there are, what became of their runs, a run by hand. What a
// schedule does is no message: it is given where the node is wired. Times are Unix milliseconds; 0: none.
#pragma once

#include "messages/common.hpp"
#include "messages/schedule.hpp"

#include <caf/typed_actor.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// Which schedules are there, and how do they stand?
struct schedule_query {
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, schedule_query& x) {
  return f(x.remaining_us);
}

/// A schedule as it is now.
struct schedule_view {
  std::string name;
  std::string expression; // "*/15 * * * *"
  std::string zone;       // "UTC", "Europe/Berlin"
  std::int64_t next_due_ms = 0;
  schedule_run last;      // the newest of its history, runs that were skipped included; `n` is 0: there is none
  bool under_way = false; // on whichever node
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, schedule_view& x) {
  return f(x.name, x.expression, x.zone, x.next_due_ms, x.last, x.under_way);
}

using schedule_views = std::vector<schedule_view>;

/// Run this schedule now.
struct schedule_trigger {
  std::string name;
  std::int64_t remaining_us = 0; // until the run has begun
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, schedule_trigger& x) {
  return f(x.name, x.remaining_us);
}

/// What became of this schedule's runs?
struct schedule_history {
  std::string name;
  std::int64_t limit = 0; // 1 to 1,000
  std::string cursor;     // of the page before; empty: the newest
  std::int64_t remaining_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, schedule_history& x) {
  return f(x.name, x.limit, x.cursor, x.remaining_us);
}

/// A page of runs, newest first.
struct schedule_runs {
  std::vector<schedule_run> runs;
  std::string cursor; // opaque; empty: nothing follows
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, schedule_runs& x) {
  return f(x.runs, x.cursor);
}

/// From a task: it has ended. Of the run `n`; of any other it changes nothing.
struct schedule_task_ended {
  std::string name;
  std::int64_t n = 0;
  ec code = ec::none;
  std::string message;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, schedule_task_ended& x) {
  return f(x.name, x.n, x.code, x.message);
}

using scheduler_actor = caf::typed_actor<
  // How do the schedules stand? In the order in which they are configured.
  caf::replies_to<schedule_query>::with<schedule_views>,
  // Run it now; answered when the run has begun. not_found: there is none of that name; bad_request: its previous run
  // is under way.
  caf::replies_to<schedule_trigger>::with<schedule_run>,
  // What became of its runs? not_found as above; bad_request: the limit, or a cursor that no history gave.
  caf::replies_to<schedule_history>::with<schedule_runs>,
  // A task has ended.
  caf::reacts_to<schedule_task_ended>,
  // From the storage's threads: that job has ended.
  caf::reacts_to<job_ended_atom, std::uint64_t>,
  // Look what is due, whose time is over, and which runs are to be renewed.
  caf::reacts_to<tick_atom>,
  // What have you counted?
  caf::replies_to<stats_atom>::with<metrics>>;

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_scheduler, troupe::type_ids::scheduler)

CAF_ADD_TYPE_ID(troupe_scheduler, (troupe::schedule_query))
CAF_ADD_TYPE_ID(troupe_scheduler, (troupe::schedule_run))
CAF_ADD_TYPE_ID(troupe_scheduler, (troupe::schedule_view))
CAF_ADD_TYPE_ID(troupe_scheduler, (troupe::schedule_views))
CAF_ADD_TYPE_ID(troupe_scheduler, (troupe::schedule_trigger))
CAF_ADD_TYPE_ID(troupe_scheduler, (troupe::schedule_history))
CAF_ADD_TYPE_ID(troupe_scheduler, (troupe::schedule_runs))
CAF_ADD_TYPE_ID(troupe_scheduler, (troupe::schedule_task_ended))

CAF_END_TYPE_ID_BLOCK(troupe_scheduler)
TROUPE_CHECK_RANGE(troupe_scheduler);
