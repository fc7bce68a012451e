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
// Often enough to come to 700,000 keys in a day, seldom enough to cost nothing.
constexpr auto every = std::chrono::minutes{1};

std::string space() {
  return std::string{cache_space};
}

void next_page(self_ptr self);

void note_failure(cache_keeper_state& s, const char* what, const caf::error& e) {
  ++s.failures;
  s.settings.log->warn("{}: {}", what, from_caf(e).message);
}

// Tells the shards which keys a page had. All of them: that a part is empty says something too.
void tell(self_ptr self, std::vector<std::string>& keys, bool last) {
  auto& s = self->state;
  const auto& shards = s.settings.shards;
  std::vector<tier_keys> parts(shards.size());
  for (auto& key : keys)
    parts[shard_of(key, shards.size())].keys.push_back(std::move(key));
  for (std::size_t i = 0; i < shards.size(); ++i) {
    parts[i].first = !s.begun;
    parts[i].last = last;
    self->send(shards[i], std::move(parts[i]));
  }
  s.begun = true;
}

void end_restoring(cache_keeper_state& s) {
  if (std::exchange(s.restoring, false) && s.restored > 0)
    s.settings.log->info("Handed {} answers ({} bytes) back to the hot tier", s.restored, s.restored_bytes);
}

// A store has been listed, or passed over: the other one is next.
void end_of_store(cache_keeper_state& s) {
  s.cursor.clear();
  if (s.at == place::kv)
    end_restoring(s);
  const bool more = s.at == place::kv && s.settings.cold;
  s.at = more || !s.settings.kv ? place::cold : place::kv;
  if (more)
    return;
  s.begun = false;
  s.whole = true;
  s.first = false;
}

// Nothing can be listed there now. Tried again in the next round; until then the shards go on with what they knew.
auto pass_over(self_ptr self) {
  return [self](const caf::error& e) {
    auto& s = self->state;
    note_failure(s, "What the cache has on disk could not be listed", e);
    s.asked = false;
    s.whole = false;
    end_of_store(s);
  };
}

// A page has been dealt with; the next one follows at once while all is listed for the first time.
void end_of_page(self_ptr self, std::vector<std::string> keys, std::string cursor) {
  auto& s = self->state;
  const bool last = cursor.empty() && !(s.at == place::kv && s.settings.cold);
  if (!s.settings.shared)
    tell(self, keys, last && s.whole);
  s.asked = false;
  s.cursor = std::move(cursor);
  if (s.cursor.empty())
    end_of_store(s);
  if (s.first)
    next_page(self);
}

void hand_back(self_ptr self, kv_pairs& pairs) {
  auto& s = self->state;
  const auto& shards = s.settings.shards;
  std::vector<kv_pairs> parts(shards.size());
  for (auto& pair : pairs) {
    s.restored_bytes += pair.key.size() + pair.value.view().size();
    ++s.restored;
    parts[shard_of(pair.key, shards.size())].push_back(std::move(pair));
  }
  for (std::size_t i = 0; i < shards.size(); ++i)
    if (!parts[i].empty())
      self->send(shards[i], std::move(parts[i]));
  if (s.restored_bytes >= s.settings.max_bytes)
    end_restoring(s);
}

void on_names(self_ptr self, const kv_names& page) {
  auto& s = self->state;
  std::vector<std::string> keys;
  for (const auto& pair : page.pairs)
    keys.push_back(pair.key);
  if (!s.restoring)
    return end_of_page(self, std::move(keys), page.cursor);
  self->request(s.settings.kv, by_its_deadline, kv_read{space(), keys, us(patience)})
    .then(
      [self, keys, cursor = page.cursor](kv_pairs& pairs) {
        hand_back(self, pairs);
        end_of_page(self, keys, cursor);
      },
      [self, keys, cursor = page.cursor](
        const caf::error& e) { // more than fits, say; clients' reads come back themselves
        note_failure(self->state, "Restoring the hot tier stopped", e);
        end_restoring(self->state);
        end_of_page(self, keys, cursor);
      });
}

void on_objects(self_ptr self, const object_page& page) {
  auto& s = self->state;
  std::vector<std::string> keys;
  object_remove dead;
  const auto before = s.settings.wall_ms() - s.settings.longest_cold.count();
  for (const auto& object : page.objects) {
    keys.push_back(object.key);
    if (object.modified_ms < before)
      dead.keys.push_back(object.key);
  }
  if (dead.keys.empty())
    return end_of_page(self, std::move(keys), page.cursor);
  self->request(s.settings.cold, by_its_deadline, std::move(dead))
    .then(
      [self, keys, cursor = page.cursor](std::int64_t n) {
        self->state.swept += n;
        end_of_page(self, keys, cursor);
      },
      [self, keys, cursor = page.cursor](const caf::error& e) {
        note_failure(self->state, "Sweeping the cold tier failed", e);
        end_of_page(self, keys, cursor);
      });
}

void next_page(self_ptr self) {
  auto& s = self->state;
  if (std::exchange(s.asked, true))
    return;
  if (s.at == place::kv) {
    const auto size = s.restoring ? page_with_values : page_size;
    self->request(s.settings.kv, by_its_deadline, kv_list{space(), {}, s.cursor, size, us(patience)})
      .then([self](const kv_names& page) { on_names(self, page); }, pass_over(self));
  } else {
    self->request(s.settings.cold, by_its_deadline, object_query{{}, s.cursor, page_size})
      .then([self](const object_page& page) { on_objects(self, page); }, pass_over(self));
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
