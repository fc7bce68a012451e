// One finished answer as the hot tier keeps it. Entry, key, ETag and reference count are one allocation and the fixed
// header lines are shared among entries, because at a million answers of 1 kB every string and control block of its own
// would cost 5 % of the memory. Immutable once published, but for the marks that readers leave and the links of the one
// shard that keeps it.
#pragma once

#include "messages/types.hpp"

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// A finished answer, as a value: what a shard hands to its store.
struct rendered {
  std::int32_t status = 200; // of HTTP: three digits
  blob plain;
  blob gzip;                              // empty: not compressed (yet)
  blob head;                              // fixed header lines, complete with CRLF, all but the ETag
  std::string etag;                       // at most 65,535 bytes
  std::chrono::nanoseconds stored_at{};   // steady clock
  std::chrono::nanoseconds fresh_until{}; // steady clock
  std::chrono::nanoseconds dead_at{};     // steady clock: until then it may be served stale

  /// What it costs to keep, but for its key: bodies, ETag, and what the entry and its places in tables take. The head
  /// is shared.
  [[nodiscard]] std::size_t bytes() const noexcept { return cost(plain, gzip, etag.size()); }

  [[nodiscard]] static std::size_t cost(const blob& plain, const blob& gzip, std::size_t etag_size) noexcept {
    // Measured (bench/cache_policy_bench): 104 for the entry, 64 for a body's own string and count, 16 for the index, 8
    // for the memory of who left, the rest is the allocator's.
    constexpr std::size_t bookkeeping = 224;
    constexpr std::size_t second_body = 80;
    return plain.view().size() + etag_size + bookkeeping + (gzip.empty() ? 0 : gzip.view().size() + second_body);
  }
};

class hot_entry;
using rendered_ptr = boost::intrusive_ptr<const hot_entry>;

class hot_entry {
public:
  /// A copy of the answer under its key, which has at most 4 GiB; the bodies are shared. Nobody has read it yet.
  [[nodiscard]] static boost::intrusive_ptr<hot_entry> make(std::string_view key, const rendered& answer);

  hot_entry(const hot_entry&) = delete;
  hot_entry& operator=(const hot_entry&) = delete;

  const blob plain;
  const blob gzip;
  const blob head;
  const std::chrono::nanoseconds stored_at;
  const std::chrono::nanoseconds fresh_until;
  const std::chrono::nanoseconds dead_at;

  [[nodiscard]] std::int32_t status() const noexcept { return status_; }
  [[nodiscard]] std::string_view key() const noexcept { return {text(), key_size_}; }
  [[nodiscard]] std::string_view etag() const noexcept { return {text() + key_size_, etag_size_}; }

  /// What it costs to keep, the key included.
  [[nodiscard]] std::size_t bytes() const noexcept { return rendered::cost(plain, gzip, etag_size_) + key_size_; }

  /// The answer as a value again, for a copy with something changed.
  [[nodiscard]] rendered value() const;

  /// Notes that somebody has read it. Any thread.
  void touch() const noexcept {
    // Stored only when it changes: readers of a popular key then share the cache line. Two that store at once count as
    // one, which does not matter.
    if (const auto n = reads_.load(std::memory_order_relaxed); n < most_reads)
      reads_.store(n + 1, std::memory_order_relaxed);
  }

  /// True for the first one that asks: it should send the shard the wish to compress. Any thread.
  [[nodiscard]] bool ask_for_gzip() const noexcept { return !gzip_asked_.exchange(true); }

private:
  friend class hot_store; // reads_, links_
  friend void intrusive_ptr_add_ref(const hot_entry* e) noexcept;
  friend void intrusive_ptr_release(const hot_entry* e) noexcept;

  // 15 rather than the paper's 3: up to a third of a point more hits on the traces of bench/cache_policy_bench.
  static constexpr std::uint8_t most_reads = 15;

  hot_entry(std::string_view key, const rendered& answer);
  ~hot_entry() = default;

  // Key and ETag stand right behind the object.
  [[nodiscard]] const char* text() const noexcept { return reinterpret_cast<const char*>(this) + sizeof(hot_entry); }

  hot_entry* before_ = nullptr; // in the store's queue; its shard's alone
  hot_entry* behind_ = nullptr;
  mutable std::atomic<std::uint32_t> owners_{0};
  std::uint32_t key_size_;
  std::uint16_t etag_size_;
  std::int16_t status_;
  mutable std::atomic<std::uint8_t> reads_{0}; // since it was last looked at for eviction, up to most_reads
  mutable std::atomic<bool> gzip_asked_{false};
  bool in_main_ = false; // in which of the store's queues
};

inline void intrusive_ptr_add_ref(const hot_entry* e) noexcept {
  e->owners_.fetch_add(1, std::memory_order_relaxed);
}

void intrusive_ptr_release(const hot_entry* e) noexcept;

} // namespace troupe
