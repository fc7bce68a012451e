// All outbound HTTP of a node: libcurl's multi-socket interface on one epoll, on one thread of its own. Any thread
// hands in requests; each is answered exactly once, through its callback, on the loop's thread. Invariants: every
// request that start() took is answered, also when it is aborted or the loop goes down; an aborted transfer is torn
// down on the wire; the loop never blocks on anything but epoll, so that 5,000 hung transfers cost nothing; started ==
// in_flight + completed + aborted + refused (read at rest).
#pragma once

#include "messages/types.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace troupe {

struct http_loop_settings {
  /// Transfers at a time, those not yet picked up included; one more is answered ec::overloaded. Each may need a file
  /// descriptor, so this stays well below the file limit (file_limit.hpp).
  std::size_t max_transfers = 10'000;

  /// Connections to one host and port; further transfers wait for one within their own time-out. 0: no cap. The rate
  /// limiter's permits bound each provider far lower; this is the safety net under a wrong configuration.
  long host_connections = 256;

  /// Idle connections kept for reuse, over all hosts.
  long idle_connections = 256;

  /// For how long an idle connection may be reused. Below the 60 s after which common servers and NAT boxes drop one.
  long idle_seconds = 50;

  /// For how long a resolved name is believed; short enough to follow a provider that moves.
  long dns_seconds = 60;

  std::string user_agent = "troupe/0.1";

  /// PEM file of the certificate authorities to trust; empty: the system's own.
  std::string ca_bundle;

  /// Milliseconds since 1970, for a Retry-After that is a date; empty: the system's clock.
  std::function<std::int64_t()> wall_ms;
};

struct http_loop_counters {
  std::uint64_t in_flight = 0; ///< taken by start() and not yet answered
  std::uint64_t started = 0;   ///< all that start() took
  std::uint64_t completed = 0; ///< answered with a response, or with an error other than the next two
  std::uint64_t aborted = 0;   ///< answered ec::cancelled
  std::uint64_t refused = 0;   ///< answered ec::overloaded
  std::uint64_t sent = 0;      ///< requests put on a wire: more than one a transfer when a kept connection had died
  std::uint64_t bytes_in = 0;  ///< of bodies, after decompression, whether or not they ended well
};

class http_loop {
public:
  /// Called once for each request, on the loop's thread. Must neither block nor throw; may call start() and abort().
  using done = std::function<void(http_response)>;

  using settings = http_loop_settings;

  /// Starts the thread. Throws std::system_error or std::runtime_error when epoll, eventfd or libcurl cannot be had.
  explicit http_loop(settings config = {});

  /// Answers everything pending with ec::cancelled, then joins. Not from within a callback.
  ~http_loop();

  http_loop(const http_loop&) = delete;
  http_loop& operator=(const http_loop&) = delete;

  /// Hands in a request and returns its id, never 0; an empty callback is allowed. Thread-safe; never waits for the
  /// network.
  ///
  /// The answer has code ec::none for every complete HTTP answer, whatever its status. Otherwise: bad_request (method,
  /// url, a header field or a time-out is unusable; nothing was sent), provider_timeout (connecting or the whole
  /// attempt took too long), provider_unreachable (curl's words in `detail`, never the URL's query, which may hold a
  /// key), answer_too_large, overloaded, cancelled, internal.
  ///
  /// Redirects are not followed; the body comes decompressed; certificates are verified; no proxy is taken from the
  /// environment; HTTP/2 is used where TLS negotiates it. Time-outs are rounded up to whole milliseconds. A GET, HEAD,
  /// PUT or DELETE is sent once more when a kept connection turns out to be dead (RFC 9110, 9.2.2); a POST or PATCH
  /// never is.
  std::uint64_t start(http_request request, done callback);

  /// Tears the transfer down and answers it ec::cancelled; nothing happens when it is answered already. Thread-safe.
  void abort(std::uint64_t id);

  [[nodiscard]] http_loop_counters counters() const noexcept;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace troupe
