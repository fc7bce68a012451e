#include "apps/warmer/warmer.hpp"

#include "actors/timer/timer.hpp"
#include "apps/services/books_proxy.hpp"
#include "apps/warmer/items.hpp"

#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using self_ptr = warmer_state::self_ptr;
using phase = warmer_state::phase;
using std::chrono::microseconds;
using storage::job_kind;
using storage::jobs_repository;

// Of one question to storage: a transaction of a micro-batch takes milliseconds.
constexpr microseconds longest_store = std::chrono::seconds{10};
// So soon a result is in storage, and seen by who watches, also when a micro-batch takes minutes.
constexpr auto flush_every = std::chrono::seconds{1};

std::chrono::nanoseconds monotonic(self_ptr self) {
  return self->clock().now().time_since_epoch();
}

void wake(self_ptr self) {
  auto& s = self->state;
  if (s.job)
    wake_at(self, s.tick, std::min(s.next_renew, s.now == phase::warming ? s.next_flush : s.next_renew));
  else
    wake_at(self, s.tick, s.next_look);
  wake_at(self, s.tick, s.storage->next());
  if (s.now != phase::warming)
    return;
  // What could be sent at once waits for one of those under way, and needs no tick.
  if (const auto at = s.batch.wake_at(); at && *at > self->clock().now())
    wake_at(self, s.tick, at);
}

/// Has storage do something and goes on with what came of it, if the job is still the same.
template <class R, class Work, class Then>
void store(self_ptr self, Work work, Then then) {
  auto& s = self->state;
  s.storage->run<R>(
    self, job_kind::write, longest_store,
    [work = std::move(work), now_ms = s.settings.now_ms](storage::sql& db) -> result<R> {
      auto jobs = jobs_repository{db};
      return work(jobs, now_ms());
    },
    [self, life = s.life, then = std::move(then)](result<R> done) {
      if (life == self->state.life)
        then(std::move(done));
      wake(self);
    });
  wake(self);
}

void look(self_ptr self);
void claim(self_ptr self);
void pump(self_ptr self);
void flush(self_ptr self);
void check(self_ptr self);

void tell(self_ptr self) {
  auto& s = self->state;
  if (s.job && s.settings.changed)
    s.settings.changed(s.job->id);
}

// The job is no longer ours: ended, cancelled, or somebody else's.
void drop(self_ptr self) {
  auto& s = self->state;
  tell(self);
  s.job.reset();
  s.progress.reset();
  s.batch = {};
  s.now = phase::idle;
  s.flushing = s.checking = false;
  ++s.life;
  s.next_look = self->clock().now();
  look(self);
}

// Storage refused something. What the job's state explains is followed; what may pass is tried again soon.
void on_refusal(self_ptr self, const error& why) {
  auto& s = self->state;
  if (why.code == ec::cancelled || why.code == ec::not_found)
    return drop(self);
  if (why.code != ec::bad_request)
    s.settings.log->warn("Job {}: {}", s.job->id, why.message);
  s.next_renew = self->clock().now() + flush_every;
  s.now = phase::held; // check() says how it goes on
  wake(self);
}

