#include "actors/cache/cache.hpp"

#include "actors/cache/render.hpp"
#include "actors/timer/timer.hpp"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

using self_ptr = cache_actor::stateful_pointer<cache_state>;
using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// The orchestrator keeps the deadline itself; this only bounds the wait for one that is at fault.
constexpr microseconds grace = seconds{2};
constexpr microseconds patience = lower_tier::patience;

// A fetch with less time than this is not worth beginning.
constexpr auto worth_another = std::chrono::milliseconds{50};

// All entries are looked at within about a minute, 1,000 of them in about a millisecond.
constexpr seconds sweep_every{1};
constexpr std::size_t sweep_share = 60;
constexpr std::size_t sweep_least = 1'000;
// Nobody waits for what is handed down: it goes when those who wait have been served, and some of it together.
constexpr std::chrono::milliseconds gather{5};
constexpr std::size_t most_together = 1 << 20; // bytes: some 200 usual answers

nanoseconds now(self_ptr self) {
  return self->clock().now().time_since_epoch();
}

void publish(cache_state& s, const std::string& key, const rendered& r) {
  s.count.too_large += s.store->put(key, r) ? 0 : 1;
}

// Ends the fetch of a key: everybody who waits gets `first` or, behind the first, the same as COALESCED.
void end(self_ptr self, const std::string& key, const answer& first) {
  auto node = self->state.under_way.extract(key);
  self->state.open.remove(node.mapped().until, key);
  --*self->state.settings.fetches;
  bool behind = false;
  for (auto& waiter : node.mapped().waiting.take_all()) {
    auto copy = first;
    if (behind && copy.x_cache == "MISS")
      copy.x_cache = "COALESCED";
    behind = true;
    waiter.deliver(std::move(copy));
  }
}

// The same with an answer that is there, compressed if somebody wants that.
void end_with(self_ptr self, const std::string& key, answer a) {
  if (a.gzip.empty() && self->state.under_way.at(key).waiting.any_gzip())
    a.gzip = gzip_if_worth(a.plain.view(), 1); // hasty: somebody waits
  end(self, key, a);
}

// A tier has failed, or not answered in time.
void gave_up(self_ptr self, stage at, const std::string& why) {
  self->state.tier(at).failed(self->clock().now());
  self->state.settings.log->warn("The cache's {} tier failed: {}", to_string(at), why);
}

// Asks a tier below memory something that must not hold anybody up: bounded, and its failures are counted.
template <class Answer, class Actor, class Request, class Then>
void ask_tier(self_ptr self, stage at, const Actor& who, Request&& what, Then then) {
  ++self->state.tier(at).open;
  self->request(who, by_its_deadline, std::forward<Request>(what))
    .then(
      [self, at, then](Answer& found) {
        --self->state.tier(at).open;
        then(&found);
      },
      [self, at, then](const caf::error& e) {
        --self->state.tier(at).open;
        gave_up(self, at, from_caf(e).message);
        then(static_cast<const Answer*>(nullptr));
      });
}

// Hands what has been answered with to the tiers below, unless they have too much before them.
void hand_down_all(self_ptr self) {
  auto& s = self->state;
  const auto take = [&](stage at) { return s.tier(at).take(self->clock().now()); };
  if (s.to_hand_down.empty())
    return;
  s.bytes_to_hand_down = 0;
  kv_store together{std::string{cache_space}, {}, us(10 * patience)};
  for (auto& each : pack(std::exchange(s.to_hand_down, {}), s.settings.tiers, now(self), s.settings.wall_ms())) {
    s.kept_below.add(hash_of_key(each.key));
    if (s.peers.kv && take(stage::kv))
      together.pairs.push_back({each.key, each.bytes, {}, each.dead_ms, 0});
    if (s.peers.cold && !each.durable && take(stage::cold)) {
      object_store what;
      what.object.key = std::move(each.key);
      what.object.body = std::move(each.bytes);
      ask_tier<std::string>(self, stage::cold, s.peers.cold, std::move(what), [](const auto*) {});
    }
  }
  if (!together.pairs.empty())
    ask_tier<std::int64_t>(self, stage::kv, s.peers.kv, std::move(together), [](const auto*) {});
}

