#include "actors/jq/child.hpp"

#include "actors/jq/program.hpp"
#include "actors/jq/worker.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace troupe::jq {
namespace {

// An error's text beside the longest output.
constexpr std::size_t longest_answer = longest_output + 4'096;

} // namespace

result<void> child::start(const child_settings& settings) {
  kill();
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail(ec::internal, std::string{"a mapper's process: socketpair: "} + std::strerror(errno));
  ::posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  // What a program says with `debug` is of an upstream's answer: not for our log.
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(settings.timeout).count();
  std::array<std::string, 4> words{settings.program, worker_command, std::to_string(settings.memory),
    std::to_string(std::max<std::int64_t>(1, seconds))};
  std::array<char*, 5> arguments{words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  std::array<char*, 1> no_environment{nullptr};
  const int error =
    ::posix_spawn(&pid_, settings.program.c_str(), &actions, nullptr, arguments.data(), no_environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    pid_ = -1;
    return fail(ec::internal, "a mapper's process: " + settings.program + ": " + std::strerror(error));
  }
  fd_ = ends[0];
  in_ = frame_reader{longest_answer};
  return ok();
}

bool child::hung_up() const noexcept {
  pollfd p{fd_, POLLIN, 0};
  return fd_ < 0 || ::poll(&p, 1, 0) != 0; // unasked, it says nothing
}

child::ending child::ask(std::string_view frames, time deadline, int stop_fd, frame& answer) {
  std::array<char, 65'536> chunk{};
  for (;;) {
    if (auto f = in_.next()) {
      answer = std::move(*f);
      return ending::answered;
    }
    if (in_.broken())
      return ending::lost;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0)
      return ending::late;
    const auto wanted = static_cast<short>(frames.empty() ? POLLIN : POLLIN | POLLOUT);
    std::array<pollfd, 2> both{pollfd{fd_, wanted, 0}, pollfd{stop_fd, POLLIN, 0}};
    if (::poll(both.data(), both.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000))) < 0 && errno != EINTR)
      return ending::lost;
    if (both[1].revents != 0)
      return ending::stopped;
    if ((both[0].revents & POLLOUT) != 0) {
      const auto n = ::send(fd_, frames.data(), frames.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0)
        frames.remove_prefix(static_cast<std::size_t>(n));
      else if (n < 0 && errno != EAGAIN && errno != EINTR)
        return ending::lost;
    }
    if ((both[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      const auto n = ::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
      if (n > 0)
        in_.add({chunk.data(), static_cast<std::size_t>(n)});
      else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        return ending::lost;
    }
  }
}

int child::kill() noexcept {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
  if (pid_ <= 0)
    return 0;
  int status = 0;
  // One that has ended keeps its own verdict, and one that ends just now by itself soon has it.
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

} // namespace troupe::jq
