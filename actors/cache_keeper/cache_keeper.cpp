#include "actors/cache_keeper/cache_keeper.hpp"

#include "actors/timer/timer.hpp"

#include <utility>

namespace troupe {
namespace {

using self_ptr = cache_keeper_actor::stateful_pointer<cache_keeper_state>;
using place = cache_keeper_state::place;

// One page at a time, so that what clients ask for waits for no more than this; with values they are shorter.
constexpr std::int32_t page_size = 500;
constexpr std::int32_t page_with_values = 100;
constexpr std::chrono::microseconds patience = std::chrono::seconds{10};
// Often enough to come to 700,000 objects in a day, seldom enough to cost nothing.
constexpr auto every = std::chrono::minutes{1};

std::string space() {
  return std::string{cache_space};
}

void next_page(self_ptr self);

// Clients' reads come back by themselves; this goes on at the next tick, where it was.
auto failed(self_ptr self) {
  return [self](const caf::error& e) {
    auto& s = self->state;
    ++s.failures;
    s.asked = false;
    s.settings.log->warn("Listing what the cache has on disk stopped for a while: {}", from_caf(e).message);
  };
}

// Each shard's part of `all`; `add` puts one there.
template <class Part, class Items, class KeyOf, class Add>
std::vector<Part> by_shard(std::size_t shards, Items& all, KeyOf key_of, Add add) {
  std::vector<Part> parts(shards);
  for (auto& item : all)
    add(parts[shard_of(key_of(item), shards)], item);
  return parts;
}

// Tells the shards which keys a page had. All of them: that a part is empty says something too.
template <class Items>
void tell(self_ptr self, const Items& page, bool last) {
  auto& s = self->state;
  if (s.settings.shared)
    return;
  auto parts = by_shard<tier_keys>(
    s.settings.shards.size(), page, [](const auto& item) -> const std::string& { return item.key; },
    [](tier_keys& part, const auto& item) { part.keys.push_back(item.key); });
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].first = !s.begun;
    parts[i].last = last;
    self->send(s.settings.shards[i], std::move(parts[i]));
  }
  s.begun = !last;
}

void end_restoring(cache_keeper_state& s) {
  if (std::exchange(s.restoring, false) && s.restored > 0)
    s.settings.log->info("Handed {} answers ({} bytes) back to the hot tier", s.restored, s.restored_bytes);
}

// A page has been dealt with; the next one follows at once while all is listed for the first time.
void done_with_page(self_ptr self, std::string cursor) {
  auto& s = self->state;
  s.asked = false;
  s.cursor = std::move(cursor);
  if (s.cursor.empty()) {
    if (s.at == place::kv)
      end_restoring(s);
    const bool more = s.at == place::kv && s.settings.cold;
    s.at = more || !s.settings.kv ? place::cold : place::kv;
    if (!more)
      s.first = false;
  }
  if (s.first)
    next_page(self);
}

void hand_back(self_ptr self, kv_pairs& pairs) {
  auto& s = self->state;
  for (const auto& pair : pairs)
    s.restored_bytes += pair.key.size() + pair.value.view().size();
  s.restored += static_cast<std::int64_t>(pairs.size());
  auto parts = by_shard<kv_pairs>(
    s.settings.shards.size(), pairs, [](const kv_pair& pair) -> const std::string& { return pair.key; },
    [](kv_pairs& part, kv_pair& pair) { part.push_back(std::move(pair)); });
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (!parts[i].empty())
      self->send(s.settings.shards[i], std::move(parts[i]));
  if (s.restored_bytes >= s.settings.max_bytes)
    end_restoring(s);
}

void on_names(self_ptr self, kv_names& page) {
  auto& s = self->state;
  tell(self, page.pairs, page.cursor.empty() && !s.settings.cold);
  if (!s.restoring)
    return done_with_page(self, std::move(page.cursor));
  kv_read read{space(), {}, us(patience)};
  for (auto& pair : page.pairs)
    read.keys.push_back(std::move(pair.key));
  self->request(s.settings.kv, by_its_deadline, std::move(read))
    .then(
      [self, cursor = std::move(page.cursor)](kv_pairs& pairs) {
        hand_back(self, pairs);
        done_with_page(self, cursor);
      },
      failed(self));
}

void on_objects(self_ptr self, object_page& page) {
  auto& s = self->state;
  tell(self, page.objects, page.cursor.empty());
  object_remove dead;
  const auto before = s.settings.wall_ms() - s.settings.longest_cold.count();
  for (auto& object : page.objects)
    if (object.modified_ms < before)
      dead.keys.push_back(std::move(object.key));
  if (dead.keys.empty())
    return done_with_page(self, std::move(page.cursor));
  self->request(s.settings.cold, by_its_deadline, std::move(dead))
    .then(
      [self, cursor = std::move(page.cursor)](std::int64_t n) {
        self->state.swept += n;
        done_with_page(self, cursor);
      },
      failed(self));
}

void next_page(self_ptr self) {
  auto& s = self->state;
  if (std::exchange(s.asked, true))
    return;
  if (s.at == place::kv) {
    const auto size = s.restoring ? page_with_values : page_size;
    self->request(s.settings.kv, by_its_deadline, kv_list{space(), {}, s.cursor, size, us(patience)})
      .then([self](kv_names& page) { on_names(self, page); }, failed(self));
  } else {
    self->request(s.settings.cold, by_its_deadline, object_query{{}, s.cursor, page_size})
      .then([self](object_page& page) { on_objects(self, page); }, failed(self));
  }
}

metrics report(const cache_keeper_state& s) {
  return {
    {"troupe_cache_handed_back_total", {}, true, s.restored},
    {"troupe_cache_cold_swept_total", {}, true, s.swept},
    {"troupe_cache_keeper_failures_total", {}, true, s.failures},
  };
}

} // namespace

cache_keeper_actor::behavior_type cache_keeper(self_ptr self, cache_keeper_settings settings) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.at = s.settings.kv ? place::kv : place::cold;
  next_page(self);
  self->delayed_send(self, every, tick_atom::value);
  return {
    [self](tick_atom) {
      next_page(self);
      self->delayed_send(self, every, tick_atom::value);
    },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