// Keeps an outcome and publishes it, then answers whoever waits.
void keep(self_ptr self, const std::string& key, outcome& o, tier source) {
  auto& s = self->state;
  const auto& f = s.under_way.at(key);
  const auto t = now(self);
  const auto what = content_of(o, f.about.kept);
  const auto hot = expiry_of(hot_life(what, f.about.kept, s.settings.tiers), hash_of_key(key), t);
  // Published before anybody is answered, so that whoever has seen the answer finds it in the index.
  publish(s, key, render(o, f.about, hot, tier::hot));
  auto about = f.about;
  end_with(self, key, from(render(o, about, hot, source), x_cache(source, standing::fresh, false, false), t));
  const bool below = s.peers.kv || (s.peers.cold && !about.durable);
  if (!below || !worth_keeping(what, key, hot, t))
    return;
  if (s.to_hand_down.empty())
    self->delayed_send(self, gather, hand_down{});
  s.bytes_to_hand_down += o.data.view().size();
  s.to_hand_down.push_back({std::move(o), hot, std::move(about)});
  if (s.bytes_to_hand_down >= most_together)
    hand_down_all(self);
}

bool goes_on(self_ptr self, const std::string& key, const answer& failed);

void on_outcome(self_ptr self, const std::string& key, outcome& o) {
  auto& s = self->state;
  if (o.code == ec::none) {
    if (!o.rows.empty() && s.peers.writer) {
      for (auto& row : o.rows) {
        row.provider = o.tag;
        row.fetched_ms = o.fetched_ms;
      }
      self->send(s.peers.writer, std::move(o.rows));
    }
    return keep(self, key, o, tier::providers);
  }
  const auto t = now(self);
  const auto& f = s.under_way.at(key);
  const auto kept = s.store->find(key);
  const auto cold = f.cold ? by_clock(f.cold->cold, t, s.settings.wall_ms()) : expiry{};
  switch (after_failure(how_is(s, kept, t), f.cold ? how_is(s, cold, t) : standing::dead)) {
  case fallback::hot:
    ++s.count.stale_served;
    return end(self, key, stale(kept->value(), tier::hot, t));
  case fallback::cold:
    ++s.count.stale_served;
    return end(self, key, stale(render(f.cold->what, f.about, cold, tier::cold), tier::cold, t));
  case fallback::none:
    break;
  }
  const auto failed = failure(o);
  if (!goes_on(self, key, failed))
    end(self, key, failed);
}

void on_error(self_ptr self, const std::string& key, error error) {
  outcome o;
  o.code = error.code;
  o.message = std::move(error.message);
  on_outcome(self, key, o);
}

// Waits for the next answer about `key`, this long; says which one that is.
std::uint64_t expect(self_ptr self, const std::string& key, stage at, microseconds how_long) {
  auto& s = self->state;
  auto& f = s.under_way.at(key);
  s.open.remove(f.until, key);
  f.at = at;
  f.until = self->clock().now() + how_long;
  s.open.add(f.until, key);
  wake_at(self, s.tick, s.open.next());
  return f.question = ++s.last_question;
}

// Not if it comes too late: another question has been asked since, or the fetch has ended.
bool expected(const cache_state& s, const std::string& key, std::uint64_t question) {
  const auto it = s.under_way.find(key);
  return it != s.under_way.end() && it->second.question == question;
}

void ask_providers(self_ptr self, const std::string& key) {
  auto& s = self->state;
  auto& f = s.under_way.at(key);
  const auto left = std::chrono::duration_cast<microseconds>(f.deadline - self->clock().now());
  const auto question = expect(self, key, stage::providers, std::max(left, microseconds{0}) + grace);
  self->request(s.peers.orchestrator, by_its_deadline, fetch{question, f.about.what, f.about.how, left.count()})
    .then(
      [=](outcome& o) {
        if (expected(self->state, key, question))
          on_outcome(self, key, o);
      },
      [=](const caf::error& e) {
        if (expected(self->state, key, question))
          on_error(self, key, from_caf(e));
      });
}

