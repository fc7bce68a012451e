#include "tests/support/postgres.hpp"

#include "tests/support/eventually.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <pqxx/connection>
#include <pqxx/nontransaction>
#include <pwd.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

// libpqxx 6.4 loses the answer (2 kB) of a statement whose connection ended under it: making its result throws before
// it owns the answer. LeakSanitizer, where it is there, asks for this by name.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:pqxx::connection_base::exec_prepared\n";
}

namespace troupe::test {
namespace {

namespace fs = std::filesystem;

const auto programs = std::string{"/usr/lib/postgresql/15/bin/"};

/// A port that was free a moment ago.
std::uint16_t free_port() {
  const auto probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = sockaddr_in{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  const auto bound = ::bind(probe, raw, size) == 0 && ::getsockname(probe, raw, &size) == 0;
  ::close(probe);
  if (!bound)
    throw std::runtime_error{"postgres: no free port"};
  return ntohs(address.sin_port);
}

std::string contents(const std::string& path) {
  auto text = std::stringstream{};
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

/// Starts a program, as the user postgres when this process is root; its output goes to `log`. PostgreSQL refuses to
/// run as root. Whoever kills the tests with -9 takes the server with them (--pdeathsig).
pid_t spawn(std::vector<std::string> command, const std::string& log) {
  auto whole = std::vector<std::string>{"/usr/bin/setpriv", "--pdeathsig=QUIT"};
  if (::geteuid() == 0)
    whole.insert(whole.end(), {"--reuid=postgres", "--regid=postgres", "--init-groups"});
  whole.insert(whole.end(), command.begin(), command.end());
  auto pointers = std::vector<char*>{};
  for (auto& each : whole)
    pointers.push_back(each.data());
  pointers.push_back(nullptr);
  auto path = std::string{"PATH=/usr/bin:/bin"};
  auto locale = std::string{"LC_ALL=C"};
  char* environment[] = {path.data(), locale.data(), nullptr};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  auto child = pid_t{0};
  const auto failed = ::posix_spawn(&child, pointers.front(), &files, nullptr, pointers.data(), environment);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0)
    throw std::runtime_error{"postgres: setpriv cannot be started"};
  return child;
}

} // namespace

postgres_cluster::postgres_cluster() {
  if (!fs::exists(programs + "initdb"))
    throw std::runtime_error{"postgres: " + programs + "initdb is missing: install Debian's package postgresql"};
  auto pattern = (fs::temp_directory_path() / "troupe_pg.XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error{"postgres: no temporary directory"};
  directory_ = pattern;
  std::ofstream{directory_ + "/password"} << password;
  if (::geteuid() == 0) {
    const auto* user = ::getpwnam("postgres");
    if (user == nullptr || ::chown(directory_.c_str(), user->pw_uid, user->pw_gid) != 0)
      throw std::runtime_error{"postgres: there is no user postgres to run the server as"};
  }
  auto status = 0;
  const auto made =
    spawn({programs + "initdb", "--no-sync", "--username=troupe", "--pwfile=" + directory_ + "/password",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", directory_ + "/data"},
      directory_ + "/initdb.log");
  if (::waitpid(made, &status, 0) != made || status != 0)
    throw std::runtime_error{"postgres: initdb failed: " + contents(directory_ + "/initdb.log")};
  start();
}

postgres_cluster::~postgres_cluster() {
  crash();
  auto ignored = std::error_code{};
  fs::remove_all(directory_, ignored);
}

postgres_cluster& postgres_cluster::shared() {
  static auto cluster = postgres_cluster{};
  return cluster;
}

void postgres_cluster::start() {
  const auto log = directory_ + "/server.log";
  // Somebody may take the port between the look and the start: once it was ours it stays the same.
  for (auto tries = port_ == 0 ? 3 : 1; tries > 0; --tries) {
    const auto port = port_ != 0 ? port_ : free_port();
    server_ = spawn({programs + "postgres", "-D", directory_ + "/data", "-p", std::to_string(port), "-c",
                      "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + directory_, "-c",
                      "max_connections=40", "-c", "shared_buffers=32MB"},
      log);
    auto ended = false;
    // The last line of this file says how far the start has come.
    const auto settled = eventually(
      [&] {
        auto status = 0;
        ended = ::waitpid(server_, &status, WNOHANG) == server_;
        const auto said = contents(directory_ + "/data/postmaster.pid");
        return ended || (said.find("\nready") != std::string::npos && said.starts_with(std::to_string(server_) + '\n'));
      },
      std::chrono::seconds{60});
    if (settled && !ended) {
      port_ = port;
      return;
    }
    if (ended)
      server_ = 0;
    crash();
  }
  throw std::runtime_error{"postgres: the server does not start: " + contents(log)};
}

void postgres_cluster::end_with(int signal) {
  if (server_ == 0)
    return;
  ::kill(server_, signal);
  auto status = 0;
  ::waitpid(server_, &status, 0);
  server_ = 0;
}

void postgres_cluster::stop() {
  end_with(SIGINT); // "fast" shutdown
}

void postgres_cluster::crash() {
  end_with(SIGQUIT); // "immediate" shutdown
}

std::string postgres_cluster::address(const std::string& database) const {
  return "postgres://troupe:" + std::string{password} + "@127.0.0.1:" + std::to_string(port_) + '/' + database;
}

std::string postgres_cluster::fresh_database() {
  const auto name = "test_" + std::to_string(::getpid()) + '_' + std::to_string(++databases_);
  auto connection = pqxx::connection{address("postgres")};
  auto work = pqxx::nontransaction{connection};
  work.exec("CREATE DATABASE " + name);
  return address(name);
}

} // namespace troupe::test
