// What one cache shard keeps in memory, bounded in bytes. It writes through to the hot index, so a key is published
// exactly as long as it is kept. Eviction is CLOCK (Corbato 1968): the hand passes over what was read since its last
// round and evicts what was not. Pure but for the index; one thread at a time.
#pragma once

#include "actors/cache/hot_index.hpp"

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe {

/// How an entry stands: fresh until its time to live, stale for a while after, then dead.
enum class freshness : std::uint8_t { none, fresh, stale };

[[nodiscard]] freshness freshness_of(const rendered* entry, std::chrono::nanoseconds now) noexcept;

class hot_store {
public:
  hot_store(std::shared_ptr<hot_index> index, std::size_t max_bytes);

  /// Unpublishes everything.
  ~hot_store();

  hot_store(const hot_store&) = delete;
  hot_store& operator=(const hot_store&) = delete;

  /// The entry, however old; null when there is none.
  [[nodiscard]] rendered_ptr find(std::string_view key) const;

  /// Keeps and publishes an entry, in place of an earlier one, and evicts others until it fits. False: it is larger
  /// than a sixteenth of the bound, so that one answer cannot empty the shard; an earlier entry is then gone too.
  bool put(std::string_view key, rendered_ptr entry);

  /// Whether put() would keep it.
  [[nodiscard]] bool fits(std::string_view key, const rendered& entry) const noexcept {
    return entry.bytes() + key.size() <= max_bytes_ / 16;
  }

  void erase(std::string_view key);

  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t size() const noexcept { return ring_.size(); }
  [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }

private:
  struct slot {
    std::string key;
    rendered_ptr entry;
  };
  using ring = std::list<slot>;

  void remove(ring::iterator at);
  void evict_one(ring::iterator spared); // there is another one to evict

  std::shared_ptr<hot_index> index_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::uint64_t evicted_ = 0;
  ring ring_;
  ring::iterator hand_ = ring_.end();
  std::unordered_map<std::string_view, ring::iterator> by_key_; // views into the ring's keys
};

} // namespace troupe
