#include "apps/bridge/api_keys.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace troupe {
namespace {

constexpr std::string_view prefix = "troupe_"; // by which secret scanners know one
constexpr std::size_t random_bytes = 32;
constexpr std::size_t longest_key = 256; // other than ours may have been hashed into the file; none is longer

std::string hex(const unsigned char* bytes, std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * size);
  for (std::size_t i = 0; i < size; ++i) {
    out += digits[bytes[i] >> 4U];
    out += digits[bytes[i] & 15U];
  }
  return out;
}

std::uint64_t first_bytes(const key_digest& d) {
  std::uint64_t out = 0;
  std::memcpy(&out, d.data(), sizeof out);
  return out;
}

bool is_bearer(std::string_view value) {
  constexpr std::string_view scheme = "bearer "; // schemes have no case (RFC 9110, 11.1)
  return value.size() > scheme.size()
         && std::equal(scheme.begin(), scheme.end(), value.begin(),
           [](char ours, char theirs) { return ours == (theirs >= 'A' && theirs <= 'Z' ? theirs + 32 : theirs); });
}

} // namespace

key_digest digest_of(std::string_view key) {
  // Looking the algorithm up and making a context cost more than hashing 71 bytes.
  static const auto* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
  key_digest out{};
  if (sha256 == nullptr || !context || EVP_DigestInit_ex2(context.get(), sha256, nullptr) != 1
      || EVP_DigestUpdate(context.get(), key.data(), key.size()) != 1
      || EVP_DigestFinal_ex(context.get(), out.data(), nullptr) != 1)
    throw std::bad_alloc{};
  return out;
}

std::string to_hex(const key_digest& d) {
  return hex(d.data(), d.size());
}

result<std::string> make_key() {
  std::array<unsigned char, random_bytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail(ec::config_invalid, "the system gives no random numbers");
  return std::string{prefix} + hex(bytes.data(), bytes.size());
}

std::string_view presented_key(const http::request& request) noexcept {
  auto authorization = request.value("Authorization");
  if (!is_bearer(authorization))
    return request.value("X-API-Key");
  authorization.remove_prefix(7);
  while (authorization.starts_with(' '))
    authorization.remove_prefix(1);
  return authorization;
}

api_key::api_key(key_entry e, std::shared_ptr<std::atomic<std::int64_t>> used)
    : entry_{std::move(e)}, client_{"key " + entry_.name}, used_{std::move(used)} {}

bool api_key::may_ask(std::string_view route) const noexcept {
  return entry_.routes.empty() || std::find(entry_.routes.begin(), entry_.routes.end(), route) != entry_.routes.end();
}

verdict api_key::charge(std::chrono::nanoseconds now) const noexcept {
  const auto& own = *entry_.limit;
  const auto interval = own.period.count() / own.limit;
  auto seen = used_->load(std::memory_order_relaxed);
  for (;;) {
    const auto next = gcra_step(seen, now.count(), interval, own.limit);
    if (!next.said.allowed || used_->compare_exchange_weak(seen, next.new_tat, std::memory_order_relaxed))
      return next.said;
  }
}

api_keys::api_keys(std::vector<key_entry> entries, const api_keys* previous) {
  std::unordered_map<std::string, std::shared_ptr<std::atomic<std::int64_t>>> used;
  if (previous != nullptr)
    for (const auto& [ignored, key] : previous->by_prefix_)
      used.emplace(key->name(), key->used_);
  for (auto& e : entries) {
    auto& word = used[e.name];
    if (!word)
      word = std::make_shared<std::atomic<std::int64_t>>(0);
    const auto where = first_bytes(e.digest);
    by_prefix_.emplace(where, std::make_shared<const api_key>(std::move(e), word));
  }
}

std::shared_ptr<const api_key> api_keys::find(std::string_view key) const {
  if (key.empty() || key.size() > longest_key)
    return nullptr;
  const auto digest = digest_of(key);
  const auto [from, to] = by_prefix_.equal_range(first_bytes(digest));
  for (auto at = from; at != to; ++at)
    if (CRYPTO_memcmp(at->second->entry_.digest.data(), digest.data(), digest.size()) == 0)
      return at->second;
  return nullptr;
}

} // namespace troupe