void look_below(self_ptr self, const std::string& key, stage from);

void begin(self_ptr self, cache_state::fetching f, stage from) {
  auto& s = self->state;
  ++*s.settings.fetches;
  const auto key = f.about.key;
  s.under_way.emplace(key, std::move(f));
  look_below(self, key, from);
}

// Fetches anew behind an answer. Nobody waits for it, so it gives way to what somebody waits for.
void refresh(self_ptr self, inquiry about) {
  auto& s = self->state;
  if (s.under_way.contains(about.key) || *s.settings.fetches >= s.settings.max_fetches)
    return;
  ++s.count.refreshed;
  about.what.priority = priority::warming;
  cache_state::fetching f;
  f.about = std::move(about);
  f.deadline = self->clock().now() + s.settings.refresh_deadline;
  f.background = true;
  begin(self, std::move(f), stage::providers);
}

// What the key-value store had is memory's again, as old as it was.
void on_kv(self_ptr self, const std::string& key, const kv_pairs* found) {
  auto& s = self->state;
  const auto kept = found != nullptr && !found->empty() ? decode(found->front().value.view()) : std::nullopt;
  if (!kept || kept->key != key)
    return look_below(self, key, stage::cold);
  const auto t = now(self);
  const auto e = by_clock(kept->hot, t, s.settings.wall_ms());
  const auto how = how_is(s, e, t);
  if (how == standing::dead)
    return look_below(self, key, stage::cold);
  const auto about = s.under_way.at(key).about;
  const auto r = render(kept->what, about, e, tier::hot);
  publish(s, key, r);
  if (after_cold(how) == read_step::fetch)
    return look_below(self, key, stage::cold);
  ++s.tier(stage::kv).hits;
  if (how == standing::fresh)
    return end_with(self, key, from(r, x_cache(tier::hot, how, false, false), t));
  end(self, key, stale(r, tier::hot, t));
  refresh(self, about);
}

void on_cold(self_ptr self, const std::string& key, const stored_objects* found) {
  auto& s = self->state;
  auto kept = found != nullptr && !found->empty() ? decode(found->front().body.view()) : std::nullopt;
  if (!kept || kept->key != key)
    return look_below(self, key, stage::database);
  const auto t = now(self);
  const auto e = by_clock(kept->cold, t, s.settings.wall_ms());
  const auto how = how_is(s, e, t);
  auto& f = s.under_way.at(key);
  if (after_cold(how) == read_step::fetch) {
    if (how == standing::on_error)
      f.cold = std::move(kept);
    return look_below(self, key, stage::database);
  }
  ++s.tier(stage::cold).hits;
  const auto about = f.about;
  const auto hash = hash_of_key(key);
  if (how != standing::fresh) {
    end(self, key, stale(render(kept->what, about, e, tier::cold), tier::cold, t));
    return refresh(self, about);
  }
  // Clients may keep it as long as a hot one, not for days.
  const auto as_hot = promoted(e, hot_life(content::complete, about.kept, s.settings.tiers), hash, t);
  // Warmed: somebody expects that it will be wanted.
  const bool up = s.promotions->hit(hash, t, about.what.priority == priority::warming);
  if (up) {
    ++s.count.promoted;
    publish(s, key, render(kept->what, about, as_hot, tier::hot));
  }
  end_with(self, key, from(render(kept->what, about, as_hot, tier::cold), x_cache(tier::cold, how, up, false), t));
}

void on_stored(self_ptr self, const std::string& key, const stored_records* rows) {
  if (rows == nullptr || rows->empty())
    return look_below(self, key, stage::providers);
  ++self->state.tier(stage::database).hits;
  const auto& row = rows->front();
  outcome o;
  o.found = true;
  o.data = blob{row.data};
  o.tag = row.provider;
  o.fetched_ms = row.fetched_ms;
  keep(self, key, o, tier::database);
}

