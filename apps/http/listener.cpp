#include "apps/http/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>

namespace troupe::http {

namespace {

using boost::system::error_code;

// As much as the kernel allows by default (net.core.somaxconn): a burst of clients waits rather than being refused.
constexpr int backlog = 4'096;
// Connections accepted in one go before the first worker looks after those it has.
constexpr int accept_batch = 64;
// Connections over the bound that are told 503 at the same time; what comes beyond those is closed without a word.
constexpr std::size_t max_turned_away = 1'024;
// With no file descriptor left, accepting fails until a connection closes.
constexpr std::chrono::milliseconds descriptor_pause{50};

struct peer_address {
  std::string text;
  bool loopback;
};

peer_address describe(const sockaddr_storage& from) {
  char text[INET6_ADDRSTRLEN] = "";
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {text, (ntohl(v4.sin_addr.s_addr) >> 24U) == 127};
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
  const auto* bytes = v6.sin6_addr.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, bytes + 12, text, sizeof text);
    return {text, bytes[12] == 127};
  }
  inet_ntop(AF_INET6, bytes, text, sizeof text);
  return {text, IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0};
}

} // namespace

listener::listener(std::vector<std::shared_ptr<worker>> workers, std::shared_ptr<server_state> state)
    : workers_{std::move(workers)}, state_{std::move(state)}, acceptor_{workers_.front()->context().get_executor()},
      pause_{workers_.front()->context().get_executor()} {}

result<std::shared_ptr<listener>> listener::open(const std::string& address, std::uint16_t port,
  std::vector<std::shared_ptr<worker>> workers, std::shared_ptr<server_state> state) {
  error_code error;
  auto ip = asio::ip::make_address(address, error);
  if (error)
    return fail(ec::config_invalid, "address: expected an IPv4 or IPv6 address, got '" + address + "'");
  auto self = std::make_shared<listener>(std::move(workers), std::move(state));
  asio::ip::tcp::endpoint where{ip, port};
  auto& a = self->acceptor_;
  a.open(where.protocol(), error);
  if (!error)
    a.set_option(asio::socket_base::reuse_address{true}, error); // connections in TIME_WAIT do not block a restart
  if (!error)
    a.non_blocking(true, error);
  if (!error)
    a.bind(where, error);
  if (!error)
    a.listen(backlog, error);
  if (error) {
    auto why = error.message();
    why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
    auto host = ip.is_v6() ? "[" + address + "]" : address;
    return fail(ec::config_invalid, host + ":" + std::to_string(port) + ": " + why);
  }
  self->port_ = a.local_endpoint(error).port();
  return self;
}

void listener::start() {
  wait();
}

void listener::wait() {
  acceptor_.async_wait(acceptor::wait_read, [self = shared_from_this()](const error_code& error) {
    if (error || !self->acceptor_.is_open())
      return;
    if (self->accept_some())
      return self->wait();
    self->pause_.expires_after(descriptor_pause);
    self->pause_.async_wait([self](const error_code& cancelled) {
      if (!cancelled && self->acceptor_.is_open())
        self->wait();
    });
  });
}

// Returns false when the process is out of file descriptors or memory.
bool listener::accept_some() {
  for (int i = 0; i < accept_batch; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto fd =
      accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO)
        continue;
      return errno == EAGAIN || errno == EWOULDBLOCK;
    }
    // The count is exact: accepting happens on this thread alone, others only ever lower it.
    bool admitted = state_->admitted < state_->bounds.connections;
    if (!admitted && state_->turned_away >= max_turned_away) {
      ::close(fd);
      continue;
    }
    ++(admitted ? state_->admitted : state_->turned_away);
    int on = 1; // an answer's last piece must not wait for the client to acknowledge the one before
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto& to = workers_[next_++ % workers_.size()];
    auto peer = describe(from);
    if (to->here())
      to->adopt(fd, std::move(peer.text), peer.loopback, admitted);
    else
      to->post([to, fd, peer = std::move(peer), admitted]() mutable {
        to->adopt(fd, std::move(peer.text), peer.loopback, admitted);
      });
  }
  return true;
}

void listener::close() {
  if (!acceptor_.is_open())
    return;
  accept_some();
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

} // namespace troupe::http
