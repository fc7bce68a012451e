#include "apps/troupe/process.hpp"

#include "actors/jq/pool.hpp"

#include <pthread.h>

#include <cstdio>
#include <filesystem>
#include <initializer_list>

namespace troupe {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

// As under nohup(1).
bool is_ignored(int number) {
  struct sigaction now {};
  return sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

} // namespace

void prepare_signals() {
  const auto set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

void prepare_reload() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int wait_for_stop(const std::function<void()>& reload) {
  auto set = stop_signals();
  if (reload)
    sigaddset(&set, SIGHUP);
  for (;;) {
    siginfo_t from{};
    const int number = sigwaitinfo(&set, &from);
    if (number == SIGHUP && from.si_code != SI_KERNEL)
      reload();
    else if (number > 0 && !(number == SIGHUP && is_ignored(SIGHUP)))
      return number;
  }
}

void stop_at_next_signal() {
  const auto set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void complain(const std::string& line) {
  std::fprintf(stderr, "troupe: %s\n", line.c_str());
}

std::vector<std::string> check_programs(const std::vector<std::string>& programs) {
  auto checked = jq::check_programs({}, programs);
  if (checked)
    return std::move(checked.value());
  return {programs.size(), "line 1: cannot be checked: " + checked.error().message};
}

std::string find_config_file(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const auto& folder :
    {program.parent_path() / "config", fs::path{"config"}, program.parent_path() / "share/troupe"})
    if (fs::is_regular_file(folder / name, ignored))
      return (folder / name).string();
  return {};
}

} // namespace troupe
