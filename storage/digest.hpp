// SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104), by OpenSSL: for the checksums of objects and for signatures.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::storage {

using sha256_bytes = std::array<unsigned char, 32>;

/// A hash under way. OpenSSL fails here only when memory runs out; that ends the program, as std::bad_alloc would.
class sha256_hash {
public:
  sha256_hash();
  ~sha256_hash();
  sha256_hash(const sha256_hash&) = delete;
  sha256_hash& operator=(const sha256_hash&) = delete;

  void update(std::string_view bytes);
  /// Once; then only destruction is allowed.
  [[nodiscard]] sha256_bytes finish();

private:
  struct context;
  std::unique_ptr<context> context_;
};

[[nodiscard]] sha256_bytes sha256(std::string_view bytes);
[[nodiscard]] sha256_bytes hmac_sha256(std::string_view key, std::string_view bytes);

/// The bytes as text of a hash, for use as an HMAC's key.
[[nodiscard]] inline std::string_view as_text(const sha256_bytes& hash) noexcept {
  return {static_cast<const char*>(static_cast<const void*>(hash.data())), hash.size()};
}

/// Lower-case hex digits, two a byte.
[[nodiscard]] std::string to_hex(std::string_view bytes);

/// `bytes` random bytes as hex digits; for names that must not collide, not for secrets.
[[nodiscard]] std::string random_name(std::size_t bytes);

/// Compares in a time that depends on the lengths alone, so that nobody finds out a signature byte by byte.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

} // namespace troupe::storage
