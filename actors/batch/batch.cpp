#include "actors/batch/batch.hpp"

#include "actors/timer/timer.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace troupe {
namespace {

using self_ptr = batch_actor::stateful_pointer<batch_actor_state>;
using std::chrono::microseconds;

batch_book::time now(self_ptr self) {
  return self->clock().now().time_since_epoch();
}

void settle(self_ptr self);

// The other end of a function task. Whoever drops it ends the task too.
class completion_guard {
public:
  completion_guard(batch_actor to, task_ref task) : to_{std::move(to)}, task_{task} {}
  completion_guard(const completion_guard&) = delete;
  completion_guard& operator=(const completion_guard&) = delete;
  ~completion_guard() { end({ec::internal, "the task dropped its completion", {}, {}}); }

  void end(task_result r) {
    if (!ended_.exchange(true))
      caf::anon_send(to_, task_ended{task_, std::move(r)});
  }

private:
  batch_actor to_;
  task_ref task_;
  std::atomic<bool> ended_{false};
};

void give_back(self_ptr self, batch_actor_state::run& r) {
  if (const auto permit = std::exchange(r.permit, 0); permit != 0)
    self->send(self->state.peers.limiter, permit_release{permit});
}

// What ran for this task has ended, however the task itself ended.
void release(self_ptr self, task_ref t) {
  auto& s = self->state;
  if (const auto it = s.runs.find(t); it != s.runs.end()) {
    give_back(self, it->second);
    s.runs.erase(it);
    s.book->release(t);
  }
}

void settle_endings(self_ptr self);

void ended(self_ptr self, task_ref t, task_result r) {
  auto& s = self->state;
  if (!s.runs.contains(t))
    return;
  s.book->finish(now(self), t, std::move(r));
  settle_endings(self); // which still sees how long it ran
  release(self, t);
}

void run_function(self_ptr self, task_ref t, const task_work& work) {
  const auto guard = std::make_shared<completion_guard>(batch_actor{self}, t);
  const task_context context{t, self->state.runs.at(t).cancelled};
  try {
    work(context, [guard](task_result r) { guard->end(std::move(r)); });
  } catch (const std::exception& e) {
    guard->end({ec::internal, e.what(), {}, {}});
  } catch (...) {
    guard->end({ec::internal, "an exception of no known type", {}, {}});
  }
}

void start_function(self_ptr self, task_ref t, batch_task task, std::int64_t left_us) {
  auto& s = self->state;
  if (task.lane.empty())
    return run_function(self, t, task.work);
  const auto id = ++s.last_permit;
  s.runs.at(t).asked = id;
  self->request(s.peers.limiter, by_its_deadline, permit_request{task.lane, left_us, priority::batch, id})
    .then(
      [self, t, work = std::move(task.work)](const permit& p) {
        auto& state = self->state;
        auto& r = state.runs.at(t);
        r.asked = 0;
        r.permit = p.id;
        if (state.book->is_open(t))
          return run_function(self, t, work);
        release(self, t); // it ended while it waited
        settle(self);
      },
      [self, t](const caf::error& e) {
        self->state.runs.at(t).asked = 0;
        auto why = from_caf(e);
        ended(self, t, {why.code, std::move(why.message), {}, {}});
        settle(self);
      });
}

// The one provider's own error says more than "all providers failed".
task_result result_of(outcome o) {
  if (o.code == ec::none)
    return {ec::none, {}, std::move(o.data), {}};
  if (o.providers.size() == 1 && o.providers[0].code != ec::none && !o.providers[0].detail.empty())
    return {o.providers[0].code, std::move(o.providers[0].detail), {}, {}};
  return {o.code, std::move(o.message), {}, {}};
}

std::string key_of(const question& what) {
  auto key = what.route + '\0' + what.text + '\0' + std::to_string(what.limit);
  for (const auto& [name, value] : what.params)
    key.append(1, '\0').append(name).append(1, '\0').append(value);
  return key;
}

// Nobody may join this call any more.
void close_call(batch_actor_state& s, std::uint64_t id, const batch_actor_state::shared_call& call) {
  if (const auto it = s.joinable.find(call.key); it != s.joinable.end() && it->second == id)
    s.joinable.erase(it);
}

void answered(self_ptr self, std::uint64_t id, const task_result& r) {
  auto node = self->state.calls.extract(id);
  if (node.empty())
    return;
  close_call(self->state, id, node.mapped());
  for (const auto t : node.mapped().tasks)
    ended(self, t, r);
  settle(self);
}

// One of a call's tasks has ended without it; the last takes the call off the wire.
void leave_call(self_ptr self, std::uint64_t id) {
  auto& s = self->state;
  const auto it = s.calls.find(id);
  if (it == s.calls.end() || --it->second.open > 0)
    return;
  close_call(s, id, it->second);
  self->send(s.peers.orchestrator, fetch_cancel{id}); // which answers the fetch
}

void start_question(self_ptr self, task_ref t, question what, std::int64_t left_us) {
  auto& s = self->state;
  auto key = key_of(what);
  const auto deadline = s.book->deadline_of(t);
  auto& call_of_task = s.runs.at(t).call;
  if (const auto same = s.joinable.find(key); same != s.joinable.end()) {
    // One that waits behind more urgent calls, or not as long, would not do.
    if (auto& call = s.calls.at(same->second); call.deadline >= deadline && call.priority <= what.priority) {
      ++s.shared;
      ++call.open;
      call.tasks.push_back(t);
      call_of_task = same->second;
      return;
    }
    key.clear(); // alone
  }
  const auto id = call_of_task = ++s.last_fetch;
  if (!key.empty())
    s.joinable.emplace(key, id);
  s.calls.emplace(id, batch_actor_state::shared_call{std::move(key), deadline, what.priority, {t}});
  what.traceparent = s.open.at(t.batch).traceparent;
  self->request(s.peers.orchestrator, by_its_deadline, fetch{id, std::move(what), strategy::fallback, left_us})
    .then([self, id](outcome& o) { answered(self, id, result_of(std::move(o))); },
      [self, id](const caf::error& e) {
        auto why = from_caf(e);
        answered(self, id, {why.code, std::move(why.message), {}, {}});
      });
}

void start(self_ptr self, task_ref t) {
  auto& s = self->state;
  auto task = std::move(s.open.at(t.batch).tasks[t.index]);
  s.runs.emplace(t, batch_actor_state::run{0, 0, 0, self->clock().now(), std::make_shared<std::atomic<bool>>(false)});
  const auto left = us(s.book->deadline_of(t) - now(self));
  if (task.work)
    start_function(self, t, std::move(task), left);
  else
    start_question(self, t, std::move(task.what), left);
}

// Hands something to whoever waits for it: to a task that waits, once the book has a slot for it again.
void deliver(self_ptr self, task_ref to, std::function<void()> what) {
  auto& s = self->state;
  if (!to)
    return what();
  const auto token = ++s.last_token;
  s.deliveries.emplace(token, std::move(what));
  s.book->end_wait(to, token);
}

void begin_wait(self_ptr self, task_ref parent) {
  auto& s = self->state;
  if (!parent || !s.book->begin_wait(parent))
    return;
  // It makes no call while it waits, and who it waits for may need its lane.
  if (const auto it = s.runs.find(parent); it != s.runs.end())
    give_back(self, it->second);
}

void count(batch_actor_state& s, const task_result& r) {
  ++(r.code == ec::none ? s.succeeded : r.code == ec::cancelled ? s.cancelled : s.failed);
}

// The task has ended before what runs for it: that is for nobody. Says how long it has run.
std::int64_t abandon(self_ptr self, batch_actor_state::run& r) {
  auto& s = self->state;
  r.cancelled->store(true);
  if (r.asked != 0)
    self->send(s.peers.limiter, permit_withdraw{r.asked}); // which answers the request
  if (const auto call = std::exchange(r.call, 0); call != 0)
    leave_call(self, call);
  return us(self->clock().now() - r.since);
}

void on_ending(self_ptr self, const batch_book::ending& e) {
  auto& s = self->state;
  const auto running = s.runs.find(e.task);
  const auto took = running != s.runs.end() ? abandon(self, running->second) : 0;
  if (!s.book->is_known(e.task.batch))
    return;
  const auto& result = s.book->result_of(e.task);
  const auto& id = s.book->id_of(e.task.batch);
  count(s, result);
  s.settings.log->debug(
    "Batch {} task {}: {} after {} us", id.empty() ? "-" : id, e.task.index, to_string(result.code), took);
  const auto it = s.open.find(e.task.batch);
  if (it != s.open.end() && it->second.progress)
    try {
      it->second.progress({id, e.task.index, e.ended, e.total, result});
    } catch (const std::exception& wrong) {
      s.settings.log->error("Batch {}: its progress callback failed: {}", id, wrong.what());
    } catch (...) {
      s.settings.log->error("Batch {}: its progress callback failed", id);
    }
}

void end_waiter(self_ptr self, std::uint64_t id) {
  auto& s = self->state;
  auto node = s.waiters.extract(id);
  if (node.empty())
    return;
  auto& w = node.mapped();
  s.waits.remove(w.until, id);
  if (!s.book->is_known(w.batch))
    return deliver(self, w.parent, [promise = w.promise]() mutable {
      promise.deliver(make_error(ec::overloaded, "no room for the results: batch.bytes is full"));
    });
  deliver(self, w.parent, [promise = w.promise, view = s.book->view(w.batch, w.offset, w.limit)]() mutable {
    promise.deliver(std::move(view));
  });
}

void on_finished(self_ptr self, std::uint64_t serial) {
  auto& s = self->state;
  auto node = s.open.extract(serial);
  if (!node.empty() && s.book->is_known(serial) && s.book->id_of(serial).empty()) {
    deliver(
      self, node.mapped().parent, [promise = node.mapped().promise, r = s.book->result_of({serial, 0})]() mutable {
        promise.deliver(std::move(r));
      });
    s.book->forget(serial);
    return;
  }
  if (const auto waiting = s.waiting_for.extract(serial); !waiting.empty())
    for (const auto id : waiting.mapped())
      end_waiter(self, id);
}

void settle_endings(self_ptr self) {
  for (const auto& e : self->state.book->take_endings())
    on_ending(self, e);
}

// Does all that the book has decided, and sees to it that somebody asks it again in time.
void settle(self_ptr self) {
  auto& s = self->state;
  for (bool more = true; more;) {
    const auto endings = s.book->take_endings();
    const auto finished = s.book->take_finished();
    for (const auto& e : endings)
      on_ending(self, e);
    for (const auto serial : finished)
      on_finished(self, serial);
    const auto starting = s.book->start();
    for (const auto t : starting)
      start(self, t);
    const auto ready = s.book->take_ready();
    for (const auto token : ready)
      if (auto node = s.deliveries.extract(token); !node.empty())
        node.mapped()();
    more = !endings.empty() || !finished.empty() || !starting.empty() || !ready.empty();
  }
  if (s.alarm.rises(s.book->pending()))
    s.settings.log->warn("High pending count: {} tasks queued", s.book->pending()); // S4-42
  if (const auto wake = s.book->next_wake())
    wake_at(self, s.tick, wake_up::time{*wake});
  wake_at(self, s.tick, s.waits.next());
}

void admit_one(self_ptr self, batch_actor_state::arrival& a) {
  auto& s = self->state;
  auto& b = a.what;
  const auto t = now(self);
  batch_book::new_batch n{std::move(b.id), b.tasks.size(), b.strict, t + microseconds{b.remaining_us}, {},
    std::move(b.key), std::move(b.fingerprint), a.parent, std::move(b.label)};
  for (std::uint32_t i = 0; i < b.tasks.size() && i < s.settings.book.max_tasks; ++i)
    if (b.tasks[i].remaining_us != 0)
      n.own_deadlines.emplace_back(i, t + microseconds{b.tasks[i].remaining_us});
  const auto admitted = s.book->enqueue(t, std::move(n));
  if (!admitted) {
    const auto& e = admitted.error();
    if (a.single)
      a.result.deliver(task_result{e.code, e.message, {}, {}});
    else
      a.ticket.deliver(make_error(e.code, e.message));
    return;
  }
  const auto& [serial, repeated] = admitted.value();
  if (!repeated)
    s.open.emplace(serial, batch_actor_state::open_batch{
                             std::move(b.tasks), std::move(b.progress), std::move(b.traceparent), a.parent, a.result});
  if (a.single)
    begin_wait(self, a.parent);
  else
    a.ticket.deliver(batch_ticket{s.book->id_of(serial), repeated});
}

// What came in this turn, together: one pass over the book, one decision about who starts (S4-09).
void admit(self_ptr self) {
  auto& s = self->state;
  if (s.arrivals.empty())
    return;
  ++s.turns;
  for (auto& a : std::exchange(s.arrivals, {}))
    admit_one(self, a);
  settle(self);
}

void arrive(self_ptr self, batch_actor_state::arrival a) {
  auto& s = self->state;
  s.arrivals.push_back(std::move(a));
  if (s.arrivals.size() == 1)
    self->send(self, tick_atom::value); // comes behind what is in the mailbox now
}

caf::typed_response_promise<task_result> execute(self_ptr self, task_execute& e) {
  auto promise = self->make_response_promise<task_result>();
  batch_actor_state::arrival a;
  a.what.tasks.push_back(std::move(e.task));
  a.what.remaining_us = e.remaining_us;
  a.parent = e.parent;
  a.single = true;
  a.result = promise;
  arrive(self, std::move(a));
  return promise;
}

caf::typed_response_promise<batch_ticket> enqueue(self_ptr self, batch_enqueue& b) {
  auto promise = self->make_response_promise<batch_ticket>();
  if (b.id.empty()) {
    promise.deliver(make_error(ec::bad_request, "id: expected a name"));
    return promise;
  }
  batch_actor_state::arrival a;
  a.parent = b.parent;
  a.what = std::move(b);
  a.ticket = promise;
  arrive(self, std::move(a));
  return promise;
}

caf::typed_response_promise<batch_view> query(self_ptr self, const batch_query& q) {
  auto& s = self->state;
  auto promise = self->make_response_promise<batch_view>();
  admit(self);
  const auto serial = s.book->find(q.id);
  if (!serial) {
    promise.deliver(make_error(ec::not_found, "id: there is no batch named \"" + q.id + "\""));
    return promise;
  }
  const auto offset = static_cast<std::size_t>(std::max<std::int64_t>(q.offset, 0));
  const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(q.limit, 0));
  if (!s.book->is_pending(*serial) || q.wait_us <= 0) {
    promise.deliver(s.book->view(*serial, offset, limit));
    return promise;
  }
  const auto id = ++s.last_waiter;
  const auto until = self->clock().now() + microseconds{q.wait_us};
  s.waiting_for[*serial].push_back(id);
  s.waiters.emplace(id, batch_actor_state::waiter{promise, *serial, offset, limit, q.parent, until});
  s.waits.add(until, id);
  begin_wait(self, q.parent);
  settle(self);
  return promise;
}

