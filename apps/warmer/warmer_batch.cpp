#include "apps/services/books_proxy.hpp"
#include "apps/warmer/items.hpp"
#include "apps/warmer/warmer_steps.hpp"

#include <algorithm>

namespace troupe::warming {
namespace {

void send(self_ptr self, std::size_t place, bool by_proxy);

void on_answer(self_ptr self, std::size_t place, bool by_proxy, const service_response& r) {
  auto& s = self->state;
  s.calls.erase(place);
  const auto v = judge(r);
  // ISBNdb does not know this author, or cannot be asked: the others are, as for a user (S2-53).
  if (s.batch.item(place).kind == author_item && !by_proxy && (v.code != ec::none || v.empty))
    return send(self, place, true);
  if (v.code == ec::none)
    s.batch.done(place, v.how);
  else
    s.batch.failed(place, v.code, v.message, v.wait, self->clock().now());
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
  const auto id = s.peers->call(to_isbndb ? isbndb_binding : proxy_binding, std::move(r),
    [self, life = s.life, place, by_proxy = !to_isbndb || by_proxy](service_response&& a) {
      if (life == self->state.life && self->state.now == phase::warming)
        on_answer(self, place, by_proxy, a);
    });
  if (id != 0) // else it has ended, and its place may be asked for in another way by now
    s.calls[place] = id;
}

// What came of the items of one flush.
struct tally {
  std::int64_t hit = 0;
  std::int64_t fetched = 0;
  std::int64_t failed = 0;
};

// Adds results to what the job has counted, as storage will.
tally add(const std::vector<item_result>& results, job_counts& counts, job_progress& progress) {
  tally out;
  for (const auto& r : results) {
    ++(r.code.empty() ? counts.done : counts.failed);
    if (!r.code.empty()) {
      ++out.failed;
      progress.failed(r.code);
      continue;
    }
    counts.hot += r.how == done_hot ? 1 : 0;
    counts.cold += r.how == done_cold ? 1 : 0;
    ++(r.how == done_fetched ? out.fetched : out.hit);
  }
  counts.hits += out.hit;
  return out;
}

void on_flushed(self_ptr self, result<job_view> done) {
  auto& s = self->state;
  if (!done) // what was taken is claimed still, and is done again after a requeue
    return on_end_refused(self, done.error());
  s.refused.went_on();
  s.stuck.went_on();
  s.job = std::move(done.value());
  if (s.now == phase::held)
    return give_back(self);
  if (s.now != phase::warming)
    return;
  if (s.job->state != job_state::running)
    return heed(self);
  if (s.batch.is_settled())
    return claim(self);
  if (s.batch.is_over())
    flush(self);
}

} // namespace

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
      if (mine.job->state != job_state::running) // a check was faster
        return heed(self);
      pump(self);
    });
}

// An answer may come from within a call (a circuit that is open): the loop then looks anew, and is not entered twice.
void pump(self_ptr self) {
  auto& s = self->state;
  if (s.now != phase::warming || s.pumping)
    return;
  s.pumping = true;
  // Fewer at once are heard of soon enough: each answer looks anew.
  const auto& wanted = s.settings;
  const auto most =
    wanted.live->lately(self->clock().now()) ? std::min(wanted.beside_live, wanted.concurrency) : wanted.concurrency;
  while (s.now == phase::warming && s.batch.under_way() < most) {
    const auto place = s.batch.next(self->clock().now());
    if (!place)
      break;
    send(self, *place, false);
  }
  s.pumping = false;
  wake(self);
}

// With an event when one is worth it; then the next micro-batch, if this one is over.
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
  auto progress = *s.progress; // it holds when storage has it
  const auto sum = add(results, counts, progress);
  progress.update(counts, monotonic(self));
  std::optional<job_event> event;
  if (progress.is_due(monotonic(self)))
    event = job_event{0, "progress", 0, to_json(progress.tell(monotonic(self)))};
  const bool told = event.has_value();
  store<job_view>(
    self,
    [id = s.job->id, owner = s.settings.owner, results = std::move(results), event = std::move(event)](
      jobs_repository& jobs, std::int64_t now) { return jobs.finish(id, owner, results, event, now); },
    [self, told, sum, progress = std::move(progress)](result<job_view> done) {
      auto& mine = self->state;
      mine.flushing = false;
      if (done) {
        mine.progress = progress;
        mine.items_hit += sum.hit;
        mine.items_fetched += sum.fetched;
        mine.items_failed += sum.failed;
        if (told)
          tell(self);
      }
      on_flushed(self, std::move(done));
    });
}

void let_go(self_ptr self) {
  auto& s = self->state;
  for (const auto& [place, id] : std::exchange(s.calls, {}))
    s.peers->forget(id);
}

void give_back(self_ptr self) {
  auto& s = self->state;
  flush(self);
  if (s.flushing || s.giving_back) // whose end comes back here
    return;
  s.batch = {};
  s.giving_back = true;
  store<job_view>(
    self,
    [id = s.job->id, owner = s.settings.owner](
      jobs_repository& jobs, std::int64_t now) { return jobs.requeue(id, owner, now); },
    [self](result<job_view> done) {
      auto& mine = self->state;
      mine.giving_back = false;
      if (!done)
        return on_refusal(self, done.error()); // when it is resumed, all is queued again anyway
      mine.job = std::move(done.value());
      tell(self);
      if (mine.job->lease_owner.empty())
        return drop(self); // for another job
      heed(self);          // it was resumed meanwhile
    });
}

} // namespace troupe::warming
