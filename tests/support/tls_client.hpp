// A blocking TLS client for tests, and certificates made by the `openssl` command in a directory of the test's own.
#pragma once

#include "tests/support/raw_client.hpp"
#include "tests/support/temp_directory.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <netinet/tcp.h>
#include <sys/stat.h>

namespace troupe::test {

struct certificate_files {
  std::string certificate;
  std::string key;
};

/// A self-signed certificate of that name, valid for a day. Elliptic: an RSA key takes seconds under a sanitizer.
inline certificate_files make_certificate(const temp_directory& dir, const std::string& name) {
  certificate_files out{dir.file(name + ".crt"), dir.file(name + ".key")};
  const auto command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN="
                       + name + " -out " + out.certificate + " -keyout " + out.key + " 2>/dev/null";
  if (std::system(command.c_str()) != 0)
    throw std::runtime_error{"failed: " + command};
  ::chmod(out.key.c_str(), 0600);
  return out;
}

class tls_client {
public:
  struct options {
    int highest = TLS1_3_VERSION;
    std::string alpn{}; // length-prefixed names
    SSL_SESSION* resume = nullptr;
  };

  explicit tls_client(std::uint16_t port) : tls_client{port, options{}} {}
  tls_client(std::uint16_t port, const options& o)
      : context_{SSL_CTX_new(TLS_client_method()), SSL_CTX_free}, fd_{
                                                                    ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const timeval patience{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
      return;
    SSL_CTX_set_security_level(context_.get(), 0); // so that it can offer what the server has to refuse
    SSL_CTX_set_max_proto_version(context_.get(), o.highest);
    ssl_ = SSL_new(context_.get());
    if (!o.alpn.empty())
      SSL_set_alpn_protos(
        ssl_, reinterpret_cast<const unsigned char*>(o.alpn.data()), static_cast<unsigned int>(o.alpn.size()));
    if (o.resume != nullptr)
      SSL_set_session(ssl_, o.resume);
    SSL_set_fd(ssl_, fd_);
    connected_ = SSL_connect(ssl_) == 1;
  }
  tls_client(const tls_client&) = delete;
  tls_client& operator=(const tls_client&) = delete;
  ~tls_client() {
    SSL_free(ssl_);
    ::close(fd_);
  }

  /// Whether the handshake was completed.
  [[nodiscard]] bool connected() const noexcept { return connected_; }
  [[nodiscard]] SSL* native() const noexcept { return ssl_; }
  [[nodiscard]] int descriptor() const noexcept { return fd_; }

  /// The name in the server's certificate.
  [[nodiscard]] std::string server_name() const {
    char name[256] = "";
    auto* certificate = SSL_get1_peer_certificate(ssl_);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    X509_free(certificate);
    return name;
  }

  [[nodiscard]] std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  bool send(std::string_view bytes) {
    return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
  }

  /// Sends a close_notify and no more.
  void finish_sending() { SSL_shutdown(ssl_); }

  raw_response read_response() {
    raw_response r;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!receive())
        return r;
    r.head = buffer_.substr(0, end);
    buffer_.erase(0, end + 4);
    const auto length = std::strtoul(r.field("Content-Length").c_str(), nullptr, 10);
    while (buffer_.size() < length)
      if (!receive())
        break;
    r.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    r.status = std::atoi(r.head.substr(9, 3).c_str());
    return r;
  }

  /// What has arrived and not been read, at least one byte; nothing at the end.
  std::string read_some() {
    if (buffer_.empty())
      receive();
    return std::exchange(buffer_, {});
  }

  /// Puts back what was read too much.
  void unread(std::string_view bytes) { buffer_.insert(0, bytes); }

  /// Whether the server ends the connection, by a close_notify, before another byte.
  bool is_closed() { return buffer_.empty() && !receive() && SSL_get_shutdown(ssl_) == SSL_RECEIVED_SHUTDOWN; }

private:
  bool receive() {
    char piece[16384];
    const int n = SSL_read(ssl_, piece, sizeof piece);
    if (n <= 0 && SSL_get_error(ssl_, n) == SSL_ERROR_SYSCALL && (errno == EAGAIN || errno == EWOULDBLOCK))
      throw std::runtime_error{"no byte from the server in 5 s; so far: " + buffer_};
    if (n > 0)
      buffer_.append(piece, static_cast<std::size_t>(n));
    return n > 0;
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  int fd_;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
  std::string buffer_;
};

} // namespace troupe::test
