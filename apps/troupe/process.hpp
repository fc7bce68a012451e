// What every long-running sub-command does with its process: signals, and how it speaks to its user.
#pragma once

#include <csignal>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

/// Blocks SIGINT and SIGTERM in this thread and all that it starts later, so that wait_for_stop() gets them; ignores
/// SIGPIPE. Call it before any thread is started.
void prepare_signals();

/// The same for SIGHUP, which wait_for_stop() then answers by calling its argument.
void prepare_reload();

/// Waits for SIGINT or SIGTERM and returns its number. After prepare_reload(), each SIGHUP that a process has sent
/// calls `reload` (on this thread); one that the kernel sends, because the terminal has gone, stops like SIGTERM
/// (unless SIGHUP is ignored, as under nohup).
int wait_for_stop(const std::function<void()>& reload = nullptr);

/// From now on SIGINT and SIGTERM end the process at once: a second Ctrl-C is meant.
void stop_at_next_signal();

/// One line on standard error: "troupe: ...".
void complain(const std::string& line);

/// Compiles jq programs in a process of their own, as config::load wants it (config::program_checker).
[[nodiscard]] std::vector<std::string> check_programs(const std::vector<std::string>& programs);

/// The file `name` of the project's config folder: beside the build folder that this program is in, in the working
/// directory, or in an installation's share folder; empty when there is none.
[[nodiscard]] std::string find_config_file(const std::string& name);

} // namespace troupe