void end_with(self_ptr self, const std::string& message) {
  auto& s = self->state;
  s.now = phase::storage;
  ++s.jobs_failed;
  s.settings.log->error("Job {} failed: {}", s.job->id, message);
  auto data =
    nlohmann::json{{"state", "failed"}, {"message", message}, {"counts", nlohmann::json::parse(to_json(s.job->counts))}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  store<job_view>(
    self,
    [id = s.job->id, owner = s.settings.owner, message, data](
      jobs_repository& jobs, std::int64_t now) { return jobs.fail_job(id, owner, message, data, now); },
    [self](const result<job_view>&) { drop(self); });
}

void complete(self_ptr self) {
  auto& s = self->state;
  s.now = phase::storage;
  const auto& j = *s.job;
  auto data = nlohmann::json{{"state", "done"}, {"counts", nlohmann::json::parse(to_json(j.counts))},
    {"took_ms", s.settings.now_ms() - j.started_ms}};
  store<job_view>(
    self,
    [id = j.id, owner = s.settings.owner, text = data.dump()](
      jobs_repository& jobs, std::int64_t now) { return jobs.complete(id, owner, text, now); },
    [self](const result<job_view>& done) {
      auto& mine = self->state;
      if (!done)
        return on_refusal(self, done.error());
      ++mine.jobs_done;
      mine.settings.log->info("Job {} is done: {} warmed, {} of them were there, {} failed", mine.job->id,
        done.value().counts.done, done.value().counts.hits, done.value().counts.failed);
      drop(self);
    });
}

void enter(self_ptr self, std::string_view name, const std::function<void(self_ptr)>& then) {
  auto& s = self->state;
  if (s.job->phase == name)
    return then(self);
  s.now = phase::storage;
  store<job_view>(
    self,
    [id = s.job->id, owner = s.settings.owner, name = std::string{name}](
      jobs_repository& jobs, std::int64_t now) { return jobs.advance(id, owner, name, now); },
    [self, then](result<job_view> done) {
      if (!done)
        return on_refusal(self, done.error());
      self->state.job = std::move(done.value());
      self->state.progress->enter(self->state.job->phase, monotonic(self));
      tell(self);
      then(self);
    });
}

void parse(self_ptr self) {
  auto& s = self->state;
  s.now = phase::parsing;
  self->send(s.importer, import_order{s.job->id, s.job->source, s.settings.owner});
}

// A job is ours and runs: on with it, wherever it stands. Nothing of it is in our hands.
void go_on(self_ptr self) {
  auto& s = self->state;
  const bool parsed = s.job->source.empty() || (s.job->phase != "" && s.job->phase != "parsing");
  if (!parsed)
    return enter(self, "parsing", parse);
  enter(self, "warming", [](self_ptr me) {
    auto& mine = me->state;
    mine.now = phase::storage;
    store<job_view>(
      me,
      [id = mine.job->id, owner = mine.settings.owner](
        jobs_repository& jobs, std::int64_t now) { return jobs.requeue(id, owner, now); },
      [me](result<job_view> done) {
        if (!done)
          return on_refusal(me, done.error());
        me->state.job = std::move(done.value());
        claim(me);
      });
  });
}

void begin(self_ptr self, job_view job) {
  auto& s = self->state;
  ++s.life;
  s.job = std::move(job);
  s.progress.emplace(s.job->phase, s.job->counts, monotonic(self));
  s.batch = {};
  s.next_renew = self->clock().now() + s.settings.lease / 3;
  s.settings.log->info("Job {} of library {} runs", s.job->id, s.job->library);
  tell(self);
  go_on(self);
  wake(self);
}

// Takes up what an earlier life or a dead node has left, then the oldest job that waits.
void look(self_ptr self) {
  auto& s = self->state;
  if (s.job || s.now != phase::idle)
    return;
  if (!s.recovered.empty()) {
    auto job = std::move(s.recovered.back());
    s.recovered.pop_back();
    return begin(self, std::move(job));
  }
  s.now = phase::storage;
  using recovery = jobs_repository::recovery;
  const auto which = s.at_start ? recovery::at_start : recovery::of_expired;
  store<std::vector<job_view>>(
    self,
    [which, owner = s.settings.owner, lease = s.settings.lease.count()](
      jobs_repository& jobs, std::int64_t now) -> result<std::vector<job_view>> {
      auto found = jobs.recover(owner, now, now + lease, which);
      if (!found || !found.value().empty())
        return found;
      auto next = jobs.start_next(owner, now, now + lease);
      if (!next)
        return next.as_failure();
      std::vector<job_view> out;
      if (next.value())
        out.push_back(std::move(*next.value()));
      return out;
    },
    [self](result<std::vector<job_view>> found) {
      auto& mine = self->state;
      mine.now = phase::idle;
      mine.next_look = self->clock().now() + mine.settings.look_every;
      if (!found)
        return mine.settings.log->warn("Looking for jobs: {}", found.error().message);
      mine.at_start = false;
      mine.recovered = std::move(found.value());
      if (!mine.recovered.empty())
        look(self);
    });
}

void claim(self_ptr self) {
  auto& s = self->state;
  s.now = phase::storage;
  store<std::vector<job_item>>(
    self,
    [id = s.job->id, owner = s.settings.owner, batch = s.settings.batch](
      jobs_repository& jobs, std::int64_t now) { return jobs.claim(id, owner, batch, now); },
    [self](result<std::vector<job_item>> items) {
      auto& mine = self->state;
      if (!items)
        return on_refusal(self, items.error());
      if (items.value().empty())
        return complete(self);
      mine.batch = micro_batch{std::move(items.value())};
      mine.now = phase::warming;
      mine.next_flush = self->clock().now() + flush_every;
      pump(self);
    });
}

void send(self_ptr self, std::size_t place, bool by_proxy);

void on_answer(self_ptr self, std::size_t place, bool by_proxy, const service_response& r) {
  auto& s = self->state;
  const auto v = judge(r);
  // ISBNdb does not know this author, or cannot be asked: the others are, as for a user (S2-53).
  if (s.batch.item(place).kind == author_item && !by_proxy && (v.code != ec::none || v.empty))
    return send(self, place, true);
  if (v.code == ec::none) {
    ++(v.hit ? s.items_hit : s.items_fetched);
    s.batch.done(place, v.hit ? done_by_hit : "fetched");
  } else if (s.batch.failed(place, v.code, v.message, v.wait, self->clock().now())) {
    ++s.items_failed;
    s.progress->failed(to_string(v.code));
  }
  if (s.batch.is_over())
    return flush(self);
  pump(self);
}

void send(self_ptr self, std::size_t place, bool by_proxy) {
  auto& s = self->state;
  const auto& item = s.batch.item(place);
  const bool to_isbndb = item.kind == author_item && !by_proxy && s.peers->has(isbndb_binding);
  service_request r;
  r.path = item.kind == author_item && !to_isbndb ? other_path_of(item) : path_of(item);
  r.method = to_isbndb ? "GET" : "HEAD"; // nobody reads the body
  r.head.remaining_us = s.settings.call_time.count();
  r.head.priority = priority::warming;
  s.peers->call(to_isbndb ? isbndb_binding : proxy_binding, std::move(r),
    [self, life = s.life, place, by_proxy = !to_isbndb || by_proxy](service_response&& a) {
      if (life == self->state.life && self->state.now == phase::warming)
        on_answer(self, place, by_proxy, a);
    });
}

// Sends what may be sent. An answer may come from within a call (a circuit that is open), so this is a loop that looks
// anew each time, and not one that is entered twice.
void pump(self_ptr self) {
  auto& s = self->state;
  if (s.now != phase::warming)
    return;
  const auto life = s.life;
  while (s.life == life && s.now == phase::warming && s.batch.under_way() < s.settings.concurrency) {
    const auto place = s.batch.next(self->clock().now());
    if (!place)
      break;
    send(self, *place, false);
  }
  wake(self);
}

// What has ended goes to storage, with an event when one is worth it; then the next micro-batch, if this one is over.
void flush(self_ptr self) {
  auto& s = self->state;
  if (s.flushing)
    return;
  s.next_flush = self->clock().now() + flush_every;
  auto results = s.batch.take_results();
  if (results.empty())
    return;
  s.flushing = true;
  auto counts = s.job->counts;
  for (const auto& r : results) {
    ++(r.code.empty() ? counts.done : counts.failed);
    counts.hits += r.how == done_by_hit ? 1 : 0;
  }
  s.progress->update(counts, monotonic(self));
  std::optional<job_event> event;
  if (s.progress->is_due(monotonic(self)))
    event = job_event{0, "progress", 0, to_json(s.progress->tell(monotonic(self)))};
  const bool told = event.has_value();
  store<job_view>(
    self,
    [id = s.job->id, owner = s.settings.owner, results = std::move(results), event = std::move(event)](
      jobs_repository& jobs, std::int64_t now) { return jobs.finish(id, owner, results, event, now); },
    [self, told](result<job_view> done) {
      auto& mine = self->state;
      mine.flushing = false;
      if (!done) // what was taken is claimed still, and is done again after a requeue
        return on_refusal(self, done.error());
      mine.job = std::move(done.value());
      if (told)
        tell(self);
      if (mine.now != phase::warming)
        return;
      if (mine.job->state != job_state::running)
        return check(self);
      if (mine.batch.is_settled())
        return claim(self);
      if (mine.batch.is_over())
        flush(self);
    });
}

// Renews the lease, and learns whether the job was paused, resumed or cancelled.
void check(self_ptr self) {
  auto& s = self->state;
  if (!s.job || s.checking)
    return;
  s.checking = true;
  s.next_renew =
    self->clock().now() + (s.now == phase::held ? std::chrono::nanoseconds{flush_every} : s.settings.lease / 3);
  store<job_view>(
    self,
    [id = s.job->id, owner = s.settings.owner, lease = s.settings.lease.count()](
      jobs_repository& jobs, std::int64_t now) { return jobs.renew(id, owner, now, now + lease); },
    [self](result<job_view> done) {
      auto& mine = self->state;
      mine.checking = false;
      if (!done) {
        if (done.error().code == ec::storage_failed || done.error().code == ec::deadline_exceeded
            || done.error().code == ec::overloaded)
          return; // the next one may do
        return drop(self);
      }
      mine.job = std::move(done.value());
      const bool runs = mine.job->state == job_state::running;
      if (mine.now == phase::warming && !runs) {
        flush(self);
        mine.now = phase::held;
        mine.batch = {};
        tell(self);
      } else if (mine.now == phase::held && runs && !mine.flushing) {
        ++mine.life; // what is still under way of the batch that was held is not waited for
        go_on(self);
      } else if (has_ended(mine.job->state)) {
        drop(self);
      }
    });
}

void on_imported(self_ptr self, const import_over& over) {
  auto& s = self->state;
  if (!s.job || s.job->id != over.job || s.now != phase::parsing)
    return;
  if (over.code == ec::none)
    return enter(self, "warming", claim);
  if (over.code == ec::cancelled)
    return drop(self);
  if (over.code == ec::storage_failed || over.code == ec::overloaded || over.code == ec::deadline_exceeded)
    return on_refusal(self, {over.code, over.message}); // it is read again
  // It may have been paused, which refuses what the importer stores; that is no failure.
  s.now = phase::storage;
  store<std::optional<job_view>>(
    self, [id = over.job](jobs_repository& jobs, std::int64_t) { return jobs.find(id); },
    [self, message = over.message](result<std::optional<job_view>> found) {
      auto& mine = self->state;
      if (!found || !found.value() || has_ended(found.value()->state))
        return drop(self);
      mine.job = std::move(*found.value());
      if (mine.job->state == job_state::running)
        return end_with(self, message);
      mine.now = phase::held;
      tell(self);
    });
}

void on_told(self_ptr self, import_told& told) {
  auto& s = self->state;
  if (!s.job || s.job->id != told.job.id || s.now != phase::parsing)
    return;
  s.job = std::move(told.job);
  s.progress->update(s.job->counts, monotonic(self));
  if (!s.progress->is_due(monotonic(self)))
    return;
  store<job_view>(
    self,
    [id = s.job->id, owner = s.settings.owner,
      event = job_event{0, "progress", 0, to_json(s.progress->tell(monotonic(self)))}](
      jobs_repository& jobs, std::int64_t now) { return jobs.append(id, owner, event, now); },
    [self](const result<job_view>& done) {
      if (done)
        tell(self);
    });
}

void tick(self_ptr self) {
  auto& s = self->state;
  s.peers->tick();
  const auto now = self->clock().now();
  if (!s.tick.rang(now))
    return;
  s.storage->expire(now);
  if (s.job && now >= s.next_renew)
    check(self);
  if (s.now == phase::warming && now >= s.next_flush)
    flush(self);
  if (s.now == phase::warming)
    pump(self);
  if (s.now == phase::idle && now >= s.next_look)
    look(self);
  wake(self);
}

// The bindings' counters are shared with the service's front, which reports them.
metrics report(const warmer_state& s) {
  return {
    {"troupe_warm_jobs_running", {}, false, s.job ? 1 : 0},
    {"troupe_warm_jobs_total", {{"outcome", "done"}}, true, s.jobs_done},
    {"troupe_warm_jobs_total", {{"outcome", "failed"}}, true, s.jobs_failed},
    {"troupe_warm_items_total", {{"how", "hit"}}, true, s.items_hit},
    {"troupe_warm_items_total", {{"how", "fetched"}}, true, s.items_fetched},
    {"troupe_warm_items_total", {{"how", "failed"}}, true, s.items_failed},
  };
}

} // namespace

warmer_actor::behavior_type warmer(self_ptr self, warmer_settings settings, importer_actor importer) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.importer = std::move(importer);
  s.storage.emplace(s.settings.pool);
  s.peers = std::make_unique<bindings<self_ptr>>(self, s.settings.bindings, s.settings.log, s.settings.seed);
  self->set_down_handler([self](const caf::down_msg& down) { self->state.peers->down(down); });
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    auto& mine = self->state;
    ++mine.life;
    mine.now = phase::idle;
    *mine.settings.stop = true;
    mine.peers->cancel();
    mine.storage->cancel();
    self->quit(stop.reason);
  });
  look(self);
  return {
    [self](const warm_kick&) { self->state.job ? check(self) : look(self); },
    [self](import_told& told) { on_told(self, told); },
    [self](const import_over& over) { on_imported(self, over); },
    [self](job_ended_atom, std::uint64_t number) { self->state.storage->ended(number); },
    [self](tick_atom) { tick(self); },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
