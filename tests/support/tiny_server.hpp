// An upstream that misbehaves on demand, on blocking sockets: one thread for each connection runs the test's script.
// Listens on 127.0.0.1, port 0. Its destructor cuts every connection and joins every thread.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace troupe::test {

class tiny_server {
public:
  /// What a script has of its client.
  class connection {
  public:
    connection(int fd, std::size_t number) : fd_{fd}, number_{number} {}

    /// Which connection of this server it is, from 1.
    [[nodiscard]] std::size_t number() const noexcept { return number_; }

    /// The next request, its head and its body by Content-Length; empty when the client has left.
    std::string read_request() {
      std::size_t needed = 0;
      for (;;) {
        if (needed == 0) {
          if (const auto end = pending_.find("\r\n\r\n"); end != std::string::npos)
            needed = end + 4 + body_length(std::string_view{pending_}.substr(0, end));
        }
        if (needed != 0 && pending_.size() >= needed) {
          auto request = pending_.substr(0, needed);
          pending_.erase(0, needed);
          return request;
        }
        char chunk[4096];
        const auto got = ::recv(fd_, chunk, sizeof(chunk), 0);
        if (got <= 0)
          return {};
        pending_.append(chunk, static_cast<std::size_t>(got));
      }
    }

    /// False when the client has left.
    bool write(std::string_view bytes) {
      while (!bytes.empty()) {
        const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
          return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }

    /// Blocks until the client closes, whatever else it sends.
    void wait_for_close() {
      char chunk[4096];
      while (::recv(fd_, chunk, sizeof(chunk), 0) > 0) {
      }
    }

    /// Closes with a RST instead of a FIN.
    void reset() {
      const linger at_once{1, 0};
      ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }

  private:
    static std::size_t body_length(std::string_view head) {
      const auto at = head.find("Content-Length: ");
      return at == std::string_view::npos ? 0 : std::stoul(std::string{head.substr(at + 16)});
    }

    int fd_;
    std::size_t number_;
    std::string pending_;
  };

  using script = std::function<void(connection&)>;

  explicit tiny_server(script behaviour) : behaviour_{std::move(behaviour)} {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, raw, size) != 0 || ::listen(listener_, 1024) != 0
        || ::getsockname(listener_, raw, &size) != 0)
      throw std::runtime_error{"tiny_server: cannot listen"};
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread{[this] { accept_all(); }};
  }

  ~tiny_server() {
    ::shutdown(listener_, SHUT_RDWR); // wakes accept
    acceptor_.join();
    ::close(listener_);
    {
      std::lock_guard guard{mutex_};
      for (const int fd : open_)
        ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& each : threads_)
      each.join();
  }

  tiny_server(const tiny_server&) = delete;
  tiny_server& operator=(const tiny_server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url(std::string_view target = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string{target};
  }
  /// Connections so far.
  [[nodiscard]] std::size_t accepted() const noexcept { return accepted_; }

private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0)
        return;
      std::lock_guard guard{mutex_};
      open_.insert(fd);
      threads_.emplace_back([this, fd, number = ++accepted_] { serve(fd, number); });
    }
  }

  void serve(int fd, std::size_t number) {
    connection client{fd, number};
    behaviour_(client);
    std::lock_guard guard{mutex_};
    open_.erase(fd);
    ::close(fd);
  }

  script behaviour_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> accepted_{0};
  std::mutex mutex_;
  std::set<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

} // namespace troupe::test
