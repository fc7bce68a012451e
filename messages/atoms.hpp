// Every atom of the protocol, in one place. Verbs; at most 10 characters each (CAF 0.17).
#pragma once

#include <caf/atom.hpp>

namespace troupe {

using tick_atom = caf::atom_constant<caf::atom("tick")>;           ///< an actor's own timer
using stats_atom = caf::atom_constant<caf::atom("stats")>;         ///< what have you counted?
using flush_atom = caf::atom_constant<caf::atom("flush")>;         ///< finish what you have begun, then say so
using pending_atom = caf::atom_constant<caf::atom("pending")>;     ///< how many are queued or running?
using job_ended_atom = caf::atom_constant<caf::atom("job_ended")>; ///< what was given to another thread is done

} // namespace troupe
