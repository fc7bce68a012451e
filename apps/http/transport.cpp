#include "apps/http/transport.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <sys/socket.h>
#include <unistd.h>

namespace troupe::http {

namespace {

// The longest plain text of a TLS record (RFC 8446, 5.1).
constexpr std::size_t record = 16'384;

bool would_block() noexcept {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

} // namespace

// The socket as OpenSSL's BIO sees it. Its own socket BIO would write without MSG_NOSIGNAL, and cannot know what a
// short read means on an edge-triggered socket.
struct transport::tls_state {
  tls_state(int descriptor, const tls_context& context, tls_tallies& c) : fd{descriptor}, counts{&c} {
    ssl = SSL_new(context.native());
    auto* bio = BIO_new(methods());
    if (ssl == nullptr || bio == nullptr) {
      SSL_free(ssl);
      BIO_free(bio);
      throw std::bad_alloc{};
    }
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
  }
  tls_state(const tls_state&) = delete;
  tls_state& operator=(const tls_state&) = delete;
  ~tls_state() {
    if (!established && received)
      counts->failed.add(1);
    SSL_free(ssl);
  }

  void note_handshake() {
    if (!established && SSL_is_init_finished(ssl) == 1) {
      established = true;
      counts->completed.add(1);
    }
  }

  // Best effort: a client that does not take it loses nothing.
  void say_close() {
    if (established && !failed) {
      ERR_clear_error();
      SSL_shutdown(ssl);
      ERR_clear_error();
    }
  }

  static tls_state& of(BIO* b) { return *static_cast<tls_state*>(BIO_get_data(b)); }

  static int read(BIO* b, char* to, int room) {
    auto& s = of(b);
    BIO_clear_retry_flags(b);
    while (!s.empty) {
      const auto n = ::recv(s.fd, to, static_cast<std::size_t>(room), 0);
      if (n > 0) {
        s.received = true;
        s.empty = n < room && !s.hung_up;
        return static_cast<int>(n);
      }
      if (n < 0 && errno == EINTR)
        continue;
      if (n == 0 || !would_block()) {
        s.ended = true;
        return static_cast<int>(n);
      }
      s.empty = true;
    }
    BIO_set_retry_read(b);
    return -1;
  }

  static int write(BIO* b, const char* from, int size) {
    auto& s = of(b);
    BIO_clear_retry_flags(b);
    for (;;) {
      const auto n = ::send(s.fd, from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
      if (n >= 0)
        return static_cast<int>(n);
      if (errno == EINTR)
        continue;
      if (would_block())
        BIO_set_retry_write(b);
      return -1;
    }
  }

  static long control(BIO* b, int what, long, void*) {
    if (what == BIO_CTRL_EOF)
      return of(b).ended ? 1 : 0;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static const BIO_METHOD* methods() {
    static const auto* const table = [] {
      auto* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "edge-triggered socket");
      BIO_meth_set_read(m, read);
      BIO_meth_set_write(m, write);
      BIO_meth_set_ctrl(m, control);
      return m;
    }();
    return table;
  }

  int fd;
  tls_tallies* counts;
  SSL* ssl = nullptr;
  bool empty = false; // the socket had no more at the last read
  bool hung_up = false;
  bool ended = false;
  bool received = false; // a byte has come: a mere probe of the port is no failed handshake
  bool established = false;
  bool failed = false; // no more may be said
};

transport::transport(int fd, const tls_context* tls, tls_tallies& counts) : fd_{fd} {
  if (tls != nullptr)
    tls_ = std::make_unique<tls_state>(fd, *tls, counts);
}

transport::~transport() {
  if (fd_ >= 0)
    ::close(fd_);
}

void transport::woken(bool hung_up) noexcept {
  hung_up_ = hung_up;
  if (tls_) {
    tls_->empty = false;
    tls_->hung_up = hung_up;
  }
}

received transport::read(char* to, std::size_t room) {
  using kind = received::kind;
  if (tls_)
    return read_tls(to, room);
  for (;;) {
    const auto n = ::recv(fd_, to, room, 0);
    if (n > 0) // epoll(7): a short read has emptied the socket, more will be a new event
      return {kind::bytes, static_cast<std::size_t>(n), static_cast<std::size_t>(n) < room && !hung_up_};
    if (n == 0)
      return {kind::end};
    if (would_block())
      return {kind::nothing};
    if (errno != EINTR)
      return {kind::lost};
  }
}

received transport::read_tls(char* to, std::size_t room) {
  using kind = received::kind;
  auto& s = *tls_;
  ERR_clear_error();
  std::size_t got = 0;
  const int done = SSL_read_ex(s.ssl, to, room, &got);
  s.note_handshake();
  if (done == 1)
    return {kind::bytes, got};
  switch (SSL_get_error(s.ssl, done)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE: // any event tries both ways again
    return {kind::nothing};
  case SSL_ERROR_ZERO_RETURN:
    return {kind::end};
  default:
    break;
  }
  s.failed = true;
  const bool http = !s.established && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  ERR_clear_error();
  if (!http)
    return {kind::lost};
  tls_.reset();
  return {kind::clear_text};
}

std::ptrdiff_t transport::write(std::string_view first, std::string_view second) {
  if (tls_)
    return write_tls(first, second);
  // The interface of sendmsg is not const-correct; it does not write to what it sends.
  iovec pieces[2] = {
    {const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = pieces;
  message.msg_iovlen = 2;
  for (;;) {
    const auto n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (n >= 0)
      return n;
    if (would_block())
      return 0;
    if (errno != EINTR)
      return -1;
  }
}

std::ptrdiff_t transport::write_tls(std::string_view first, std::string_view second) {
  // Head and body in one record, and with it in one system call. Copying is a hundredth of what encrypting costs.
  thread_local std::array<char, record> together;
  const auto head = std::min(first.size(), record);
  const auto body = std::min(second.size(), record - head);
  std::memcpy(together.data(), first.data(), head);
  if (body > 0)
    std::memcpy(together.data() + head, second.data(), body);
  auto& s = *tls_;
  ERR_clear_error();
  std::size_t sent = 0;
  const int done = SSL_write_ex(s.ssl, together.data(), head + body, &sent);
  s.note_handshake();
  if (done == 1)
    return static_cast<std::ptrdiff_t>(sent);
  const auto why = SSL_get_error(s.ssl, done);
  if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
    return 0;
  s.failed = true;
  ERR_clear_error();
  return -1;
}

void transport::finish_sending() {
  if (tls_)
    tls_->say_close();
  ::shutdown(fd_, SHUT_WR);
}

bool transport::has_more() const noexcept {
  char next = 0;
  return ::recv(fd_, &next, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void transport::close(bool reset) {
  if (fd_ < 0)
    return;
  if (reset) {
    const ::linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  } else if (tls_) {
    tls_->say_close();
  }
  tls_.reset();
  ::close(std::exchange(fd_, -1));
}

} // namespace troupe::http
