// The bytes of one connection: a socket, with or without TLS. Owns the descriptor.
//
// The socket is non-blocking and watched by edges, so both ways say when there is nothing more for now. Without TLS
// each call is one system call; with TLS a short read is remembered as the end of what there was, which spares the
// read that would only find nothing: a request and its answer take two system calls either way.
#pragma once

#include "apps/http/tls.hpp"
#include "apps/http/worker.hpp"

#include <memory>
#include <string_view>

namespace troupe::http {

/// What a read found.
struct received {
  enum class kind : std::uint8_t {
    bytes,     ///< `count` of them
    nothing,   ///< for now
    end,       ///< the client has closed its sending half
    lost,      ///< the connection is of no use any more
    clear_text ///< plain HTTP where TLS was expected; the transport is without TLS from now on
  };
  kind what = kind::nothing;
  std::size_t count = 0;
  bool drained = false; ///< with bytes: no more until the next event
};

class transport {
public:
  /// Takes the descriptor. `tls` may be null; `counts` get the handshakes and outlive this.
  transport(int fd, const tls_context* tls, tls_tallies& counts);
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;
  ~transport();

  [[nodiscard]] int descriptor() const noexcept { return fd_; }
  [[nodiscard]] bool secure() const noexcept { return tls_ != nullptr; }

  /// An event of the socket has come. `hung_up`: the last byte is in it, no further event will come.
  void woken(bool hung_up) noexcept;

  [[nodiscard]] received read(char* to, std::size_t room);

  /// Sends of both together as much as there is room for. Returns how much that was, 0 to wait for an event, -1 when
  /// the connection is lost. What was not sent is to be offered again, unchanged.
  [[nodiscard]] std::ptrdiff_t write(std::string_view first, std::string_view second);

  /// Tells the client that no more will be sent.
  void finish_sending();

  /// Whether bytes have arrived that nobody has read.
  [[nodiscard]] bool has_more() const noexcept;

  /// Closes; with a reset the client learns at once, and the kernel keeps nothing for it.
  void close(bool reset = false);

private:
  struct tls_state;

  [[nodiscard]] received read_tls(char* to, std::size_t room);
  [[nodiscard]] std::ptrdiff_t write_tls(std::string_view first, std::string_view second);

  int fd_;
  bool hung_up_ = false;
  std::unique_ptr<tls_state> tls_;
};

} // namespace troupe::http
