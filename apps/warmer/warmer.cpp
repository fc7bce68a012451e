#include "apps/warmer/warmer.hpp"

#include "apps/warmer/items.hpp"
#include "apps/warmer/warmer_steps.hpp"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

namespace troupe {
namespace warming {
namespace {

// Refused so often in the same words while other questions are answered: with the pauses in between about eight
// minutes. What was away has come back by then, and what storage does not take it will not take later either.
constexpr int most_alike = 20;
// Of what a job says when it fails.
constexpr std::size_t longest_message = 1'000;

// Storage is away or busy: the same question may be answered later.
bool may_pass(ec code) {
  return code == ec::storage_failed || code == ec::deadline_exceeded || code == ec::overloaded;
}

// What is on its way from now on belongs to nobody.
void begin_life(self_ptr self) {
  auto& s = self->state;
  ++s.life;
  let_go(self);
  if (s.import_given_up)
    *s.import_given_up = true;
  s.batch = {};
  s.flushing = s.giving_back = s.checking = s.check_again = false;
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
  s.import_given_up = std::make_shared<std::atomic<bool>>(false);
  self->send(s.importer, import_order{s.job->id, s.job->source, s.settings.owner, s.life, s.import_given_up});
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
  begin_life(self);
  s.job = std::move(job);
  s.progress.emplace(s.job->phase, s.job->counts, monotonic(self));
  s.next_renew = self->clock().now() + s.settings.lease / 3;
  s.settings.log->info("Job {} of library {} runs", s.job->id, s.job->library);
  tell(self);
  go_on(self);
  wake(self);
}

result<std::vector<job_view>> find_work(jobs_repository& jobs, const std::string& owner, std::int64_t now,
  std::int64_t until, jobs_repository::recovery which) {
  auto found = jobs.recover(owner, now, until, which);
  if (!found || !found.value().empty())
    return found;
  auto next = jobs.start_next(owner, now, until);
  if (!next)
    return next.as_failure();
  std::vector<job_view> out;
  if (next.value())
    out.push_back(std::move(*next.value()));
  return out;
}

// Takes up what an earlier life or a dead node has left, then the oldest job that waits.
void look(self_ptr self) {
  auto& s = self->state;
  if (s.job)
    return;
  if (s.now != phase::idle) { // a look is under way, which may have missed what is new
    s.look_again = true;
    return;
  }
  if (!s.recovered.empty()) {
    auto job = std::move(s.recovered.back());
    s.recovered.pop_back();
    return begin(self, std::move(job));
  }
  s.now = phase::storage;
  s.look_again = false;
  const auto which = s.at_start ? jobs_repository::recovery::at_start : jobs_repository::recovery::of_expired;
  store<std::vector<job_view>>(
    self,
    [which, owner = s.settings.owner, lease = s.settings.lease.count()](
      jobs_repository& jobs, std::int64_t now) { return find_work(jobs, owner, now, now + lease, which); },
    [self](result<std::vector<job_view>> found) {
      auto& mine = self->state;
      mine.now = phase::idle;
      mine.next_look = self->clock().now() + mine.settings.look_every;
      if (!found) {
        if (const auto r = mine.refused.refused(found.error()); r.say)
          mine.settings.log->warn("Looking for jobs: {} ({} in a row)", found.error().message, r.alike);
        return;
      }
      mine.refused.went_on();
      mine.at_start = false;
      mine.recovered = std::move(found.value());
      if (!mine.recovered.empty() || mine.look_again)
        look(self);
    });
}

void on_imported(self_ptr self, const import_over& over) {
  auto& s = self->state;
  if (over.life != s.life || s.now != phase::parsing)
    return;
  if (over.code == ec::none) {
    s.refused.went_on();
    s.stuck.went_on();
    return enter(self, "warming", claim);
  }
  if (over.code == ec::cancelled)
    return drop(self);
  const error why{over.code, over.message};
  if (may_pass(over.code)) // it is read again
    return on_end_refused(self, why);
  end_with(self, why.message);
}

void on_told(self_ptr self, import_told& told) {
  auto& s = self->state;
  if (told.life != s.life || s.now != phase::parsing)
    return;
  s.refused.went_on();
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
  if (s.job && !s.checking && now >= s.next_renew)
    check(self);
  if (s.now == phase::warming && now >= s.next_flush)
    flush(self);
  if (s.now == phase::warming)
    pump(self);
  if (s.now == phase::idle && now >= s.next_look)
    look(self);
  wake(self);
}

void stop(self_ptr self) {
  auto& s = self->state;
  begin_life(self);
  s.now = phase::idle;
  *s.settings.stop = true;
  s.peers->cancel();
  s.storage->cancel();
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

// What is under way moves its own moment when it ends: a tick for it until then would find nothing to do, and the next
// would follow at once.
void wake(self_ptr self) {
  auto& s = self->state;
  wake_at(self, s.tick, s.storage->next());
  if (!s.job && s.now == phase::idle)
    wake_at(self, s.tick, s.next_look);
  if (!s.job)
    return;
  if (!s.checking)
    wake_at(self, s.tick, s.next_renew);
  if (s.now != phase::warming)
    return;
  if (!s.flushing)
    wake_at(self, s.tick, s.next_flush);
  // What could be sent at once waits for one of those under way, and needs no tick.
  if (const auto at = s.batch.wake_at(); at && *at > self->clock().now())
    wake_at(self, s.tick, at);
}

void tell(self_ptr self) {
  auto& s = self->state;
  if (s.job && s.settings.changed)
    s.settings.changed(s.job->id);
}

void drop(self_ptr self) {
  auto& s = self->state;
  tell(self);
  begin_life(self);
  s.job.reset();
  s.progress.reset();
  s.refused.went_on();
  s.stuck.went_on();
  s.now = phase::idle;
  s.next_look = self->clock().now();
  look(self);
}

void on_refusal(self_ptr self, const error& why) {
  auto& s = self->state;
  if (why.code == ec::cancelled || why.code == ec::not_found)
    return drop(self);
  let_go(self);
  s.batch = {};
  const auto r = s.refused.refused(why);
  if (r.say && (r.alike > 1 || why.code != ec::bad_request)) // one is what a pause looks like
    s.settings.log->warn("Job {}: {} ({} in a row)", s.job->id, why.message, r.alike);
  s.next_renew = self->clock().now() + r.pause;
  s.now = phase::held; // check() says how it goes on
  wake(self);
}

void on_end_refused(self_ptr self, const error& why) {
  auto& s = self->state;
  const bool counts = why.code == ec::storage_failed || why.code == ec::bad_request;
  if (counts && s.stuck.refused(why).alike >= most_alike)
    return end_with(
      self, fmt::format("storage has refused {} times what the job cannot do without: {}", most_alike, why.message));
  on_refusal(self, why);
}

void end_with(self_ptr self, const std::string& message) {
  auto& s = self->state;
  let_go(self);
  s.batch = {};
  s.now = phase::storage;
  auto said = storable(message, longest_message);
  auto data =
    nlohmann::ordered_json{{"state", "failed"}, {"message", said}, {"counts", counts_json(s.job->counts)}}.dump();
  store<job_view>(
    self,
    [id = s.job->id, owner = s.settings.owner, said, data = std::move(data)](
      jobs_repository& jobs, std::int64_t now) { return jobs.fail_job(id, owner, said, data, now); },
    [self, said](const result<job_view>& done) {
      auto& mine = self->state;
      if (!done)
        return on_refusal(self, done.error());
      ++mine.jobs_failed;
      mine.settings.log->error("Job {} failed: {}", mine.job->id, said);
      drop(self);
    });
}

void complete(self_ptr self) {
  auto& s = self->state;
  s.now = phase::storage;
  const auto& j = *s.job;
  const nlohmann::ordered_json data{
    {"state", "done"}, {"counts", counts_json(j.counts)}, {"took_ms", s.settings.now_ms() - j.started_ms}};
  store<job_view>(
    self,
    [id = j.id, owner = s.settings.owner, text = data.dump()](
      jobs_repository& jobs, std::int64_t now) { return jobs.complete(id, owner, text, now); },
    [self](const result<job_view>& done) {
      auto& mine = self->state;
      if (!done)
        return on_end_refused(self, done.error());
      ++mine.jobs_done;
      mine.settings.log->info("Job {} is done: {} warmed, {} of them were there, {} failed", mine.job->id,
        done.value().counts.done, done.value().counts.hits, done.value().counts.failed);
      drop(self);
    });
}

void check(self_ptr self) {
  auto& s = self->state;
  if (!s.job)
    return;
  if (s.checking) { // what is new may have come behind it
    s.check_again = true;
    return;
  }
  s.checking = true;
  s.check_again = false;
  s.next_renew =
    self->clock().now() + (s.now == phase::held ? std::chrono::nanoseconds{flush_every} : s.settings.lease / 3);
  store<job_view>(
    self,
    [id = s.job->id, owner = s.settings.owner, lease = s.settings.lease.count()](
      jobs_repository& jobs, std::int64_t now) { return jobs.renew(id, owner, now, now + lease); },
    [self](result<job_view> done) {
      auto& mine = self->state;
      mine.checking = false;
      const bool again = std::exchange(mine.check_again, false);
      if (done) {
        mine.job = std::move(done.value());
        heed(self);
      } else if (may_pass(done.error().code)) { // the next one may do
        const auto r = mine.refused.refused(done.error());
        if (r.say)
          mine.settings.log->warn("Job {}: its lease: {} ({} in a row)", mine.job->id, done.error().message, r.alike);
        if (mine.now == phase::held)
          mine.next_renew = self->clock().now() + r.pause;
      } else {
        return drop(self);
      }
      if (again)
        check(self);
    });
}

void heed(self_ptr self) {
  auto& s = self->state;
  if (has_ended(s.job->state))
    return drop(self);
  if (s.job->state == job_state::running) {
    if (s.now != phase::held || s.flushing || s.giving_back)
      return;
    begin_life(self);
    return go_on(self);
  }
  s.stuck.went_on();
  if (s.now != phase::warming && s.now != phase::parsing)
    return;
  if (std::exchange(s.now, phase::held) == phase::parsing)
    *s.import_given_up = true;
  s.next_renew = self->clock().now() + flush_every;
  tell(self);
  let_go(self);
  give_back(self);
}

} // namespace warming

warmer_actor::behavior_type warmer(warming::self_ptr self, warmer_settings settings, importer_actor importer) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.importer = std::move(importer);
  s.storage.emplace(s.settings.pool);
  s.peers = std::make_unique<bindings<warming::self_ptr>>(self, s.settings.bindings, s.settings.log, s.settings.seed);
  self->set_down_handler([self](const caf::down_msg& down) { self->state.peers->down(down); });
  self->set_exit_handler([self](const caf::exit_msg& why) {
    warming::stop(self);
    self->quit(why.reason);
  });
  warming::look(self);
  return {
    [self](const warm_kick&) { self->state.job ? warming::check(self) : warming::look(self); },
    [self](import_told& told) { warming::on_told(self, told); },
    [self](const import_over& over) { warming::on_imported(self, over); },
    [self](job_ended_atom, std::uint64_t number) { self->state.storage->ended(number); },
    [self](tick_atom) { warming::tick(self); },
    [self](stats_atom) { return warming::report(self->state); },
  };
}

} // namespace troupe
