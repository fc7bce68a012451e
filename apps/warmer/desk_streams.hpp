// The desk's streams of events. Each is complete whoever opens it, whenever and however often, and ends behind the
// job's last event; who has had that and comes again is told to stay away (204).
#pragma once

#include "apps/warmer/desk_storage.hpp"

#include <string>

namespace troupe {

/// Answers with the events behind Last-Event-ID, from now on to the job's end.
void open_stream(desk_ptr self, const visit_ptr& v);

/// Reads what streams of this job have not sent yet, unless it is being read or no client has room.
void feed(desk_ptr self, const std::string& job);

/// A stream has room again, or is over.
void stream_changed(desk_ptr self, const desk_stream& what);

/// Heartbeats, and the events of jobs that another node runs.
void look_at_streams(desk_ptr self, desk_state::time now);

} // namespace troupe
