// The published hot index: finished answers that the bridge's I/O threads read without a message. Each key has one
// writer, its cache shard; readers share what it published. Striped mutexes over open-addressed tables, nothing
// cleverer: a lock is held for one look-up and one reference count, or for moving one stripe to a larger table (100 us
// at a million answers).
#pragma once

#include "actors/cache/hot_entry.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace troupe {

/// The hash by which the cache knows a key, the same on every machine (XXH3, 64 bits).
[[nodiscard]] std::uint64_t hash_of_key(std::string_view key) noexcept;

class hot_index {
public:
  /// The answer under this key, fresh or not, marked as read; null when there is none.
  [[nodiscard]] rendered_ptr find(std::string_view key) const;

  /// The same, without the mark: for the key's shard.
  [[nodiscard]] rendered_ptr peek(std::string_view key) const;

  /// Publishes an answer, in place of an earlier one with its key. By the key's shard alone.
  void publish(rendered_ptr answer);

  /// After this returns no reader finds the key any more. By the key's shard alone.
  void unpublish(std::string_view key);

  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

private:
  // Linear probing over 32 bits of the hash, which an entry's own memory is read behind only when they match.
  // Invariant: between an entry and its home there is no free place.
  struct alignas(64) stripe { // a cache line of its own
    mutable std::mutex lock;
    std::vector<std::uint32_t> tags; // 0: free
    std::vector<rendered_ptr> entries;
    std::size_t size = 0;

    [[nodiscard]] std::size_t home_of(std::uint32_t tag) const noexcept {
      return (std::uint64_t{tag} * tags.size()) >> 32;
    }
    [[nodiscard]] std::size_t next(std::size_t at) const noexcept { return at + 1 == tags.size() ? 0 : at + 1; }
    /// Where the key stands, or the free place where it would; there is one.
    [[nodiscard]] std::size_t place_of(std::uint32_t tag, std::string_view key) const noexcept;
    void grow_if_full();
    [[nodiscard]] rendered_ptr remove(std::size_t at) noexcept;
  };

  struct spot {
    stripe& in;
    std::uint32_t tag;
  };
  [[nodiscard]] spot spot_of(std::string_view key) const noexcept;

  // 64: with a handful of I/O threads the chance that two want one stripe at once is a few per cent.
  mutable std::array<stripe, 64> stripes_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::size_t> bytes_{0};
};

} // namespace troupe
