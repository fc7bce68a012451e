// The access log: one line for each answered request, written by a thread of its own. I/O threads append to a bounded
// buffer under a mutex (a copy of 200 bytes); when a slow disk lets it fill, lines are dropped and counted, and no
// answer ever waits.
//
// Query strings are left out, because what people search for is personal; so are keys and all other header fields.
// What a client controls is escaped, so that no request can forge a line.
#pragma once

#include "messages/result.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace troupe {

/// What is logged of one request. Empty texts are unknown.
struct access_entry {
  std::chrono::system_clock::time_point time; ///< when the answer was ready
  std::string_view client;                    ///< its address
  std::string_view key;                       ///< the API key's name
  std::string_view method;
  std::string_view path; ///< as sent, without the query
  int version = 11;      ///< 10 or 11
  int status = 0;
  std::uint64_t bytes = 0; ///< of the body as sent
  std::chrono::nanoseconds took{0};
  std::string_view trace_id;
  std::string_view x_cache;
};

/// Appends `{"time":"2026-01-31T12:00:00.000Z","client":...,"method":...,"path":...,"status":200,"bytes":..,"us":..,
/// "trace":...,"cache":...,"key":...}` and a line feed.
void append_json(std::string& out, const access_entry& e);

/// Appends a line of the Common Log Format (https://httpd.apache.org/docs/current/logs.html#common) with three more
/// columns: microseconds, trace id, X-Cache.
void append_common(std::string& out, const access_entry& e);

class access_log {
public:
  enum class format : std::uint8_t { json, common };

  /// To a file that is appended to (made with mode 0640), or to standard output when `path` is empty.
  [[nodiscard]] static result<std::unique_ptr<access_log>> open(const std::string& path, format f);

  /// Writes what is buffered.
  ~access_log();
  access_log(const access_log&) = delete;
  access_log& operator=(const access_log&) = delete;

  /// Any thread; never waits for the disk.
  void write(const access_entry& e);

  /// Opens the file again, after what was logged before has gone to the old one: for log rotation. On failure goes on
  /// with the old one.
  [[nodiscard]] result<void> reopen();

  /// Lines that found the buffer full or could not be written.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

private:
  access_log(std::string path, format f, int fd);

  void run();
  void put(const std::string& lines, int fd);

  const std::string path_;
  const format format_;
  std::atomic<std::uint64_t> dropped_{0};
  std::mutex mutex_;
  std::condition_variable something_;
  std::string buffer_;
  bool stopping_ = false;
  std::mutex file_mutex_; // held while writing; taken before mutex_ when both are needed
  int fd_;
  std::thread writer_;
};

} // namespace troupe
