#include "actors/cache/hot_index.hpp"

namespace troupe {

rendered_ptr hot_index::find(std::string_view key) const {
  auto& s = stripe_of(key);
  rendered_ptr found;
  {
    const std::lock_guard guard{s.lock};
    const auto it = s.map.find(key);
    if (it == s.map.end())
      return nullptr;
    found = it->second;
  }
  // Stored only when it changes: readers of a popular key then share the cache line.
  if (!found->touched.load(std::memory_order_relaxed))
    found->touched.store(true, std::memory_order_relaxed);
  return found;
}

void hot_index::publish(std::string_view key, rendered_ptr answer) {
  const auto gained = answer->bytes();
  auto& s = stripe_of(key);
  rendered_ptr old; // freed outside the lock
  {
    const std::lock_guard guard{s.lock};
    auto it = s.map.find(key);
    if (it == s.map.end())
      it = s.map.emplace(std::string{key}, nullptr).first;
    old = std::exchange(it->second, std::move(answer));
  }
  bytes_.fetch_add(gained, std::memory_order_relaxed);
  if (old)
    bytes_.fetch_sub(old->bytes(), std::memory_order_relaxed);
  else
    size_.fetch_add(1, std::memory_order_relaxed);
}

void hot_index::unpublish(std::string_view key) {
  auto& s = stripe_of(key);
  rendered_ptr old;
  {
    const std::lock_guard guard{s.lock};
    const auto it = s.map.find(key);
    if (it == s.map.end())
      return;
    old = std::move(it->second);
    s.map.erase(it);
  }
  bytes_.fetch_sub(old->bytes(), std::memory_order_relaxed);
  size_.fetch_sub(1, std::memory_order_relaxed);
}

hot_index::stripe& hot_index::stripe_of(std::string_view key) const noexcept {
  // The map uses the hash's low bits; the stripe its high ones.
  return stripes_[std::hash<std::string_view>{}(key) >> 58];
}

} // namespace troupe
