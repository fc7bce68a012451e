#include "actors/jq/worker.hpp"

#include "actors/jq/framing.hpp"
#include "actors/jq/program.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

// AddressSanitizer reserves terabytes of addresses: no bound can be set then.
#ifdef TROUPE_SANITIZED
constexpr bool bounds_memory = false;
#else
constexpr bool bounds_memory = true;
#endif

namespace troupe::jq {
namespace {

// An upstream's answer has at most 8 MiB; a program is far shorter.
constexpr std::size_t longest_frame = 16 << 20;

void limit(__rlimit_resource what, rlim_t value) {
  const rlimit both{value, value};
  ::setrlimit(what, &both);
}

// What the process has mapped by now, in bytes.
std::int64_t mapped() {
  long pages = 0;
  if (auto* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%ld", &pages) != 1) // NOLINT: 0 is as good as nothing
      pages = 0;
    std::fclose(file);
  }
  return std::int64_t{pages} * ::sysconf(_SC_PAGESIZE);
}

void confine(std::int64_t memory) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0);
  if (bounds_memory)
    limit(RLIMIT_AS, static_cast<rlim_t>(mapped() + memory));
  ::syscall(SYS_close_range, 3U, ~0U, 0U);
  limit(RLIMIT_NOFILE, 3); // those that there are: neither a file nor a socket can be opened
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NPROC, 0);
}

// So much processor time from now on; then SIGXCPU ends the process. The pool kills it earlier, by the clock: this is
// for when the pool cannot.
void allow_cpu(std::int64_t seconds) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  rlimit r{};
  ::getrlimit(RLIMIT_CPU, &r);
  r.rlim_cur = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1 + seconds);
  ::setrlimit(RLIMIT_CPU, &r);
}

bool write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

class worker {
public:
  explicit worker(std::int64_t cpu_seconds) : cpu_seconds_{cpu_seconds} {}

  std::string answer(const frame& f) {
    std::string out;
    auto said = f.kind == frame_kind::program ? compile(f.payload) : run(f.payload);
    if (said)
      append_frame(out, frame_kind::good, said.value());
    else
      append_frame(out, frame_kind::bad, said.error().message);
    return out;
  }

private:
  result<std::string> compile(const std::string& text) {
    auto made = program::compile(text);
    if (!made) {
      programs_.emplace_back();
      return made.as_failure();
    }
    programs_.emplace_back(std::move(made.value()));
    return std::string{};
  }

  result<std::string> run(std::string_view payload) {
    const auto number = take_program(payload);
    if (!number || *number >= programs_.size() || !programs_[*number])
      return fail(ec::internal, "no such program");
    allow_cpu(cpu_seconds_);
    return programs_[*number]->run(payload);
  }

  std::int64_t cpu_seconds_;
  std::vector<std::optional<program>> programs_;
};

} // namespace

int run_worker(std::int64_t memory, std::int64_t cpu_seconds) {
  confine(memory);
  worker w{cpu_seconds};
  frame_reader in{longest_frame};
  std::array<char, 65'536> chunk{};
  for (;;) {
    const auto n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return 0;
    in.add({chunk.data(), static_cast<std::size_t>(n)});
    while (const auto f = in.next())
      if (!write_all(w.answer(*f)))
        return 0;
    if (in.broken())
      return 1;
  }
}

int run_worker_if_asked(int argc, char** argv) {
  if (argc != 4 || std::string_view{argv[1]} != worker_command)
    return -1;
  const auto number = [](std::string_view text) {
    std::int64_t n = 0;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), n);
    return wrong == std::errc{} && end == text.data() + text.size() && n > 0 ? n : 0;
  };
  const auto memory = number(argv[2]);
  const auto seconds = number(argv[3]);
  return memory == 0 || seconds == 0 ? 2 : run_worker(memory, seconds);
}

} // namespace troupe::jq
