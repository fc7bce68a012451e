#include "actors/rate_limiter/rate_limiter.hpp"

#include "actors/timer/timer.hpp"

namespace troupe {
namespace {

using self_ptr = rate_limiter_actor::stateful_pointer<rate_limiter_state>;
using std::chrono::microseconds;

permit_book::time now(self_ptr self) {
  return self->clock().now().time_since_epoch();
}

// Hands out what the book decides, and sees to it that somebody asks it again in time.
void settle(self_ptr self) {
  auto& s = self->state;
  const auto t = now(self);
  for (auto& d : s.book->poll(t)) {
    auto node = s.waiting.extract(d.ticket);
    if (node.empty())
      continue;
    if (d.refused == ec::none) {
      ++s.granted;
      node.mapped().promise.deliver(permit{d.permit, us(d.waited)});
    } else {
      ++s.refused;
      node.mapped().promise.deliver(make_error(d.refused, "no permit before the deadline"));
    }
  }
  if (const auto wake = s.book->next_wake(t))
    wake_at(self, s.tick, wake_up::time{*wake});
}

caf::typed_response_promise<permit> request(self_ptr self, const permit_request& r) {
  auto& s = self->state;
  // First: making the promise takes the sender out of the message.
  const auto owner = caf::actor_cast<caf::actor_addr>(self->current_sender());
  const auto owner_id = self->current_sender() ? self->current_sender()->id() : 0;
  auto promise = self->make_response_promise<permit>();
  const auto t = now(self);
  const auto ticket = ++s.last_ticket;
  if (const auto refused = s.book->request(t, r.lane, owner_id, t + microseconds{r.remaining_us}, ticket);
      refused != ec::none) {
    ++s.refused;
    promise.deliver(make_error(refused, "lane " + r.lane + " takes no more requests"));
    return promise;
  }
  if (owner && s.watched.insert(owner_id).second)
    self->monitor(owner);
  s.waiting.emplace(ticket, rate_limiter_state::waiter{promise, owner_id});
  settle(self);
  return promise;
}

void owner_down(self_ptr self, caf::actor_id owner) {
  auto& s = self->state;
  s.watched.erase(owner);
  std::erase_if(s.waiting, [&](const auto& entry) { return entry.second.owner == owner; });
  s.book->owner_down(owner);
  settle(self);
}

metrics report(const rate_limiter_state& s) {
  const auto count = [](std::size_t v) { return static_cast<std::int64_t>(v); };
  metrics out{
    {"troupe_permits_granted_total", {}, true, s.granted},
    {"troupe_permits_refused_total", {}, true, s.refused},
  };
  for (const auto& lane : s.lanes) {
    out.push_back({"troupe_permits_waiting", {{"lane", lane}}, false, count(s.book->waiting(lane))});
    out.push_back({"troupe_permits_held", {{"lane", lane}}, false, count(s.book->granted(lane))});
  }
  return out;
}

} // namespace

rate_limiter_actor::behavior_type rate_limiter(self_ptr self, permit_book::settings settings) {
  auto& s = self->state;
  for (const auto& lane : settings.lanes)
    s.lanes.push_back(lane.name);
  s.book.emplace(settings, now(self));
  self->set_down_handler([self](const caf::down_msg& down) { owner_down(self, down.source.id()); });
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    for (auto& [ticket, w] : self->state.waiting)
      w.promise.deliver(make_error(ec::cancelled, "shutting down"));
    self->state.waiting.clear();
    self->quit(stop.reason);
  });
  return {
    [self](const permit_request& r) { return request(self, r); },
    [self](const permit_release& r) {
      self->state.book->release(r.id);
      settle(self);
    },
    [self](const lane_pause& p) { self->state.book->pause(p.lane, now(self) + microseconds{p.pause_us}); },
    [self](tick_atom) {
      if (self->state.tick.rang(self->clock().now()))
        settle(self);
    },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