// Asks the next tier, from `from` on, that there is for this key, that may have it and that has answered lately (S0-50:
// the database before the providers; what it keeps the cold tier need not).
void look_below(self_ptr self, const std::string& key, stage from) {
  auto& s = self->state;
  const auto& about = s.under_way.at(key).about;
  const bool kept = key.size() <= longest_kept_key && s.kept_below.maybe(hash_of_key(key));
  const std::array<bool, 3> there{
    kept && s.peers.kv, kept && s.peers.cold && !about.durable, about.durable && s.peers.reader};
  const auto usable = [&](stage at) {
    return there[static_cast<std::size_t>(at)] && s.tier(at).usable(self->clock().now());
  };
  auto at = from;
  while (at != stage::providers && !usable(at))
    at = static_cast<stage>(static_cast<int>(at) + 1);
  const auto then = [=](auto next) {
    const auto question = expect(self, key, at, patience);
    return [=](const auto* found) {
      if (expected(self->state, key, question))
        next(self, key, found);
    };
  };
  switch (at) {
  case stage::kv:
    return ask_tier<kv_pairs>(
      self, at, s.peers.kv, kv_read{std::string{cache_space}, {key}, us(patience)}, then(on_kv));
  case stage::cold:
    return ask_tier<stored_objects>(self, at, s.peers.cold, object_read{key, true}, then(on_cold));
  case stage::database:
    return ask_tier<stored_records>(self, at, s.peers.reader, record_read{about.what.text}, then(on_stored));
  case stage::providers:
    return ask_providers(self, key);
  }
}

void tick(self_ptr self) {
  auto& s = self->state;
  const auto t = self->clock().now();
  if (!s.tick.rang(t))
    return;
  for (const auto& key : s.open.take_due(t)) {
    const auto at = s.under_way.at(key).at;
    if (at == stage::providers) {
      on_error(self, key, {ec::deadline_exceeded, "the orchestrator did not answer"});
      continue;
    }
    gave_up(self, at, "no answer in time");
    look_below(self, key, static_cast<stage>(static_cast<int>(at) + 1));
  }
  if (t >= s.next_sweep) {
    s.store->sweep(t.time_since_epoch(), std::max(sweep_least, s.store->size() / sweep_share));
    s.next_sweep = t + sweep_every;
  }
  wake_at(self, s.tick, std::min(s.open.next().value_or(s.next_sweep), s.next_sweep));
}

// Somebody does not wait any more. The last one to go takes the fetch with it.
void forget(self_ptr self, const cache_state::asker& who, const std::string& key) {
  auto& s = self->state;
  const auto it = s.under_way.find(key);
  if (it == s.under_way.end())
    return;
  auto& f = it->second;
  auto promise = f.waiting.leave(who);
  if (!promise)
    return;
  promise->deliver(refusal(ec::cancelled, "nobody waits for it any more"));
  if (f.waiting.size() > 0 || f.background)
    return;
  ++s.count.cancelled;
  if (f.at == stage::providers)
    self->send(s.peers.orchestrator, fetch_cancel{f.question});
  end(self, key, {});
}

// A fetch failed for want of time, but somebody joined it later and has time left: it is made again for those. True:
// it goes on.
bool goes_on(self_ptr self, const std::string& key, const answer& failed) {
  auto& f = self->state.under_way.at(key);
  const auto t = self->clock().now();
  const bool for_time = f.deadline <= t || lacked_time(failed);
  const auto latest = f.waiting.latest();
  // Strictly later: with the same time it would fail the same way, again and again.
  if (!for_time || !latest || *latest <= f.deadline || *latest < t + worth_another)
    return false;
  for (auto& waiter : f.waiting.take_late(t + worth_another))
    waiter.deliver(failed);
  f.deadline = *latest;
  ask_providers(self, key);
  return true;
}

// Somebody waits now: what was to be fetched ahead of need goes first, and not all of the slower providers are heard.
void hurry(self_ptr self, cache_state::fetching& f) {
  const auto before = std::exchange(f.about.what.priority, priority::interactive);
  if (before != priority::interactive && f.at == stage::providers)
    self->send(self->state.peers.orchestrator, fetch_hurry{f.question});
}

