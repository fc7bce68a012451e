#include "actors/cache_keeper/cache_keeper.hpp"

#include "actors/timer/timer.hpp"

#include <utility>

namespace troupe {
namespace {

using self_ptr = cache_keeper_actor::stateful_pointer<cache_keeper_state>;

// One page at a time, so that what clients ask for waits for no more than this.
constexpr std::int32_t restored_at_once = 100;
constexpr std::chrono::microseconds patience = std::chrono::seconds{10};
// Often enough to remove a million objects in seven days, seldom enough to cost nothing.
constexpr auto sweep_every = std::chrono::minutes{1};
constexpr std::int32_t swept_at_once = 200;

std::string space() {
  return std::string{cache_space};
}

// Who asks for nothing else does not go on either; clients' reads come back by themselves.
auto failed(self_ptr self, const char* what) {
  return [self, what](const caf::error& e) {
    ++self->state.failures;
    self->state.settings.log->warn("{}: {}", what, from_caf(e).message);
  };
}

void restore_page(self_ptr self);

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
  if (!s.kv_cursor.empty() && s.restored_bytes < s.settings.max_bytes)
    return restore_page(self);
  if (s.restored > 0)
    s.settings.log->info("Handed {} answers ({} bytes) back to the hot tier", s.restored, s.restored_bytes);
}

void restore_page(self_ptr self) {
  constexpr auto what = "Restoring the hot tier stopped";
  const auto& kv = self->state.settings.kv;
  self->request(kv, by_its_deadline, kv_list{space(), {}, self->state.kv_cursor, restored_at_once, us(patience)})
    .then(
      [self](kv_names& page) {
        auto& s = self->state;
        s.kv_cursor = std::move(page.cursor);
        kv_read read{space(), {}, us(patience)};
        for (auto& pair : page.pairs)
          read.keys.push_back(std::move(pair.key));
        self->request(s.settings.kv, by_its_deadline, std::move(read))
          .then([self](kv_pairs& pairs) { hand_back(self, pairs); }, failed(self, what));
      },
      failed(self, what));
}

void sweep_page(self_ptr self) {
  const auto& cold = self->state.settings.cold;
  constexpr auto what = "Sweeping the cold tier failed";
  self->request(cold, by_its_deadline, object_query{{}, self->state.cold_cursor, swept_at_once})
    .then(
      [self](object_page& page) {
        auto& s = self->state;
        s.cold_cursor = std::move(page.cursor);
        object_remove dead;
        const auto before = s.settings.wall_ms() - s.settings.longest_cold.count();
        for (auto& object : page.objects)
          if (object.modified_ms < before)
            dead.keys.push_back(std::move(object.key));
        if (!dead.keys.empty())
          self->request(s.settings.cold, by_its_deadline, std::move(dead))
            .then([self](std::int64_t n) { self->state.swept += n; }, failed(self, what));
      },
      failed(self, what));
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
  if (s.settings.kv)
    restore_page(self);
  if (s.settings.cold)
    self->delayed_send(self, sweep_every, tick_atom::value);
  return {
    [self](tick_atom) {
      sweep_page(self);
      self->delayed_send(self, sweep_every, tick_atom::value);
    },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
