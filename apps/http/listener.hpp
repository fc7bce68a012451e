// The listening socket: accepts on one worker's loop and hands the connections to all workers in turn.
//
// One socket rather than one a thread with SO_REUSEPORT: that would share a port with another running instance without
// a word, and could not bind port 0 twice. Accepting costs 5 us a connection and is not what a thread spends its time
// on.
#pragma once

#include "apps/http/worker.hpp"

namespace troupe::http {

class listener : public std::enable_shared_from_this<listener> {
public:
  /// Binds and listens. Errors: "127.0.0.1:8787: address already in use".
  [[nodiscard]] static result<std::shared_ptr<listener>> open(const std::string& address, std::uint16_t port,
    std::vector<std::shared_ptr<worker>> workers, std::shared_ptr<server_state> state);

  listener(std::vector<std::shared_ptr<worker>> workers, std::shared_ptr<server_state> state);

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// Starts to accept. Before the workers' threads run, or on the first worker's thread.
  void start();

  /// Takes what waits in the backlog, then stops listening. On the first worker's thread.
  void close();

private:
  using acceptor = asio::basic_socket_acceptor<asio::ip::tcp, loop_executor>;

  void wait();
  bool accept_some();

  std::vector<std::shared_ptr<worker>> workers_;
  std::shared_ptr<server_state> state_;
  acceptor acceptor_;
  loop_timer pause_;
  std::uint16_t port_ = 0;
  std::size_t next_ = 0;
};

} // namespace troupe::http
