// Runs a piece of a test in a child process, which may do to itself what the test process must not: mount file systems,
// limit its resources, die at any moment.
#pragma once

#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace troupe::test {

/// How a child ended: what it reported (empty: all is well), or the signal that ended it.
struct child_end {
  std::string report;
  int signal = 0;
};

/// `work` runs in the child; the text that it gives, or the exception that it throws, is the report. It must not use
/// the test framework's macros.
inline child_end in_child(const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe(ends) != 0)
    throw std::runtime_error{"pipe"};
  const auto child = ::fork();
  if (child < 0)
    throw std::runtime_error{"fork"};
  if (child == 0) {
    ::close(ends[0]);
    auto report = std::string{};
    try {
      report = work();
    } catch (const std::exception& e) {
      report = e.what();
    }
    const auto wrote = ::write(ends[1], report.data(), report.size());
    ::_exit(wrote == static_cast<ssize_t>(report.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  auto end = child_end{};
  char piece[4096];
  for (ssize_t got = 0; (got = ::read(ends[0], piece, sizeof piece)) > 0;)
    end.report.append(piece, static_cast<std::size_t>(got));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return end;
}

/// In a child: a mount namespace of its own, so that what it mounts is gone with it. Without root through a user
/// namespace.
inline void enter_private_mounts() {
  const auto flags = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
  if (::unshare(flags) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    throw std::runtime_error{"this test needs a private mount namespace, and the system refuses one"};
}

/// In such a child: a file system of that many KiB over `directory`.
inline void mount_small(const std::string& directory, int kib) {
  const auto size = "size=" + std::to_string(kib) + "k";
  if (::mount("tmpfs", directory.c_str(), "tmpfs", 0, size.c_str()) != 0)
    throw std::runtime_error{"cannot mount a tmpfs on " + directory};
}

/// In such a child: `directory` as it is, but nothing in it can be changed.
inline void make_read_only(const std::string& directory) {
  if (::mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0
      || ::mount(nullptr, directory.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0)
    throw std::runtime_error{"cannot make read-only: " + directory};
}

} // namespace troupe::test
