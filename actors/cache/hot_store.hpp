// What one cache shard keeps in memory, bounded in bytes. It writes through to the hot index, so a key is published
// exactly as long as it is kept. Eviction is S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction",
// SOSP 2023): what is new enters a small queue; what is read there twice moves on to the main queue, the rest leaves
// soon; the main queue goes round, passing over what was read; what left the small queue and comes back lately enters
// the main one. A scan passes through it, and a reader need only leave a mark; W-TinyLFU, which must know of every
// read, gave up to a point fewer hits on the traces of bench/cache_policy_bench. Invariants: each step is bounded; no
// two stores of one index have a key in common. Pure but for the index; one thread at a time.
#pragma once

#include "actors/cache/hot_index.hpp"
#include "actors/cache/left_lately.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe {

class hot_store {
public:
  hot_store(std::shared_ptr<hot_index> index, std::size_t max_bytes);

  /// Unpublishes everything.
  ~hot_store();

  hot_store(const hot_store&) = delete;
  hot_store& operator=(const hot_store&) = delete;

  /// The entry, however old; null when there is none. No sign that anybody has read it.
  [[nodiscard]] rendered_ptr find(std::string_view key) const { return index_->peek(key); }

  /// Keeps and publishes an answer, in place of an earlier one, after evicting others until it fits. False: fits() says
  /// no; an earlier entry is then gone too.
  bool put(std::string_view key, const rendered& answer);

  /// Whether put() would keep it: not what is larger than a sixteenth of the bound, so that one answer cannot empty the
  /// shard, nor an ETag above 65,535 bytes.
  [[nodiscard]] bool fits(std::string_view key, const rendered& answer) const noexcept {
    return answer.bytes() + key.size() <= max_bytes_ / 16 && answer.etag.size() <= 65'535;
  }

  void erase(std::string_view key);

  /// Looks at up to `at_most` entries, from where the last call stopped, round and round, and drops those that are
  /// dead. How many it dropped. Dropping 1,000 takes about a millisecond, for which the shard's callers wait, but not
  /// the index's readers.
  std::size_t sweep(std::chrono::nanoseconds now, std::size_t at_most);

  [[nodiscard]] std::size_t bytes() const noexcept { return small_.bytes + main_.bytes; }
  [[nodiscard]] std::size_t size() const noexcept { return small_.size + main_.size; }
  [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }
  [[nodiscard]] std::uint64_t expired() const noexcept { return expired_; }

private:
  // First in, first out. The index owns the entries.
  struct queue {
    hot_entry* oldest = nullptr;
    hot_entry* newest = nullptr;
    std::size_t bytes = 0;
    std::size_t size = 0;
  };

  void append(hot_entry& e, bool to_main);
  void unlink(hot_entry& e);
  void drop(hot_entry& e);
  void evict_one();
  [[nodiscard]] hot_entry& victim_of_small();
  [[nodiscard]] hot_entry& victim_of_main();
  [[nodiscard]] blob shared(const blob& head);

  std::shared_ptr<hot_index> index_;
  std::size_t max_bytes_;
  std::uint64_t evicted_ = 0;
  std::uint64_t expired_ = 0;
  queue small_;
  queue main_;
  left_lately left_;
  hot_entry* sweeps_ = nullptr; // the next one to look at; null: the oldest of all
  std::unordered_map<std::string_view, blob> heads_;
};

} // namespace troupe