caf::result<batch_view> cancel(self_ptr self, const batch_cancel& c) {
  auto& s = self->state;
  admit(self);
  const auto serial = s.book->find(c.id);
  if (!serial)
    return make_error(ec::not_found, "id: there is no batch named \"" + c.id + "\"");
  s.book->cancel(now(self), *serial);
  settle(self);
  return s.book->view(*serial, 0, 0);
}

void on_tick(self_ptr self) {
  auto& s = self->state;
  admit(self);
  if (!s.tick.rang(self->clock().now()))
    return;
  s.book->expire(now(self));
  for (const auto id : s.waits.take_due(self->clock().now()))
    end_waiter(self, id);
  settle(self);
}

metrics report(const batch_actor_state& s) {
  const auto number = [](std::size_t v) { return static_cast<std::int64_t>(v); };
  return {
    {"troupe_batch_tasks_queued", {}, false, number(s.book->queued())},
    {"troupe_batch_tasks_running", {}, false, number(s.book->running())},
    {"troupe_batch_tasks_total", {{"result", "ok"}}, true, s.succeeded},
    {"troupe_batch_tasks_total", {{"result", "failed"}}, true, s.failed},
    {"troupe_batch_tasks_total", {{"result", "cancelled"}}, true, s.cancelled},
    {"troupe_batch_tasks_shared_total", {}, true, s.shared},
    {"troupe_batches_open", {}, false, number(s.book->open_batches())},
    {"troupe_batch_admissions_total", {}, true, s.turns},
    {"troupe_batch_result_bytes", {}, false, number(s.book->held_bytes())},
  };
}

