#include "actors/cache/hot_index.hpp"

#include <xxhash.h>

#include <algorithm>
#include <utility>

namespace troupe {

std::uint64_t hash_of_key(std::string_view key) noexcept {
  return XXH3_64bits(key.data(), key.size());
}

rendered_ptr hot_index::find(std::string_view key) const {
  auto found = peek(key);
  if (found)
    found->touch();
  return found;
}

rendered_ptr hot_index::peek(std::string_view key) const {
  const auto [s, tag] = spot_of(key);
  const std::lock_guard guard{s.lock};
  return s.tags.empty() ? nullptr : s.entries[s.place_of(tag, key)];
}

void hot_index::publish(rendered_ptr answer) {
  const auto gained = answer->bytes();
  const auto [s, tag] = spot_of(answer->key());
  {
    const std::lock_guard guard{s.lock};
    s.grow_if_full();
    const auto at = s.place_of(tag, answer->key());
    s.size += s.entries[at] ? 0 : 1;
    s.tags[at] = tag;
    s.entries[at].swap(answer); // what stood there is freed outside the lock
  }
  bytes_.fetch_add(gained, std::memory_order_relaxed);
  if (answer)
    bytes_.fetch_sub(answer->bytes(), std::memory_order_relaxed);
  else
    size_.fetch_add(1, std::memory_order_relaxed);
}

void hot_index::unpublish(std::string_view key) {
  const auto [s, tag] = spot_of(key);
  rendered_ptr old; // freed outside the lock: the key may be its own
  {
    const std::lock_guard guard{s.lock};
    const auto at = s.tags.empty() ? 0 : s.place_of(tag, key);
    if (s.tags.empty() || !s.entries[at])
      return;
    old = s.remove(at);
  }
  bytes_.fetch_sub(old->bytes(), std::memory_order_relaxed);
  size_.fetch_sub(1, std::memory_order_relaxed);
}

hot_index::spot hot_index::spot_of(std::string_view key) const noexcept {
  // The stripe is the hash's high bits, the tag its low ones.
  const auto hash = hash_of_key(key);
  return {stripes_[hash >> 58], std::max(static_cast<std::uint32_t>(hash), 1u)};
}

std::size_t hot_index::stripe::place_of(std::uint32_t tag, std::string_view key) const noexcept {
  auto at = home_of(tag);
  while (tags[at] != 0 && (tags[at] != tag || entries[at]->key() != key))
    at = next(at);
  return at;
}

void hot_index::stripe::grow_if_full() {
  // By a quarter at a time and up to 85 %: between 12 and 18 bytes an answer, where doubling would take up to 28.
  if ((size + 1) * 100 <= tags.size() * 85)
    return;
  const auto room = tags.size() + tags.size() / 4 + 8;
  auto old_tags = std::exchange(tags, std::vector<std::uint32_t>(room));
  auto old_entries = std::exchange(entries, std::vector<rendered_ptr>(room));
  for (std::size_t i = 0; i < old_tags.size(); ++i) {
    if (old_tags[i] == 0)
      continue;
    auto at = home_of(old_tags[i]);
    while (tags[at] != 0)
      at = next(at);
    tags[at] = old_tags[i];
    entries[at] = std::move(old_entries[i]);
  }
}

rendered_ptr hot_index::stripe::remove(std::size_t at) noexcept {
  auto removed = std::move(entries[at]);
  // Those behind it move up, unless that put them before their home (Knuth, volume 3, 6.4, algorithm R).
  const auto from_to = [this](
                         std::size_t from, std::size_t to) { return to >= from ? to - from : to + tags.size() - from; };
  for (auto i = next(at); tags[i] != 0; i = next(i)) {
    if (from_to(home_of(tags[i]), i) < from_to(at, i))
      continue;
    tags[at] = tags[i];
    entries[at] = std::move(entries[i]);
    at = i;
  }
  tags[at] = 0;
  entries[at] = nullptr;
  --size;
  return removed;
}

} // namespace troupe
