#include "storage/digest.hpp"

#include <new>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <vector>

namespace troupe::storage {
namespace {

void must(int done) {
  if (done != 1)
    throw std::bad_alloc{};
}

const unsigned char* bytes_of(std::string_view text) noexcept {
  return static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
}

} // namespace

struct sha256_hash::context {
  EVP_MD_CTX* handle = EVP_MD_CTX_new();
  context() = default;
  context(const context&) = delete;
  context& operator=(const context&) = delete;
  ~context() { EVP_MD_CTX_free(handle); }
};

sha256_hash::sha256_hash() : context_{std::make_unique<context>()} {
  if (context_->handle == nullptr)
    throw std::bad_alloc{};
  must(EVP_DigestInit_ex(context_->handle, EVP_sha256(), nullptr));
}

sha256_hash::~sha256_hash() = default;

void sha256_hash::update(std::string_view bytes) {
  must(EVP_DigestUpdate(context_->handle, bytes.data(), bytes.size()));
}

sha256_bytes sha256_hash::finish() {
  auto out = sha256_bytes{};
  must(EVP_DigestFinal_ex(context_->handle, out.data(), nullptr));
  return out;
}

sha256_bytes sha256(std::string_view bytes) {
  auto hash = sha256_hash{};
  hash.update(bytes);
  return hash.finish();
}

sha256_bytes hmac_sha256(std::string_view key, std::string_view bytes) {
  auto out = sha256_bytes{};
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(bytes), bytes.size(), out.data(), nullptr)
      == nullptr)
    throw std::bad_alloc{};
  return out;
}

std::string to_hex(std::string_view bytes) {
  constexpr auto digits = std::string_view{"0123456789abcdef"};
  auto out = std::string{};
  out.reserve(bytes.size() * 2);
  for (const auto c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
  return out;
}

std::string random_name(std::size_t bytes) {
  auto raw = std::vector<unsigned char>(bytes);
  must(RAND_bytes(raw.data(), static_cast<int>(bytes)));
  return to_hex({static_cast<const char*>(static_cast<const void*>(raw.data())), raw.size()});
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace troupe::storage
