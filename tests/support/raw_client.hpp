// A blocking TCP client for tests that care about bytes: no HTTP library stands between the test and the wire. Every
// receive gives up after 5 s, so a server that never answers fails a test rather than hanging it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::test {

/// One answer as it came.
struct raw_response {
  int status = 0;   ///< 0: none came
  std::string head; ///< status line and fields, without the empty line
  std::string body;

  /// The value of a field, by its name as the server writes it, or "".
  [[nodiscard]] std::string field(std::string_view name) const {
    auto at = head.find("\r\n" + std::string{name} + ": ");
    if (at == std::string::npos)
      return {};
    at += name.size() + 4;
    return head.substr(at, head.find("\r\n", at) - at);
  }
};

class raw_client {
public:
  explicit raw_client(std::uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    timeval patience{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  raw_client(raw_client&& other) noexcept
      : fd_{std::exchange(other.fd_, -1)}, connected_{other.connected_}, buffer_{std::move(other.buffer_)} {}
  raw_client& operator=(raw_client&&) = delete;
  ~raw_client() { close(); }

  [[nodiscard]] bool connected() const noexcept { return connected_; }

  /// Sends all of it; false when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Tells the server that no more will be sent.
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  void close() {
    if (fd_ >= 0)
      ::close(std::exchange(fd_, -1));
  }

  /// Everything until the server closes. Throws when it does not within the time-out.
  std::string read_all() {
    while (receive()) {
    }
    return std::exchange(buffer_, {});
  }

  /// What has arrived and not been read, at least one byte; nothing at the end.
  std::string read_some() {
    if (buffer_.empty())
      receive();
    return std::exchange(buffer_, {});
  }

  /// Puts back what was read too much.
  void unread(std::string_view bytes) { buffer_.insert(0, bytes); }

  /// Whether the end that was found was a reset.
  [[nodiscard]] bool was_reset() const noexcept { return reset_; }

  /// Leaves with a reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

  /// Whether the connection ends (closed or reset) before another byte arrives.
  bool is_closed() { return buffer_.empty() && !receive(); }

  /// One answer with its body as Content-Length says (none for `head_only`). Status 0 when the server closed before.
  raw_response read_response(bool head_only = false) {
    raw_response r;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!receive())
        return r;
    r.head = buffer_.substr(0, end);
    buffer_.erase(0, end + 4);
    auto length = head_only ? 0U : std::strtoul(r.field("Content-Length").c_str(), nullptr, 10);
    while (buffer_.size() < length)
      if (!receive())
        break;
    r.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    r.status = std::atoi(r.head.substr(9, 3).c_str());
    return r;
  }

private:
  // Returns false at the end of the stream.
  bool receive() {
    char piece[16384];
    auto n = ::recv(fd_, piece, sizeof piece, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      throw std::runtime_error{"no byte from the server in 5 s; so far: " + buffer_};
    reset_ = n < 0 && errno == ECONNRESET;
    if (n <= 0)
      return false;
    buffer_.append(piece, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  bool connected_ = false;
  bool reset_ = false;
  std::string buffer_;
};

/// One request on a connection of its own, and everything that came back until the server closed.
inline std::string raw_exchange(std::uint16_t port, std::string_view bytes) {
  raw_client client{port};
  client.send(bytes);
  return client.read_all();
}

} // namespace troupe::test
