// One HTTP request to an S3 server by libcurl, with every time-out set and no redirect followed (a signature holds for
// one host, and credentials go nowhere else).
#pragma once

#include "messages/types.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::storage::s3 {

struct time_limits {
  std::chrono::milliseconds connect{3'000};
  /// For a whole request that carries no large body: everything but a get and the sending of a part.
  std::chrono::milliseconds request{30'000};
  /// A body that moves less than 1 kB a second for so long has stalled. A 5 GiB body has no bound for the whole.
  std::chrono::milliseconds stall{30'000};
};

struct wire_request {
  std::string method;
  std::string url; ///< complete and encoded
  fields headers;  ///< as signed; Host is left to curl, which derives the same one from the URL
  std::string_view body = {};
  bool large = false; ///< bounded by stall instead of request
  /// Takes the body of a 200 or 206 as it comes; false ends the transfer. Without it the body is kept.
  std::function<bool(std::string_view)> on_body = {};
  /// Called once before the first byte of such a body, with status and headers.
  std::function<bool(int, const fields&)> on_head = {};
};

enum class wire_end : std::uint8_t {
  answered,    ///< a complete answer, whatever its status
  stopped,     ///< on_head or on_body wanted no more
  timed_out,   ///< too slow; the server may have done what it was asked
  interrupted, ///< no connection, or it broke; likewise
};

struct wire_response {
  wire_end end = wire_end::interrupted;
  int status = 0;
  fields headers;
  std::string body;   ///< at most 4 MiB of it: a list of 1,000 keys of 1,024 bytes fits
  std::string detail; ///< curl's words unless answered; without the URL's query

  /// The value of a header, by its lower-case name; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view lower_name) const noexcept;
};

/// One curl handle, whose connection stays open between requests.
class wire {
public:
  explicit wire(time_limits limits);
  ~wire();
  wire(const wire&) = delete;
  wire& operator=(const wire&) = delete;

  [[nodiscard]] wire_response perform(const wire_request& request);

private:
  struct handle;
  std::unique_ptr<handle> handle_;
  time_limits limits_;
};

} // namespace troupe::storage::s3
