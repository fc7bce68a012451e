// The certificate and key that a listening socket speaks TLS with. No OpenSSL in this header.
//
// TLS 1.2 and 1.3, forward-secret authenticated ciphers alone, no renegotiation, no compression, ALPN "http/1.1",
// session tickets (stateless; their keys live and die with the context, so a reload ends them).
#pragma once

#include "messages/result.hpp"

#include <memory>
#include <string>

struct ssl_ctx_st; // OpenSSL's SSL_CTX

namespace troupe::http {

class tls_context {
public:
  /// Reads a certificate with its chain (PEM, the server's own first) and its private key (PEM, not encrypted). Errors
  /// are one line that names the file and what is wrong: it cannot be read, holds no certificate, the key belongs to
  /// another certificate, or may be read by everybody (mode o+r; a group, as Debian's ssl-cert, may).
  [[nodiscard]] static result<std::shared_ptr<const tls_context>> load(
    const std::string& certificate, const std::string& key);

  explicit tls_context(std::shared_ptr<ssl_ctx_st> context) noexcept : context_{std::move(context)} {}

  [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_.get(); }

private:
  std::shared_ptr<ssl_ctx_st> context_;
};

} // namespace troupe::http