// Everybody who waits is told; nothing starts any more.
void stop(self_ptr self, const caf::exit_msg& why) {
  auto& s = self->state;
  for (auto& a : std::exchange(s.arrivals, {})) {
    if (a.single)
      a.result.deliver(task_result{ec::cancelled, "shutting down", {}, {}});
    else
      a.ticket.deliver(make_error(ec::cancelled, "shutting down"));
  }
  s.book->cancel_all(now(self));
  for (const auto& e : s.book->take_endings())
    on_ending(self, e);
  for (const auto serial : s.book->take_finished())
    on_finished(self, serial);
  for (auto& [token, deliver_now] : std::exchange(s.deliveries, {}))
    deliver_now();
  self->quit(why.reason);
}

} // namespace

batch_actor::behavior_type batch(self_ptr self, batch_actor_settings settings, batch_peers peers) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.peers = std::move(peers);
  s.book.emplace(s.settings.book);
  self->set_exit_handler([self](const caf::exit_msg& why) { stop(self, why); });
  return {
    [self](task_execute& e) { return execute(self, e); },
    [self](batch_enqueue& b) { return enqueue(self, b); },
    [self](const batch_query& q) { return query(self, q); },
    [self](const batch_cancel& c) { return cancel(self, c); },
    [self](pending_atom) {
      admit(self);
      return static_cast<std::int64_t>(self->state.book->pending());
    },
    [self](task_ended& e) {
      ended(self, e.task, std::move(e.result));
      settle(self);
    },
    [self](tick_atom) { on_tick(self); },
    [self](stats_atom) {
      admit(self);
      return report(self->state);
    },
  };
}

} // namespace troupe
