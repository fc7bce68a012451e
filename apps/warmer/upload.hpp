// POST /warm/upload: takes a library's export and stores it as it came, without ever holding it whole, and has a job
// made of it. The body is the file (?library=NAME&name=FILE), or a form whose first part with a file name is it, after
// a field `library` if there is one. 202 {"job_id":"..."} with Location: /jobs/{id}.
//
// Invariants: an upload that is not answered with 202 leaves no object behind (but see `submit`), and a few bodies are
// stored at once, each with a bucket of its own; one more is told to come again. A client that sends nothing of its
// file has neither bucket nor thread, so that those who only connect keep nobody from uploading.
#pragma once

#include "apps/batches/threads.hpp"
#include "apps/bridge/bridge.hpp"
#include "apps/warmer/upload_body.hpp"
#include "messages/common.hpp"
#include "messages/result.hpp"
#include "storage/objects.hpp"

#include <spdlog/logger.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// How many uploads are stored at once: a connection each can fill a disk, and more would only share it.
inline constexpr std::size_t uploads_at_once = 4;
/// Of one client, begun or not; one more is answered 429.
inline constexpr std::size_t uploads_of_a_client = 2;

/// An upload as it lies in storage. Its object's custom metadata holds `library` and `file-name` too.
struct stored_upload {
  std::string key;       ///< "uploads/" and 128 random bits in hex
  std::string library;   ///< 1 to 64 of A-Z a-z 0-9 . _ -
  std::string file_name; ///< UTF-8 without folders and control characters, at most 255 bytes; may be empty
  std::int64_t bytes = 0;
};

struct upload_settings {
  /// One for each upload at once: a bucket is used by one thread at a time.
  std::vector<std::shared_ptr<storage::objects>> buckets;
  /// Makes a job of it and says its id, once, on any thread, in bounded time; called on the upload's own thread. When
  /// it is refused the object is removed. When nobody can know whether there is a job (storage failed, was late, or not
  /// a word came) it is called once more, so that it must be repeatable; nor is it known then, or does stop() come
  /// between, the object stays, for the job may need it.
  std::function<void(stored_upload what, std::function<void(result<std::string> job)> done)> submit;
  std::shared_ptr<spdlog::logger> log;
};

class upload_desk {
public:
  explicit upload_desk(upload_settings settings);
  upload_desk(const upload_desk&) = delete;
  upload_desk& operator=(const upload_desk&) = delete;
  ~upload_desk();

  /// Answers it: with a refusal at once, or when all is stored and the job is made. On an I/O thread.
  void receive(visit v);

  /// Ends what is under way (503) and returns when nothing is: as soon as storage gives back the calls that it has.
  /// What comes later is answered 503. To be called before the bridge goes; a second call does nothing.
  void stop();

  /// Bytes of all bodies that wait for storage: now, and the most ever.
  [[nodiscard]] const held_bytes& held() const noexcept { return held_; }

  [[nodiscard]] metrics counters() const;

private:
  struct ticket;
  using ticket_ptr = std::shared_ptr<ticket>;

  void begin(const ticket_ptr& t);
  void serve(const ticket_ptr& t);
  void answer(ticket& t, const result<std::string>& job);
  void leave(const ticket_ptr& t);
  [[nodiscard]] result<std::string> carry_out(ticket& t);
  [[nodiscard]] result<stored_upload> store(ticket& t);
  [[nodiscard]] std::optional<result<std::string>> submit(ticket& t, const stored_upload& what);
  void remove(ticket& t, const std::string& key);

  upload_settings settings_;
  held_bytes held_;
  mutable std::mutex mutex_; // guards what follows
  std::condition_variable left_;
  std::vector<std::size_t> free_; // buckets
  std::vector<ticket_ptr> under_way_;
  bool stopping_ = false;
  worker_threads threads_; // the last member: what runs on them uses the others
};

/// The resource, for bridge_settings. `max_bytes` of the request's body; more is 413.
[[nodiscard]] resource upload_resource(
  std::shared_ptr<upload_desk> desk, std::size_t max_bytes, client_quota quota, route_edge edge);

/// What is kept of the name that a client gives its file: what stands behind the last '/' or '\', without control
/// characters, ill-formed bytes as U+FFFD, at most 255 bytes.
[[nodiscard]] std::string plain_file_name(std::string_view name);

} // namespace troupe
