// The number of files that the process may hold open. Every upstream call and every client is a file descriptor, and
// the usual soft limit of 1,024 (kept low for select()) ends a node long before its memory does. Nothing here uses
// select().
#pragma once

#include <cstdint>

namespace troupe {

/// Raises the soft limit on open files (RLIMIT_NOFILE, getrlimit(2)) to the hard limit. Returns the limit now in force;
/// where raising is refused that is the old one. Call it once, before threads start.
std::uint64_t raise_file_limit() noexcept;

} // namespace troupe
