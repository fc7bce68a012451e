#include "actors/scheduler/scheduler.hpp"

#include "storage/schedules_repository.hpp"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

using self_ptr = scheduler_actor::stateful_pointer<scheduler_state>;
using chore = scheduler_state::chore;
using run = scheduler_state::run;
using decision = schedule_book::decision;
using std::chrono::microseconds;
using std::chrono::seconds;
using storage::begun;
using storage::job_kind;
using storage::schedules_repository;

// Two renewals may fail, or come late, before others may think that this node has died.
constexpr auto lease_ms = std::int64_t{60'000};
constexpr auto renew_every = seconds{20};
// Storage that is away comes back within seconds, or stays away for longer than matters here.
constexpr auto try_again = seconds{5};
// For a task to end once it was told to.
constexpr auto patience = seconds{10};

schedule_book::time at_ms(std::int64_t ms) {
  return schedule_book::time{std::chrono::milliseconds{ms}};
}

schedule_book::time wall(self_ptr self) {
  return at_ms(self->state.settings.now_ms());
}

std::int64_t ms_of(schedule_book::time t) {
  return t.time_since_epoch().count();
}

const schedule_entry* entry_of(const scheduler_state& s, std::string_view name) {
  const auto& all = s.settings.schedules;
  const auto it = std::find_if(all.begin(), all.end(), [&](const auto& e) { return e.what.name == name; });
  return it == all.end() ? nullptr : &*it;
}

error unknown(const std::string& name) {
  return {ec::not_found, "schedule " + name + ": there is none"};
}

void plan(self_ptr self, std::chrono::nanoseconds in, chore what) {
  self->state.chores.add(
    self->clock().now() + std::chrono::duration_cast<wake_up::time::duration>(in), std::move(what));
}

void wake(self_ptr self) {
  auto& s = self->state;
  wake_at(self, s.tick, s.chores.next());
  wake_at(self, s.tick, s.jobs->next());
}

/// Has the repository asked, on a connection of the pool.
/// @param work result<R>(schedules_repository&, std::int64_t now_ms)
/// @param then void(result<R>)
template <class R, class Work, class Then>
void ask(self_ptr self, job_kind kind, microseconds remaining, Work work, Then then) {
  auto& s = self->state;
  s.jobs->run<R>(
    self, kind, remaining,
    [work = std::move(work), now_ms = s.settings.now_ms](storage::sql& db) -> result<R> {
      auto schedules = schedules_repository{db};
      return work(schedules, now_ms());
    },
    std::move(then));
}

/// Notes in the log that the storage failed; not when the actor ends.
void complain(self_ptr self, const std::string& name, const char* what, const error& why) {
  if (why.code != ec::cancelled)
    self->state.settings.log->warn("Schedule {}: {}: {}", name, what, why.message);
}

void ended(self_ptr self, const std::string& name, run_outcome how) {
  ++self->state.ended[name].at(static_cast<std::size_t>(how));
}

// Ending a run. Its schedule is free when the storage knows.

void write_end(self_ptr self, const std::string& name) {
  const auto& r = self->state.runs.at(name);
  ask<bool>(
    self, job_kind::write, pool_jobs::forever,
    [name, n = r.n, end = *r.end](
      schedules_repository& schedules, std::int64_t now) { return schedules.end(name, n, end.how, end.message, now); },
    [self, name](const result<bool>& done) {
      auto& s = self->state;
      const auto it = s.runs.find(name);
      if (!done) {
        complain(self, name, "the end of its run is not noted yet", done.error());
        return plan(self, try_again, {chore::kind::end_again, name, it->second.n});
      }
      const auto& end = *it->second.end;
      const auto level = end.how == run_outcome::ok ? spdlog::level::info : spdlog::level::warn;
      s.settings.log->log(level, "Schedule {}: run {} ended: {}{}{}", name, it->second.n, to_string(end.how),
        end.message.empty() ? "" : ", ", end.message);
      ended(self, name, end.how);
      s.runs.erase(it);
      s.book.ended(name);
    });
}

run* find_run(scheduler_state& s, const std::string& name, std::int64_t n) {
  const auto it = s.runs.find(name);
  return it == s.runs.end() || it->second.n != n || it->second.end ? nullptr : &it->second;
}

void finish(self_ptr self, const std::string& name, std::int64_t n, run_outcome how, std::string message) {
  auto& s = self->state;
  auto* const r = find_run(s, name, n);
  if (r == nullptr)
    return;
  if (r->late) {
    how = run_outcome::failed;
    const auto allowed = std::chrono::ceil<seconds>(entry_of(s, name)->deadline).count();
    message = "its deadline of " + std::to_string(allowed) + " s passed" + (message.empty() ? "" : ": ") + message;
  }
  r->end = {how, for_history(std::move(message))};
  write_end(self, name);
}

// Running one.

void start(self_ptr self, const schedule_run& begun_run) {
  auto& s = self->state;
  const auto& entry = *entry_of(s, begun_run.name);
  const auto n = begun_run.n;
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  s.runs[begun_run.name] = {n, cancelled};
  s.settings.log->info("Schedule {}: run {} begins ({})", begun_run.name, n, to_string(begun_run.cause));
  plan(self, renew_every, {chore::kind::renew, begun_run.name, n});
  plan(self, entry.deadline, {chore::kind::deadline, begun_run.name, n});
  run_task(entry.task, {begun_run.name, n, begun_run.due_ms, begun_run.cause, entry.deadline, cancelled},
    [to = caf::weak_actor_ptr{self->ctrl()}, name = begun_run.name, n](result<std::string> r) {
      if (const auto there = to.lock()) // a task keeps no actor alive
        caf::anon_send(caf::actor_cast<scheduler_actor>(there),
          schedule_task_ended{name, n, r ? ec::none : r.error().code, std::move(r ? r.value() : r.error().message)});
    });
}

struct attempt {
  begun came_to;
  std::int64_t started_ms = 0;
};

using answer = std::function<void(result<schedule_run>)>;

void on_attempt(self_ptr self, const decision& d, const result<attempt>& tried, const answer& then) {
  auto& s = self->state;
  if (!tried || tried.value().came_to.what != begun::how::started)
    s.book.ended(d.name);
  if (!tried) {
    complain(self, d.name, "no run could be begun", tried.error());
    if (d.cause != run_cause::manual)
      plan(self, try_again, {chore::kind::give_back, d.name, ms_of(d.due)});
    return then(tried.as_failure());
  }
  if (tried.value().came_to.what == begun::how::busy) {
    if (d.cause != run_cause::manual)
      ended(self, d.name, run_outcome::skipped);
    return then(fail(ec::bad_request, "schedule " + d.name + ": its previous run is under way"));
  }
  if (tried.value().came_to.what == begun::how::taken)
    return then(fail(ec::cancelled, "schedule " + d.name + ": the moment is taken care of"));
  auto begun_run = schedule_run{};
  begun_run.name = d.name;
  begun_run.n = tried.value().came_to.n;
  begun_run.due_ms = ms_of(d.due);
  begun_run.started_ms = tried.value().started_ms;
  begun_run.cause = d.cause;
  begun_run.owner = s.settings.owner;
  start(self, begun_run);
  then(std::move(begun_run));
}

/// A run that nobody will work on may have been begun all the same: the answer was late, or lost.
void disown(self_ptr self, const decision& d) {
  ask<std::int64_t>(
    self, job_kind::write, pool_jobs::forever,
    [d, owner = self->state.settings.owner](
      schedules_repository& schedules, std::int64_t now) { return schedules.disown(d.name, owner, ms_of(d.due), now); },
    [self, d](const result<std::int64_t>& done) {
      if (!done)
        complain(self, d.name, "a run that was begun for nobody is not closed", done.error());
    });
}

void begin(self_ptr self, const decision& d, microseconds remaining, answer then) {
  const auto given_up = std::make_shared<std::atomic<bool>>(false);
  ask<attempt>(
    self, job_kind::write, remaining,
    [d, owner = self->state.settings.owner, given_up](
      schedules_repository& schedules, std::int64_t now) -> result<attempt> {
      auto done = schedules.begin(d.name, ms_of(d.due), d.cause, owner, now, now + lease_ms);
      if (!done)
        return done.as_failure();
      // Given up before this: closed here. Given up after this: closed by what is asked then.
      if (*given_up)
        if (auto closed = schedules.disown(d.name, owner, ms_of(d.due), now); !closed)
          return closed.as_failure();
      return attempt{done.value(), now};
    },
    [self, d, given_up, then = std::move(then)](const result<attempt>& tried) {
      if (!tried && tried.error().code != ec::cancelled) {
        *given_up = true;
        disown(self, d);
      }
      on_attempt(self, d, tried, then);
    });
}

void renew(self_ptr self, const std::string& name, std::int64_t n) {
  auto& s = self->state;
  if (find_run(s, name, n) == nullptr)
    return;
  plan(self, renew_every, {chore::kind::renew, name, n});
  ask<bool>(
    self, job_kind::write, renew_every,
    [name, n](schedules_repository& schedules, std::int64_t now) { return schedules.renew(name, n, now + lease_ms); },
    [self, name, n](const result<bool>& done) {
      auto* const r = find_run(self->state, name, n);
      if (!done)
        return complain(self, name, "its run could not be renewed", done.error());
      if (!done.value() && r != nullptr) {
        self->state.settings.log->error(
          "Schedule {}: run {} was closed by another node, which had not heard of it for too long", name, n);
        r->cancelled->store(true);
      }
    });
}

void pass_deadline(self_ptr self, const std::string& name, std::int64_t n) {
  if (auto* const r = find_run(self->state, name, n)) {
    r->late = true;
    r->cancelled->store(true);
    plan(self, patience, {chore::kind::abandon, name, n});
  }
}

// Looking what is due.

void skip(self_ptr self, const decision& d) {
  ended(self, d.name, run_outcome::skipped);
  self->state.settings.log->info("Schedule {}: skipped: {}", d.name, d.why);
  ask<bool>(
    self, job_kind::write, pool_jobs::forever,
    [d, owner = self->state.settings.owner](schedules_repository& schedules, std::int64_t now) {
      return schedules.skip(d.name, ms_of(d.due), d.cause, d.why, owner, now);
    },
    [self, d](const result<bool>& done) {
      if (!done)
        complain(self, d.name, "that a run was skipped is not noted", done.error());
    });
}

void rewind(self_ptr self, const decision& d) {
  self->state.settings.log->warn(
    "Schedule {}: the clock had been more than a day ahead; it goes by the present one again", d.name);
  ask<bool>(
    self, job_kind::write, pool_jobs::forever,
    [d](schedules_repository& schedules, std::int64_t /*now*/) -> result<bool> {
      if (auto done = schedules.rewind(d.name, ms_of(d.due)); !done)
        return done.as_failure();
      return true;
    },
    [self, d](const result<bool>& done) {
      if (!done)
        complain(self, d.name, "its moment could not be set back", done.error());
    });
}

std::chrono::milliseconds look(self_ptr self) {
  const auto seen = self->state.book.look(wall(self));
  for (const auto& d : seen.decisions)
    switch (d.what) {
    case decision::deed::run:
      begin(self, d, pool_jobs::forever, [](const result<schedule_run>&) {});
      break;
    case decision::deed::skip:
      skip(self, d);
      break;
    case decision::deed::rewind:
      rewind(self, d);
      break;
    }
  return seen.look_again;
}

/// Each look plans the next.
void keep_looking(self_ptr self) {
  const auto again = look(self);
  plan(self, again, {chore::kind::look});
}

using moments = std::map<std::string, std::int64_t>;

void on_loaded(self_ptr self, const result<moments>& found) {
  auto& s = self->state;
  if (!found) {
    if (found.error().code != ec::cancelled)
      s.settings.log->warn("The schedules could not be read, so none runs yet: {}", found.error().message);
    return plan(self, try_again, {chore::kind::load});
  }
  for (const auto& each : s.settings.schedules) {
    const auto it = found.value().find(each.what.name);
    s.book.add(each.what, it == found.value().end() ? std::nullopt : std::optional{at_ms(it->second)}, wall(self));
  }
  s.loaded = true;
  keep_looking(self);
}

void load(self_ptr self) {
  ask<moments>(
    self, job_kind::write, pool_jobs::forever,
    [owner = self->state.settings.owner](schedules_repository& schedules, std::int64_t now) -> result<moments> {
      if (auto closed = schedules.close_interrupted(owner, now); !closed)
        return closed.as_failure();
      return schedules.moments();
    },
    [self](const result<moments>& found) { on_loaded(self, found); });
}

void perform(self_ptr self, const chore& c) {
  auto& s = self->state;
  switch (c.what) {
  case chore::kind::load:
    return load(self);
  case chore::kind::look:
    return keep_looking(self);
  case chore::kind::give_back:
    s.book.give_back(c.name, at_ms(c.n));
    look(self); // beside those that are planned
    return;
  case chore::kind::renew:
    return renew(self, c.name, c.n);
  case chore::kind::deadline:
    return pass_deadline(self, c.name, c.n);
  case chore::kind::abandon:
    return finish(self, c.name, c.n, run_outcome::failed, {});
  case chore::kind::end_again:
    return write_end(self, c.name);
  }
}

void tick(self_ptr self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  if (!s.tick.rang(now))
    return;
  s.jobs->expire(now);
  for (const auto& each : s.chores.take_due(now))
    perform(self, each);
  wake(self);
}

// Questions.

auto list(self_ptr self, const schedule_query& what) {
  auto promise = self->make_response_promise<schedule_views>();
  using standing = std::map<std::string, storage::schedule_standing>;
  ask<standing>(
    self, job_kind::read, microseconds{what.remaining_us},
    [](schedules_repository& schedules, std::int64_t now) { return schedules.standing(now); },
    [self, promise](const result<standing>& found) {
      if (!found)
        return deliver<schedule_views>(promise, found.as_failure());
      const auto& s = self->state;
      auto views = schedule_views{};
      for (const auto& each : s.settings.schedules) {
        const auto next = s.loaded ? s.book.next(each.what.name) : each.what.next(wall(self));
        const auto it = found.value().find(each.what.name);
        const auto how = it == found.value().end() ? storage::schedule_standing{} : it->second;
        views.push_back({each.what.name, each.expression, each.zone, next ? ms_of(*next) : 0, how.last,
          how.under_way || s.runs.contains(each.what.name)});
      }
      deliver<schedule_views>(promise, std::move(views));
    });
  wake(self);
  return promise;
}

auto history(self_ptr self, schedule_history& what) {
  auto promise = self->make_response_promise<schedule_runs>();
  if (entry_of(self->state, what.name) == nullptr) {
    deliver<schedule_runs>(promise, boost::outcome_v2::failure(unknown(what.name)));
    return promise;
  }
  const auto remaining = microseconds{what.remaining_us};
  ask<schedule_runs>(
    self, job_kind::read, remaining,
    [what = std::move(what)](schedules_repository& schedules, std::int64_t /*now*/) -> result<schedule_runs> {
      auto page = schedules.history(what.name, what.limit, what.cursor);
      if (!page)
        return page.as_failure();
      return schedule_runs{std::move(page.value().runs), std::move(page.value().cursor)};
    },
    [promise](result<schedule_runs> page) { deliver(promise, std::move(page)); });
  wake(self);
  return promise;
}

auto trigger(self_ptr self, const schedule_trigger& what) {
  auto& s = self->state;
  auto promise = self->make_response_promise<schedule_run>();
  if (!s.loaded && entry_of(s, what.name) != nullptr) {
    deliver<schedule_run>(promise, fail(ec::storage_failed, "the schedules are not read yet"));
    return promise;
  }
  const auto d = s.book.trigger(what.name, wall(self));
  if (!d)
    deliver<schedule_run>(promise, d.as_failure());
  else
    begin(self, d.value(), microseconds{what.remaining_us},
      [promise](result<schedule_run> r) { deliver(promise, std::move(r)); });
  wake(self);
  return promise;
}

metrics report(const scheduler_state& s) {
  auto out = metrics{};
  for (const auto& each : s.settings.schedules) {
    const auto& name = each.what.name;
    out.push_back({"troupe_schedule_under_way", {{"schedule", name}}, false, s.runs.contains(name) ? 1 : 0});
    const auto counted = s.ended.find(name);
    for (const auto how : {run_outcome::ok, run_outcome::failed, run_outcome::skipped})
      out.push_back({"troupe_schedule_runs_total", {{"schedule", name}, {"outcome", std::string{to_string(how)}}}, true,
        counted == s.ended.end() ? 0 : counted->second.at(static_cast<std::size_t>(how))});
  }
  if (!s.settings.pool_name.empty())
    append(out, s.settings.pool_name, s.jobs->pool().counters());
  return out;
}

/// Tells every task, and the storage of every run. Nobody waits for that: the pool does it before it shuts.
void stop(self_ptr self) {
  auto& s = self->state;
  for (const auto& [name, r] : s.runs) {
    r.cancelled->store(true);
    const auto end = r.end.value_or(scheduler_state::ending{run_outcome::failed, "the node was stopped"});
    s.settings.pool->submit(
      job_kind::write,
      [name = name, n = r.n, end, now_ms = s.settings.now_ms](storage::sql& db) -> result<void> {
        if (auto done = schedules_repository{db}.end(name, n, end.how, end.message, now_ms()); !done)
          return done.as_failure();
        return ok();
      },
      storage::sql_pool::clock::time_point::max(), [](const result<void>&) {});
  }
  s.jobs->cancel();
}

} // namespace

scheduler_actor::behavior_type scheduler(self_ptr self, scheduler_settings settings) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.jobs.emplace(s.settings.pool);
  load(self);
  wake(self);
  self->set_exit_handler([self](const caf::exit_msg& why) {
    stop(self);
    self->quit(why.reason);
  });
  return {
    [self](const schedule_query& what) { return list(self, what); },
    [self](const schedule_trigger& what) { return trigger(self, what); },
    [self](schedule_history& what) { return history(self, what); },
    [self](schedule_task_ended& what) {
      finish(self, what.name, what.n, what.code == ec::none ? run_outcome::ok : run_outcome::failed,
        std::move(what.message));
      wake(self);
    },
    [self](job_ended_atom, std::uint64_t number) {
      self->state.jobs->ended(number);
      wake(self);
    },
    [self](tick_atom) { tick(self); },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
