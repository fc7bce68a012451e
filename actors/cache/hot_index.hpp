// The published hot index: finished answers that the bridge's I/O threads read without a message. Each key has one
// writer, its cache shard; readers share what it published. Striped mutexes over hash maps, nothing cleverer: a lock is
// held for one look-up and one reference count.
#pragma once

#include "messages/types.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe {

/// A finished answer. Immutable once published, but for the marks that readers leave.
struct rendered {
  std::int32_t status = 200;
  blob plain;
  blob gzip;        // empty: not compressed (yet)
  std::string head; // fixed header lines, complete with CRLF
  std::string etag;
  std::chrono::nanoseconds stored_at{};        // steady clock
  std::chrono::nanoseconds fresh_until{};      // steady clock
  std::chrono::nanoseconds dead_at{};          // steady clock: until then it may be served stale
  mutable std::atomic<bool> touched{false};    // read since the shard's clock hand last passed
  mutable std::atomic<bool> gzip_asked{false}; // somebody has sent the shard a wish to compress it

  /// What it costs to keep: bodies, head, and about 250 bytes of bookkeeping.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return plain.view().size() + gzip.view().size() + head.size() + etag.size() + 250;
  }
};
using rendered_ptr = std::shared_ptr<const rendered>;

class hot_index {
public:
  /// The answer under this key, fresh or not, marked as touched; null when there is none.
  [[nodiscard]] rendered_ptr find(std::string_view key) const;

  /// Publishes an answer, in place of an earlier one. By the key's shard alone.
  void publish(std::string_view key, rendered_ptr answer);

  /// After this returns no reader finds the key any more. By the key's shard alone.
  void unpublish(std::string_view key);

  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

private:
  // So that a heterogeneous find takes a string_view and allocates nothing.
  struct hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  struct alignas(64) stripe { // a cache line of its own
    mutable std::mutex lock;
    std::unordered_map<std::string, rendered_ptr, hash, std::equal_to<>> map;
  };

  [[nodiscard]] stripe& stripe_of(std::string_view key) const noexcept;

  // 64: with a handful of I/O threads the chance that two want one stripe at once is a few per cent.
  mutable std::array<stripe, 64> stripes_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::size_t> bytes_{0};
};

} // namespace troupe
