// A mapper's process: `troupe jq-worker`. It compiles the programs that it is sent and runs them over bodies, one at a
// time, until its socket closes. It has no environment, can open no file and no connection, and has bounds for memory
// and processor time; it dies with its parent. Whatever a program does, only this process suffers.
#pragma once

#include <cstdint>

namespace troupe::jq {

/// The sub-command's name, as the pool starts it.
inline constexpr const char* worker_command = "jq-worker";

/// Serves frames on standard input and output (one socket). `memory`: bytes beyond what the process starts with;
/// `cpu_seconds`: of one body. Returns the exit code.
int run_worker(std::int64_t memory, std::int64_t cpu_seconds);

/// The same from a command line: "jq-worker MEMORY CPU_SECONDS"; -1 when that is not what stands there.
int run_worker_if_asked(int argc, char** argv);

} // namespace troupe::jq
