#include "apps/http/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include <sys/stat.h>
#include <unistd.h>

namespace troupe::http {

namespace {

// Mozilla's "intermediate" list (https://wiki.mozilla.org/Security/Server_Side_TLS, 5.7) without finite-field
// Diffie-Hellman, which no client that knows TLS 1.2 needs. TLS 1.3 has good ciphers alone.
constexpr auto* ciphers_12 = "ECDHE+AESGCM:ECDHE+CHACHA20";

// One ticket a handshake instead of two: a second one serves clients that open connections in parallel at once.
constexpr std::size_t tickets = 1;

std::string last_error() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const auto* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "unknown error";
}

result<void> check_file(const std::string& path, bool secret) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || ::access(path.c_str(), R_OK) != 0)
    return fail(ec::config_invalid, path + ": cannot be read: " + std::strerror(errno));
  if (!S_ISREG(found.st_mode))
    return fail(ec::config_invalid, path + ": expected a file");
  if (secret && (found.st_mode & S_IRWXO) != 0)
    return fail(ec::config_invalid, path + ": others may read this key; expected mode 0600 (or 0640 with a group)");
  return ok();
}

// Protocols are length-prefixed names. A client that insists on others is refused, as RFC 7301 3.2 wants it.
int choose_protocol(
  SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered, unsigned int size, void*) {
  constexpr std::string_view ours = "http/1.1";
  for (unsigned int i = 0; i < size; i += 1U + offered[i]) {
    if (i + 1U + offered[i] > size)
      break;
    if (std::string_view{reinterpret_cast<const char*>(offered + i + 1), offered[i]} == ours) {
      *out = offered + i + 1;
      *out_size = offered[i];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// A key that needs a pass phrase is an error, never a prompt on the terminal.
int no_pass_phrase(char*, int, int, void*) {
  return 0;
}

} // namespace

result<std::shared_ptr<const tls_context>> tls_context::load(const std::string& certificate, const std::string& key) {
  if (auto readable = check_file(certificate, false); !readable)
    return readable.as_failure();
  if (auto readable = check_file(key, true); !readable)
    return readable.as_failure();
  ERR_clear_error();
  const std::shared_ptr<SSL_CTX> context{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  auto* c = context.get();
  if (c == nullptr || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1
      || SSL_CTX_set_cipher_list(c, ciphers_12) != 1)
    return fail(ec::config_invalid, "TLS: " + last_error());
  // A client that ends without a close_notify is one that has left: requests say their own length, so nothing can be
  // cut short unseen.
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // RELEASE_BUFFERS: 34 kB less for each idle connection.
  SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(c, 1); // one system call a record rather than one for its head and one for the rest
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); // tickets need no memory of ours
  SSL_CTX_set_num_tickets(c, tickets);
  SSL_CTX_set_alpn_select_cb(c, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(c, no_pass_phrase);
  if (SSL_CTX_use_certificate_chain_file(c, certificate.c_str()) != 1)
    return fail(ec::config_invalid, certificate + ": expected a certificate in PEM: " + last_error());
  if (SSL_CTX_use_PrivateKey_file(c, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(ec::config_invalid, key + ": expected the key of " + certificate + " in PEM: " + last_error());
  if (SSL_CTX_check_private_key(c) != 1)
    return fail(ec::config_invalid, key + ": is not the key of " + certificate + ": " + last_error());
  return std::make_shared<const tls_context>(context);
}

} // namespace troupe::http
