// Replay: an upstream that answers as the real APIs do, from recorded bodies or from a catalogue of books, with faults
// on demand. What `troupe replay`, the demo, the tests and the benchmarks start.
#pragma once

#include "apps/http/server.hpp"
#include "apps/replay/faults.hpp"
#include "messages/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::replay {

class replay_handler;

struct options {
  std::string manifest;  ///< path of a MANIFEST.json; empty: none
  std::string catalogue; ///< path of a catalogue CSV; empty: none. Recorded bodies go before it
  std::string address = "127.0.0.1";
  std::uint16_t port = 0; ///< 0 picks a free one
  std::size_t threads = 1;
  std::uint64_t seed = 1;    ///< of the faults' draws
  std::vector<fault> faults; ///< set from the start, in this order
};

/// A running replay; destroying it stops it.
class server {
public:
  /// Reads the files, then listens. Fails with one line: what is wrong in which file, or why the address cannot be
  /// listened on. One of manifest and catalogue must be given.
  [[nodiscard]] static result<std::unique_ptr<server>> start(const options& o);

  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Closes every connection at once, hung ones too, and waits for the threads. A second call does nothing.
  void stop();

private:
  server(std::unique_ptr<replay_handler> handler, http::server listener);

  std::unique_ptr<replay_handler> handler_; // must outlive the listener
  std::unique_ptr<http::server> listener_;  // null once stopped
  std::uint16_t port_;
};

} // namespace troupe::replay
