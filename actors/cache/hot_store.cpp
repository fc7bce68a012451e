#include "actors/cache/hot_store.hpp"

#include <utility>

namespace troupe {

freshness freshness_of(const rendered* entry, std::chrono::nanoseconds now) noexcept {
  if (entry == nullptr || now >= entry->dead_at)
    return freshness::none;
  return now < entry->fresh_until ? freshness::fresh : freshness::stale;
}

hot_store::hot_store(std::shared_ptr<hot_index> index, std::size_t max_bytes)
    : index_{std::move(index)}, max_bytes_{max_bytes} {}

hot_store::~hot_store() {
  for (const auto& s : ring_)
    index_->unpublish(s.key);
}

rendered_ptr hot_store::find(std::string_view key) const {
  const auto it = by_key_.find(key);
  return it == by_key_.end() ? nullptr : it->second->entry;
}

bool hot_store::put(std::string_view key, rendered_ptr entry) {
  const auto cost = entry->bytes() + key.size();
  if (!fits(key, *entry)) {
    erase(key);
    return false;
  }
  const auto known = by_key_.find(key);
  const bool is_new = known == by_key_.end();
  // A new one stands just behind the hand, so it is looked at last.
  const auto at = is_new ? ring_.insert(hand_, slot{std::string{key}, nullptr}) : known->second;
  if (is_new)
    by_key_.emplace(at->key, at);
  else
    bytes_ -= at->entry->bytes() + key.size();
  at->entry = std::move(entry);
  bytes_ += cost;
  while (bytes_ > max_bytes_)
    evict_one(at);
  index_->publish(key, at->entry);
  return true;
}

void hot_store::erase(std::string_view key) {
  if (const auto it = by_key_.find(key); it != by_key_.end())
    remove(it->second);
}

void hot_store::remove(ring::iterator at) {
  index_->unpublish(at->key);
  bytes_ -= at->entry->bytes() + at->key.size();
  by_key_.erase(at->key);
  if (hand_ == at)
    ++hand_;
  ring_.erase(at);
}

void hot_store::evict_one(ring::iterator spared) {
  for (;; ++hand_) {
    if (hand_ == ring_.end())
      hand_ = ring_.begin();
    if (hand_ != spared && !hand_->entry->touched.exchange(false, std::memory_order_relaxed))
      break;
  }
  ++evicted_;
  remove(hand_);
}

} // namespace troupe
