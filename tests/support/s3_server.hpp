// A real S3 server (s3rver, from npm; ./test fetches it) on a free loopback port, started for the tests of a process
// and stopped with them. Its data is in a directory of its own.
#pragma once

#include "storage/s3/store.hpp"
#include "tests/support/results.hpp"
#include "tests/support/temp_directory.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace troupe::test {

class s3_server {
public:
  s3_server() {
    const auto program = std::string{TROUPE_TOOLS_DIR} + "/s3rver/node_modules/s3rver/bin/s3rver.js";
    if (!std::filesystem::exists(program))
      throw std::runtime_error{"no S3 server: ./test fetches it (" + program + ")"};
    int ends[2];
    if (::pipe(ends) != 0)
      throw std::runtime_error{"pipe"};
    const auto data = directory_.file("s3");
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that crashes leaves no server behind
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      // Its continuation tokens are DES, which OpenSSL 3 keeps in its legacy provider.
      ::execlp("node", "node", "--no-deprecation", "--openssl-legacy-provider", program.c_str(), "--silent", "-d",
        data.c_str(), "-a", "127.0.0.1", "-p", "0", nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    // "S3rver listening on 127.0.0.1:43121"
    auto said = std::string{};
    char byte = 0;
    while (said.find("127.0.0.1:") == std::string::npos || byte != '\n')
      if (::read(ends[0], &byte, 1) == 1)
        said.push_back(byte);
      else
        break;
    output_ = ends[0];
    if (const auto at = said.find("127.0.0.1:"); at != std::string::npos)
      port_ = std::stoi(said.substr(at + 10));
    else
      throw std::runtime_error{"the S3 server did not start: " + said};
  }

  s3_server(const s3_server&) = delete;
  s3_server& operator=(const s3_server&) = delete;
  ~s3_server() {
    if (child_ > 0) {
      ::kill(child_, SIGTERM);
      ::waitpid(child_, nullptr, 0);
    }
    if (output_ >= 0)
      ::close(output_);
  }

  /// How to reach a bucket; the keys are s3rver's only ones. Waits between attempts are left out.
  [[nodiscard]] storage::s3::options options(const std::string& bucket) const {
    auto out = storage::s3::options{};
    out.endpoint = "http://127.0.0.1:" + std::to_string(port_);
    out.bucket = bucket;
    out.who = {"S3RVER", "S3RVER"};
    out.now_s = [] {
      using namespace std::chrono;
      return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
    };
    out.sleep = [](std::chrono::milliseconds) {};
    return out;
  }

  /// A bucket that nobody else has.
  [[nodiscard]] std::unique_ptr<storage::s3::store> fresh_bucket() {
    auto bucket = value_of(storage::s3::store::open(options("bucket-" + std::to_string(++buckets_))));
    if (auto made = bucket->create_bucket(); !made)
      throw std::runtime_error{made.error().message};
    return bucket;
  }

private:
  temp_directory directory_;
  pid_t child_ = -1;
  int output_ = -1;
  int port_ = 0;
  int buckets_ = 0;
};

/// The one of this process: it takes half a second to start.
inline s3_server& shared_s3_server() {
  static auto server = s3_server{};
  return server;
}

} // namespace troupe::test
