// One upstream call on one libcurl easy handle: checks the request, sets the handle up for it, collects the body under
// its cap, and says how it ended. Handles are kept and used again, so everything that differs from call to call is set
// for every call, in arm(). Used by http_loop.cpp alone, on the loop's thread.
#pragma once

#include "actors/http_client/http_loop.hpp"
#include "messages/result.hpp"

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Reads a Retry-After value (RFC 9110, 10.2.3), seconds or an HTTP date, relative to `now_ms` (since 1970).
/// Returns microseconds, 0 for a date that has passed, at most a year; -1 when it is neither.
[[nodiscard]] std::int64_t parse_retry_after(std::string_view value, std::int64_t now_ms);

/// What is wrong with a request, if anything: method, url, header fields, time-outs, cap. All ec::bad_request.
[[nodiscard]] result<void> check(const http_request& request);

/// The error that a curl code means, with ec::none for CURLE_OK.
[[nodiscard]] ec map_curl_code(CURLcode code) noexcept;

class transfer {
public:
  using clock = std::chrono::steady_clock;

  /// Makes the easy handle and sets what never changes. `share` holds the TLS sessions. Throws std::runtime_error.
  transfer(const http_loop_settings& config, CURLSH* share);

  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  /// Prepares the handle for a checked request.
  void arm(std::uint64_t id, http_request request, http_loop::done callback, clock::time_point started);

  /// How it ended, as curl says. Call before the handle leaves the multi handle's hands.
  [[nodiscard]] http_response finish(CURLcode code, std::int64_t wall_now_ms);

  /// Lets go of request, body and callback, and returns the callback. The handle can be armed again.
  http_loop::done release();

  [[nodiscard]] CURL* handle() const noexcept { return easy_.get(); }
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] clock::time_point started() const noexcept { return started_; }
  [[nodiscard]] std::int64_t timeout_us() const noexcept { return request_.timeout_us; }
  /// Requests put on a wire, and bytes of body taken, for the call under way.
  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  [[nodiscard]] std::size_t received() const noexcept { return received_; }

private:
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static int on_request(void* self, char*, char*, int, int);

  std::size_t take(std::string_view chunk);
  void arm_method();
  void arm_headers();
  [[nodiscard]] std::string words(CURLcode code) const;

  template <class T>
  void set(CURLoption option, T value);

  struct easy_cleanup {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
  };

  std::unique_ptr<CURL, easy_cleanup> easy_;
  std::uint64_t id_ = 0;
  http_request request_;
  http_loop::done callback_;
  clock::time_point started_;
  std::string body_;
  std::string header_text_;              // the header lines, each ended by a NUL
  std::vector<curl_slist> header_nodes_; // curl's list over header_text_
  std::uint64_t sent_ = 0;
  std::size_t received_ = 0;
  bool too_large_ = false;
  bool not_repeatable_ = false; // the request would have been sent again, and must not be
  std::array<char, CURL_ERROR_SIZE> error_{};
};

} // namespace troupe
