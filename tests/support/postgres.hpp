// A real PostgreSQL 15 of the tests' own: a throw-away cluster in a temporary directory, on a free port of 127.0.0.1
// (its unix socket in the same directory), with passwords required and fsync as by default. Whoever runs as root has
// it run as the user `postgres`. Debian's package is required: without it the tests that need it fail.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>

namespace troupe::test {

class postgres_cluster {
public:
  /// Makes and starts a cluster, and waits until it answers. Throws with the server's own words when it does not.
  postgres_cluster();
  /// Stops it and removes its directory.
  ~postgres_cluster();
  postgres_cluster(const postgres_cluster&) = delete;
  postgres_cluster& operator=(const postgres_cluster&) = delete;

  /// The one that this test program shares, started at the first call. Tests that stop a server make one of their own.
  static postgres_cluster& shared();

  /// Makes an empty database and answers its address, user and password included.
  [[nodiscard]] std::string fresh_database();
  /// The address of a database that may not exist.
  [[nodiscard]] std::string address(const std::string& database) const;
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  static constexpr const char* password = "pa55word-of-the-tests";

  /// Ends every connection, rolls back what is under way and stops, in order.
  void stop();
  /// Stops at once, without a checkpoint: what it must recover from when it starts again.
  void crash();
  /// Starts on the same port and the same data, and waits until it answers.
  void start();

private:
  void end_with(int signal);

  std::string directory_;
  std::uint16_t port_ = 0;
  pid_t server_ = 0;
  int databases_ = 0;
};

} // namespace troupe::test
