#include "actors/cache/cache.hpp"

#include "actors/cache/envelope.hpp"
#include "actors/cache/gzip.hpp"
#include "actors/timer/timer.hpp"

#include <algorithm>

namespace troupe {
namespace {

using self_ptr = cache_actor::stateful_pointer<cache_state>;
using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// The orchestrator keeps the deadline itself; this only bounds the wait for one that is at fault.
constexpr microseconds grace = seconds{2};
// A database that takes longer than this is passed over: the providers can say it again.
constexpr microseconds database_patience = seconds{1};
// Reads of one shard that the database may have before it; one that hangs does not get more and more of them.
constexpr std::int64_t max_reads = 256;

// Below this, gzip saves no packet.
constexpr std::size_t worth_compressing = 1'024;

// A fetch with less time than this is not worth beginning.
constexpr auto worth_another = std::chrono::milliseconds{50};

// For the clients that wait now; what is kept is compressed better, when nobody waits.
constexpr int hasty = 1;
constexpr int thorough = 6;

blob gzip_if_worth(std::string_view body, int level) {
  return body.size() < worth_compressing ? blob{} : blob{gzip(body, level)};
}

nanoseconds now(self_ptr self) {
  return self->clock().now().time_since_epoch();
}

answer from(const rendered& r, std::string_view how, nanoseconds t) {
  answer a;
  a.status = r.status;
  a.plain = r.plain;
  a.gzip = r.gzip;
  a.head = with_etag(r.head.view(), r.etag);
  a.etag = r.etag;
  a.x_cache = how;
  a.age_us = us(t - r.stored_at);
  a.ttl_us = std::max<std::int64_t>(0, us(r.fresh_until - t));
  return a;
}

// What is kept past its time, marked as such (S0-09).
answer stale(const rendered& r, nanoseconds t) {
  auto a = from(r, "STALE", t);
  a.plain = blob{mark_stale(r.plain.view())};
  a.gzip = {};
  a.head = with_etag(fixed_head("cache:kv", seconds{0}), r.etag);
  return a;
}

answer refusal(ec code, std::string message) {
  answer a;
  a.code = code;
  a.message = std::move(message);
  return a;
}

// A route's own wish, or the setting.
microseconds lifetime(std::int64_t wish_us, microseconds setting) {
  return wish_us < 0 ? setting : microseconds{wish_us};
}

answer failure(const outcome& o) {
  auto a = refusal(o.code, o.message);
  a.providers = o.providers;
  a.retry_after_us = o.retry_after_us;
  return a;
}

// Compresses what is kept under a key. Not in advance: most misses are never read again, and whoever waits behind this
// one in the mailbox would wait for that too.
void compress_kept(cache_state& s, const std::string& key) {
  const auto kept = s.store->find(key);
  if (!kept || !kept->gzip.empty())
    return;
  auto gzip = gzip_if_worth(kept->plain.view(), thorough);
  if (gzip.empty())
    return;
  auto both = kept->value();
  both.gzip = std::move(gzip);
  if (s.store->fits(key, both)) // else the plain one alone is kept
    s.store->put(key, both);
}

// Ends the fetch of a key: everybody who waits gets `first` or, behind the first, the same as COALESCED.
void end(self_ptr self, const std::string& key, const answer& first) {
  auto node = self->state.under_way.extract(key);
  self->state.open.remove(node.mapped().until, key);
  --*self->state.settings.fetches;
  bool behind = false;
  for (auto& w : node.mapped().waiters) {
    if (w.gone)
      continue;
    auto copy = first;
    if (behind && copy.x_cache == "MISS")
      copy.x_cache = "COALESCED";
    behind = true;
    w.promise.deliver(std::move(copy));
  }
}

// Keeps an outcome and publishes it, then answers whoever waits.
void keep(self_ptr self, const std::string& key, const outcome& o, tier source) {
  auto& s = self->state;
  const auto& f = s.under_way.at(key);
  const auto t = now(self);
  const bool not_found = !o.found && f.about.durable;
  const auto& wish = f.about.kept;
  const auto whole = lifetime(wish.fresh_us, s.settings.hot_ttl);
  // Never longer than a whole one, however short a route keeps those.
  const auto ttl =
    o.degraded || !o.found ? std::min(whole, lifetime(wish.degraded_us, s.settings.degraded_ttl)) : whole;
  const auto stale_max = lifetime(wish.stale_us, s.settings.stale_max);
  const auto etag = weak_etag(o.data.view());
  const auto body = [&](tier as) { return blob{not_found ? render_not_found(o, f.about.what) : render_body(o, as)}; };
  const auto make = [&](tier as) {
    rendered r;
    r.status = not_found ? 404 : 200;
    r.plain = body(as);
    r.etag = etag;
    r.head = blob{fixed_head(tag_of(o, as), std::chrono::duration_cast<seconds>(ttl))};
    r.stored_at = t;
    r.fresh_until = t + ttl;
    r.dead_at = r.fresh_until + stale_max;
    return r;
  };
  const auto hot = make(tier::hot);
  // Published before anybody is answered, so that whoever has seen the answer finds it in the index.
  s.too_large += s.store->put(key, hot) ? 0 : 1;
  const bool wanted = std::any_of(f.waiters.begin(), f.waiters.end(), [](const auto& w) { return w.gzip && !w.gone; });
  auto fresh = from(make(source), source == tier::database ? "HIT-D1" : "MISS", t);
  if (wanted)
    fresh.gzip = gzip_if_worth(fresh.plain.view(), hasty);
  end(self, key, fresh);
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
  const auto kept = s.store->find(key);
  if (freshness_of(kept.get(), t) == freshness::none) {
    const auto failed = failure(o);
    if (!goes_on(self, key, failed))
      end(self, key, failed);
    return;
  }
  ++s.stale_served;
  end(self, key, stale(kept->value(), t));
}

void on_error(self_ptr self, const std::string& key, error error) {
  outcome o;
  o.code = error.code;
  o.message = std::move(error.message);
  on_outcome(self, key, o);
}

// Waits for the next answer about `key`, this long; says which one that is.
std::uint64_t expect(self_ptr self, const std::string& key, microseconds patience) {
  auto& s = self->state;
  auto& f = s.under_way.at(key);
  s.open.remove(f.until, key);
  f.until = self->clock().now() + patience;
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
  f.asks_database = false;
  const auto left = std::chrono::duration_cast<microseconds>(f.deadline - self->clock().now());
  const auto question = expect(self, key, std::max(left, microseconds{0}) + grace);
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

void database_failed(self_ptr self, const std::string& key, const std::string& why) {
  self->state.settings.log->warn("Reading {} from the database failed: {}", key, why);
  ask_providers(self, key);
}

void on_stored(self_ptr self, const std::string& key, stored_records& rows) {
  if (rows.empty())
    return ask_providers(self, key);
  outcome o;
  o.found = true;
  o.data = blob{std::move(rows.front().data)};
  o.tag = std::move(rows.front().provider);
  o.fetched_ms = rows.front().fetched_ms;
  keep(self, key, o, tier::database);
}

// S0-50: the database first; it knows, or the providers are asked.
void ask_database(self_ptr self, const std::string& key) {
  auto& s = self->state;
  auto& f = s.under_way.at(key);
  f.asks_database = true;
  ++s.reads;
  const auto question = expect(self, key, database_patience);
  self->request(s.peers.reader, by_its_deadline, record_read{f.about.what.text})
    .then(
      [=](stored_records& rows) {
        --self->state.reads;
        if (expected(self->state, key, question))
          on_stored(self, key, rows);
      },
      [=](const caf::error& e) {
        --self->state.reads;
        if (expected(self->state, key, question))
          database_failed(self, key, from_caf(e).message);
      });
}

void tick(self_ptr self) {
  auto& s = self->state;
  const auto t = self->clock().now();
  if (!s.tick.rang(t))
    return;
  for (const auto& key : s.open.take_due(t)) {
    if (s.under_way.at(key).asks_database)
      database_failed(self, key, "no answer in time");
    else
      on_error(self, key, {ec::deadline_exceeded, "the orchestrator did not answer"});
  }
  wake_at(self, s.tick, s.open.next());
}

// Somebody does not wait any more. The last one to go takes the fetch with it.
void forget(self_ptr self, const cache_state::asker& who, const std::string& key) {
  auto& s = self->state;
  const auto it = s.under_way.find(key);
  if (it == s.under_way.end())
    return;
  auto& f = it->second;
  // Marked, not erased: ten thousand may leave one by one, and mostly the oldest first.
  const auto leaver = std::find_if(f.waiters.begin() + static_cast<std::ptrdiff_t>(f.first), f.waiters.end(),
    [&](const auto& w) { return !w.gone && w.from == who; });
  if (leaver == f.waiters.end())
    return;
  leaver->promise.deliver(refusal(ec::cancelled, "nobody waits for it any more"));
  leaver->gone = true;
  while (f.first < f.waiters.size() && f.waiters[f.first].gone)
    ++f.first;
  if (--f.waiting > 0)
    return;
  ++s.cancelled;
  if (!f.asks_database)
    self->send(s.peers.orchestrator, fetch_cancel{f.question});
  end(self, key, {});
}

// A fetch failed for want of time, but somebody joined it later and has time left: it is made again for those. True:
// it goes on.
bool goes_on(self_ptr self, const std::string& key, const answer& failed) {
  auto& f = self->state.under_way.at(key);
  const auto t = self->clock().now();
  // A permit is refused as soon as it cannot come in time, which is before the deadline.
  const bool for_time =
    f.deadline <= t || std::any_of(failed.providers.begin(), failed.providers.end(), [](const auto& p) {
      return p.code == ec::permit_refused || p.code == ec::deadline_exceeded;
    });
  if (!for_time)
    return false;
  auto latest = f.deadline;
  std::erase_if(f.waiters, [](const auto& w) { return w.gone; });
  f.first = 0;
  for (const auto& w : f.waiters)
    latest = std::max(latest, w.deadline);
  // Strictly later: with the same time it would fail the same way, again and again.
  if (latest <= f.deadline || latest < t + worth_another)
    return false;
  const auto late = std::stable_partition(
    f.waiters.begin(), f.waiters.end(), [&](const auto& w) { return w.deadline >= t + worth_another; });
  for (auto w = late; w != f.waiters.end(); ++w)
    w->promise.deliver(failed);
  f.waiters.erase(late, f.waiters.end());
  f.waiting = f.waiters.size();
  f.deadline = latest;
  ask_providers(self, key);
  return true;
}

caf::typed_response_promise<answer> look_up(self_ptr self, lookup& l) {
  auto& s = self->state;
  ++s.lookups;
  // First: making the promise takes the sender out of the message.
  const cache_state::asker who{self->current_sender() ? self->current_sender()->id() : 0, l.id};
  const auto deadline = self->clock().now() + microseconds{l.remaining_us};
  auto promise = self->make_response_promise<answer>();
  const auto t = now(self);
  const auto kept = s.store->find(l.about.key);
  const auto state = freshness_of(kept.get(), t);
  if (state == freshness::fresh) {
    promise.deliver(from(kept->value(), "HIT-KV-HOT", t));
    return promise;
  }
  if (const auto it = s.under_way.find(l.about.key); it != s.under_way.end()) {
    ++s.coalesced;
    it->second.waiters.push_back({promise, l.gzip, who, deadline});
    ++it->second.waiting;
    return promise;
  }
  if (*s.settings.fetches >= s.settings.max_fetches) {
    ++s.shed;
    promise.deliver(
      state == freshness::stale ? stale(kept->value(), t) : refusal(ec::overloaded, "too many fetches under way"));
    return promise;
  }
  ++*s.settings.fetches;
  const auto key = l.about.key;
  const bool durable = l.about.durable && s.peers.reader && s.reads < max_reads;
  s.under_way.emplace(
    key, cache_state::fetching{std::move(l.about), deadline, 0, {}, false, {{promise, l.gzip, who, deadline}}, 0, 1});
  if (durable)
    ask_database(self, key);
  else
    ask_providers(self, key);
  return promise;
}

metrics report(const cache_state& s) {
  std::size_t waiting = 0;
  for (const auto& [key, f] : s.under_way)
    waiting += f.waiting;
  const auto count = [](auto v) { return static_cast<std::int64_t>(v); };
  return {
    {"troupe_cache_lookups_total", {}, true, s.lookups},
    {"troupe_cache_coalesced_total", {}, true, s.coalesced},
    {"troupe_cache_stale_served_total", {}, true, s.stale_served},
    {"troupe_cache_shed_total", {}, true, s.shed},
    {"troupe_cache_cancelled_total", {}, true, s.cancelled},
    {"troupe_cache_too_large_total", {}, true, s.too_large},
    {"troupe_cache_evicted_total", {}, true, count(s.store->evicted())},
    {"troupe_cache_entries", {}, false, count(s.store->size())},
    {"troupe_cache_bytes", {}, false, count(s.store->bytes())},
    {"troupe_cache_fetches_in_flight", {}, false, count(s.under_way.size())},
    {"troupe_cache_waiting", {}, false, count(waiting)},
  };
}

} // namespace

cache_actor::behavior_type cache(self_ptr self, cache_settings settings, cache_peers peers) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.peers = std::move(peers);
  s.store.emplace(s.settings.index, s.settings.max_bytes);
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    while (!self->state.under_way.empty()) {
      const auto key = self->state.under_way.begin()->first;
      end(self, key, refusal(ec::cancelled, "shutting down"));
    }
    self->quit(stop.reason);
  });
  return {
    [self](lookup& l) { return look_up(self, l); },
    [self](const lookup_cancel& c) {
      forget(self, {self->current_sender() ? self->current_sender()->id() : 0, c.id}, c.key);
    },
    [self](const compress& c) { compress_kept(self->state, c.key); },
    [self](tick_atom) { tick(self); },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
