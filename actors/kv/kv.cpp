#include "actors/kv/kv.hpp"

#include "actors/timer/timer.hpp"
#include "storage/kv_sql.hpp"

#include <algorithm>

namespace troupe {
namespace {

using self_ptr = kv_actor::stateful_pointer<kv_actor_state>;
using std::chrono::microseconds;
using storage::job_kind;

// What has expired is not read any more, so it only takes space.
constexpr auto sweep_every = std::chrono::seconds{60};
// Small enough that no write waits noticeably behind one sweep.
constexpr std::int64_t sweep_at_once = 1'000;

std::optional<std::int64_t> if_given(std::int64_t ms) {
  return ms == 0 ? std::nullopt : std::optional{ms};
}

storage::kv_write as_write(kv_pair& pair) {
  return {.key = std::move(pair.key),
    .value = std::move(pair.value),
    .metadata = std::move(pair.metadata),
    .expires_ms = if_given(pair.expires_ms)};
}

void wake(self_ptr self) {
  auto& s = self->state;
  wake_at(self, s.tick, s.next_sweep);
  wake_at(self, s.tick, s.jobs->next());
}

/// Answers with what `work` makes of the store and the time.
/// @param work result<R>(storage::kv&, std::int64_t now_ms)
template <class R, class Work>
caf::typed_response_promise<R> answer_from(self_ptr self, job_kind kind, std::int64_t remaining_us, Work work) {
  auto& s = self->state;
  ++(kind == job_kind::read ? s.reads : s.writes);
  auto promise = self->make_response_promise<R>();
  s.jobs->run<R>(
    self, kind, microseconds{remaining_us},
    [work = std::move(work), now_ms = s.settings.now_ms](storage::sql& db) -> result<R> {
      auto store = storage::kv_sql{db};
      return work(store, now_ms());
    },
    [self, promise](result<R> done) {
      self->state.errors += done ? 0 : 1;
      deliver(promise, std::move(done));
    });
  wake(self);
  return promise;
}

auto read(self_ptr self, kv_read& what) {
  const auto remaining = what.remaining_us;
  return answer_from<kv_pairs>(self, job_kind::read, remaining,
    [what = std::move(what)](storage::kv& store, std::int64_t now) -> result<kv_pairs> {
      auto found = store.get_many(what.space, what.keys, now);
      if (!found)
        return found.as_failure();
      auto pairs = kv_pairs{};
      for (std::size_t i = 0; i < what.keys.size(); ++i)
        if (auto& entry = found.value()[i])
          pairs.push_back({what.keys[i], std::move(entry->value), std::move(entry->metadata),
            entry->expires_ms.value_or(0), entry->version});
      return pairs;
    });
}

auto store_all(self_ptr self, kv_store& what) {
  auto writes = std::vector<storage::kv_write>{};
  writes.reserve(what.pairs.size());
  for (auto& pair : what.pairs)
    writes.push_back(as_write(pair));
  return answer_from<std::int64_t>(self, job_kind::write, what.remaining_us,
    [space = std::move(what.space), writes = std::move(writes)](
      storage::kv& store, std::int64_t now) -> result<std::int64_t> {
      auto done = store.put_many(space, writes, now);
      if (!done)
        return done.as_failure();
      return static_cast<std::int64_t>(writes.size());
    });
}

auto compare_and_set(self_ptr self, kv_compare_and_set& what) {
  return answer_from<std::int64_t>(self, job_kind::write, what.remaining_us,
    [space = std::move(what.space), write = as_write(what.pair), expected = what.expected](
      storage::kv& store, std::int64_t now) -> result<std::int64_t> {
      auto version = store.compare_and_set(space, write, expected, now);
      if (!version)
        return version.as_failure();
      return version.value().value_or(0);
    });
}

auto add(self_ptr self, kv_add& what) {
  const auto remaining = what.remaining_us;
  return answer_from<std::int64_t>(
    self, job_kind::write, remaining, [what = std::move(what)](storage::kv& store, std::int64_t now) {
      return store.add(what.space, what.key, what.delta, now, if_given(what.ttl_ms));
    });
}

auto erase(self_ptr self, kv_erase& what) {
  const auto remaining = what.remaining_us;
  return answer_from<std::int64_t>(self, job_kind::write, remaining,
    [what = std::move(what)](storage::kv& store, std::int64_t /*now*/) -> result<std::int64_t> {
      auto done = store.erase_many(what.space, what.keys);
      if (!done)
        return done.as_failure();
      return static_cast<std::int64_t>(what.keys.size());
    });
}

result<kv_names> page_of(storage::kv& store, const kv_list& what, std::int64_t now) {
  // No number below 0 is a size; storage refuses 0 just as well.
  const auto limit = static_cast<std::size_t>(std::max(what.limit, 0));
  auto page = store.list(what.space, {.prefix = what.prefix, .cursor = what.cursor, .limit = limit}, now);
  if (!page)
    return page.as_failure();
  auto names = kv_names{{}, std::move(page.value().cursor)};
  names.pairs.reserve(page.value().names.size());
  for (auto& each : page.value().names)
    names.pairs.push_back({std::move(each.key), {}, std::move(each.metadata), each.expires_ms.value_or(0), 0});
  return names;
}

auto list(self_ptr self, kv_list& what) {
  const auto remaining = what.remaining_us;
  return answer_from<kv_names>(self, job_kind::read, remaining,
    [what = std::move(what)](storage::kv& store, std::int64_t now) { return page_of(store, what, now); });
}

void sweep(self_ptr self);

void on_swept(self_ptr self, const result<std::int64_t>& freed) {
  auto& s = self->state;
  if (freed) {
    s.swept += freed.value();
    if (freed.value() >= sweep_at_once) // there is more
      return sweep(self);
  } else if (freed.error().code != ec::cancelled) {
    s.settings.log->warn("Freeing what has expired in {} failed: {}", s.settings.name, freed.error().message);
  }
  s.next_sweep = self->clock().now() + sweep_every;
  wake(self);
}

void sweep(self_ptr self) {
  auto& s = self->state;
  s.next_sweep.reset();
  // Without a deadline: as long as one is at work there must be no other.
  s.jobs->run<std::int64_t>(
    self, job_kind::write, pool_jobs::forever,
    [now_ms = s.settings.now_ms](storage::sql& db) { return storage::kv_sql{db}.sweep(now_ms(), sweep_at_once); },
    [self](const result<std::int64_t>& freed) { on_swept(self, freed); });
}

void tick(self_ptr self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  if (!s.tick.rang(now))
    return;
  s.jobs->expire(now);
  if (s.next_sweep && *s.next_sweep <= now)
    sweep(self);
  wake(self);
}

metrics report(const kv_actor_state& s) {
  auto out = metrics{
    {"troupe_kv_reads_total", {}, true, s.reads},
    {"troupe_kv_writes_total", {}, true, s.writes},
    {"troupe_kv_errors_total", {}, true, s.errors},
    {"troupe_kv_swept_total", {}, true, s.swept},
  };
  append(out, s.settings.name, s.jobs->pool().counters());
  return out;
}

} // namespace

kv_actor::behavior_type kv(self_ptr self, kv_settings settings) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.jobs.emplace(s.settings.pool);
  s.next_sweep = self->clock().now() + sweep_every;
  wake(self);
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    self->state.jobs->cancel();
    self->quit(stop.reason);
  });
  return {
    [self](kv_read& what) { return read(self, what); },
    [self](kv_store& what) { return store_all(self, what); },
    [self](kv_compare_and_set& what) { return compare_and_set(self, what); },
    [self](kv_add& what) { return add(self, what); },
    [self](kv_erase& what) { return erase(self, what); },
    [self](kv_list& what) { return list(self, what); },
    [self](job_ended_atom, std::uint64_t number) { self->state.jobs->ended(number); },
    [self](tick_atom) { tick(self); },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