caf::typed_response_promise<answer> look_up(self_ptr self, lookup& l) {
  auto& s = self->state;
  ++s.count.lookups;
  // First: making the promise takes the sender out of the message.
  const cache_state::asker who{self->current_sender() ? self->current_sender()->id() : 0, l.id};
  const auto deadline = self->clock().now() + microseconds{l.remaining_us};
  auto promise = self->make_response_promise<answer>();
  const auto t = now(self);
  const auto kept = s.store->find(l.about.key);
  const auto hot = how_is(s, kept, t);
  const auto it = s.under_way.find(l.about.key);
  const auto step = after_hot(hot, {l.bypass, it != s.under_way.end(), true});
  switch (step) {
  case read_step::answer:
  case read_step::answer_and_refresh:
    if (hot == standing::fresh) {
      promise.deliver(from(kept->value(), x_cache(tier::hot, hot, false, false), t));
    } else {
      promise.deliver(stale(kept->value(), tier::hot, t));
      if (step == read_step::answer_and_refresh)
        refresh(self, std::move(l.about));
    }
    return promise;
  case read_step::join:
    ++s.count.coalesced;
    if (l.about.what.priority == priority::interactive)
      hurry(self, it->second);
    it->second.waiting.add(promise, who, l.gzip, deadline);
    if (l.bypass && it->second.at != stage::providers)
      ask_providers(self, l.about.key); // what a tier says now comes too late
    return promise;
  case read_step::look_below:
  case read_step::fetch:
    break;
  }
  if (*s.settings.fetches >= s.settings.max_fetches) {
    ++s.count.shed;
    promise.deliver(hot != standing::dead ? stale(kept->value(), tier::hot, t)
                                          : refusal(ec::overloaded, "too many fetches under way"));
    return promise;
  }
  cache_state::fetching f;
  f.about = std::move(l.about);
  f.deadline = deadline;
  f.waiting.add(promise, who, l.gzip, deadline);
  begin(self, std::move(f), step == read_step::fetch ? stage::providers : stage::kv);
  return promise;
}

// After a start: what the key-value store still has.
void on_restored(self_ptr self, const kv_pairs& pairs) {
  auto& s = self->state;
  const auto t = now(self);
  for (const auto& pair : pairs) {
    const auto kept = decode(pair.value.view());
    // Not in place of what clients have asked for meanwhile.
    if (!kept || kept->key != pair.key || s.store->find(pair.key) || s.store->bytes() > s.settings.max_bytes / 8 * 7)
      continue;
    const auto e = by_clock(kept->hot, t, s.settings.wall_ms());
    if (how_is(s, e, t) != standing::fresh)
      continue;
    publish(s, pair.key, render(kept->what, {}, e, tier::hot));
    ++s.count.restored;
  }
}

metrics report(const cache_state& s) {
  return report(s.count, s.tiers, {*s.store, s.under_way.size(), s.waiting()});
}

} // namespace

cache_actor::behavior_type cache(self_ptr self, cache_settings settings, cache_peers peers) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.peers = std::move(peers);
  s.store.emplace(s.settings.index, s.settings.max_bytes);
  s.promotions.emplace(s.settings.promotion);
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    while (!self->state.under_way.empty()) {
      const auto key = self->state.under_way.begin()->first;
      end(self, key, refusal(ec::cancelled, "shutting down"));
    }
    hand_down_all(self);
    self->quit(stop.reason);
  });
  const auto t = self->clock().now();
  s.next_sweep = t + sweep_every;
  wake_at(self, s.tick, s.next_sweep);
  return {
    [self](lookup& l) { return look_up(self, l); },
    [self](const lookup_cancel& c) {
      forget(self, {self->current_sender() ? self->current_sender()->id() : 0, c.id}, c.key);
    },
    [self](const compress& c) { compress_kept(*self->state.store, c.key); },
    [self](const kv_pairs& pairs) { on_restored(self, pairs); },
    [self](const tier_keys& part) { self->state.kept_below.listed(part.keys, part.first, part.last); },
    [self](hand_down) { hand_down_all(self); },
    [self](tick_atom) { tick(self); },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
