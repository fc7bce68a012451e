#include "actors/rate_limiter/rate_limiter.hpp"

#include "actors/timer/timer.hpp"

namespace troupe {
namespace {

using self_ptr = rate_limiter_actor::stateful_pointer<rate_limiter_state>;
using std::chrono::microseconds;

permit_book::time now(self_ptr self) {
  return self->clock().now().time_since_epoch();
}

void count_grant(rate_limiter_state& s, const permit_book::decision& d) {
  auto& served = s.lanes[d.lane][static_cast<std::size_t>(d.priority)];
  ++served.granted;
  served.waits.record(std::chrono::duration_cast<microseconds>(d.waited));
}

// Hands out what the book decides, and sees to it that somebody asks it again in time.
void settle(self_ptr self) {
  auto& s = self->state;
  const auto t = now(self);
  for (const auto& d : s.book->poll(t)) {
    auto node = s.waiting.extract(d.ticket);
    if (node.empty())
      continue;
    s.by_owner.erase({node.mapped().owner, node.mapped().owners_id});
    if (d.refused == ec::none) {
      count_grant(s, d);
      node.mapped().promise.deliver(permit{d.permit, us(d.waited)});
    } else {
      ++s.refused.expired;
      node.mapped().promise.deliver(make_error(d.refused, "no permit came before the deadline"));
    }
  }
  if (s.alarm.rises(s.book->waiting()) && s.log)
    s.log->warn("High pending count: {} tasks queued", s.book->waiting());
  if (const auto wake = s.book->next_wake(t))
    wake_at(self, s.tick, wake_up::time{*wake});
}

caf::error refusal(rate_limiter_state& s, ec why, const permit_request& r) {
  switch (why) {
  case ec::overloaded:
    ++s.refused.queue_full;
    return make_error(why, "too many wait for a permit already");
  case ec::permit_refused:
    ++s.refused.deadline;
    return make_error(why, "lane " + r.lane + " cannot give a permit before the deadline");
  default:
    ++s.refused.unknown_lane;
    return make_error(why, "permit_request: expected a lane and a priority that there are, got lane \"" + r.lane
                             + "\", priority " + std::to_string(static_cast<int>(r.priority)));
  }
}

caf::typed_response_promise<permit> request(self_ptr self, const permit_request& r) {
  auto& s = self->state;
  // First: making the promise takes the sender out of the message.
  const auto owner = caf::actor_cast<caf::actor_addr>(self->current_sender());
  const auto owner_id = self->current_sender() ? self->current_sender()->id() : 0;
  auto promise = self->make_response_promise<permit>();
  const auto t = now(self);
  const auto d = s.book->request(t, {r.lane, owner_id, t + microseconds{r.remaining_us}, ++s.last_ticket, r.priority});
  if (d.refused != ec::none) {
    promise.deliver(refusal(s, d.refused, r));
    return promise;
  }
  if (owner && s.watched.insert(owner_id).second)
    self->monitor(owner);
  if (d.permit != 0) {
    count_grant(s, d);
    promise.deliver(permit{d.permit, 0});
  } else {
    s.waiting.emplace(d.ticket,
      rate_limiter_state::waiter{promise, owner_id, r.id, r.lane, t + microseconds{r.remaining_us}, r.priority});
    if (r.id != 0)
      s.by_owner.insert_or_assign({owner_id, r.id}, d.ticket);
    settle(self);
  }
  return promise;
}

void withdraw(self_ptr self, const permit_withdraw& p) {
  auto& s = self->state;
  const auto known = s.by_owner.find({self->current_sender() ? self->current_sender()->id() : 0, p.id});
  if (known == s.by_owner.end())
    return; // its permit is on its way, or was refused
  const auto it = s.waiting.find(known->second);
  auto& w = it->second;
  if (!s.book->withdraw({w.lane, w.owner, w.deadline, it->first, w.priority}))
    return; // granted, and only held back for its jitter
  w.promise.deliver(make_error(ec::cancelled, "withdrawn"));
  s.waiting.erase(it);
  s.by_owner.erase(known);
  settle(self);
}

void owner_down(self_ptr self, caf::actor_id owner) {
  auto& s = self->state;
  s.watched.erase(owner);
  std::erase_if(s.waiting, [&](const auto& entry) { return entry.second.owner == owner; });
  std::erase_if(s.by_owner, [&](const auto& entry) { return entry.first.first == owner; });
  s.book->owner_down(owner);
  settle(self);
}

void limited(self_ptr self, const lane_pause& p) {
  const auto retry_after = p.pause_us < 0 ? std::nullopt : std::optional<permit_book::time>{microseconds{p.pause_us}};
  if (!self->state.book->limited(now(self), p.lane, retry_after) && self->state.log)
    self->state.log->error("A pause was asked for lane {}, which there is not", p.lane);
  settle(self);
}

metrics report(rate_limiter_state& s, permit_book::time now) {
  metrics out{
    {"troupe_permits_refused_total", {{"cause", "deadline"}}, true, s.refused.deadline},
    {"troupe_permits_refused_total", {{"cause", "expired"}}, true, s.refused.expired},
    {"troupe_permits_refused_total", {{"cause", "queue_full"}}, true, s.refused.queue_full},
    {"troupe_permits_refused_total", {{"cause", "unknown_lane"}}, true, s.refused.unknown_lane},
  };
  const auto limits = s.book->limits(now);
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const auto& l = limits[i];
    const fields lane{{"lane", std::string{l.name}}};
    out.push_back({"troupe_lane_configured_rate", lane, false, l.configured_rate});
    out.push_back({"troupe_lane_current_rate", lane, false, l.current_rate});
    if (i == 0) // the limit of all together: what its lanes count would count twice
      continue;
    out.push_back({"troupe_lane_paused", lane, false, l.paused ? 1 : 0});
    out.push_back({"troupe_lane_limited_total", lane, true, l.limited});
    out.push_back({"troupe_permits_held", lane, false, l.held});
    for (std::size_t p = 0; p < priorities; ++p) {
      auto who = lane;
      who.emplace_back("priority", to_string(static_cast<priority>(p)));
      out.push_back({"troupe_permits_waiting", who, false, l.waiting[p]});
      out.push_back({"troupe_permits_granted_total", who, true, s.lanes[i][p].granted});
      if (s.lanes[i][p].granted > 0) // 19 rows that say nothing until then
        append_histogram(out, "troupe_permit_wait_microseconds", who, s.lanes[i][p].waits);
    }
  }
  return out;
}

} // namespace

rate_limiter_actor::behavior_type rate_limiter(self_ptr self, rate_limiter_settings settings) {
  auto& s = self->state;
  s.log = std::move(settings.log);
  s.book.emplace(settings.book, now(self));
  s.lanes.resize(settings.book.lanes.size() + 1); // and the root
  self->set_down_handler([self](const caf::down_msg& down) { owner_down(self, down.source.id()); });
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    for (auto& [ticket, w] : self->state.waiting)
      w.promise.deliver(make_error(ec::cancelled, "shutting down"));
    self->state.waiting.clear();
    self->quit(stop.reason);
  });
  return {
    [self](const permit_request& r) { return request(self, r); },
    [self](const permit_withdraw& p) { withdraw(self, p); },
    [self](const permit_release& r) {
      self->state.book->release(r.id);
      settle(self);
    },
    [self](const lane_pause& p) { limited(self, p); },
    [self](tick_atom) {
      if (self->state.tick.rang(self->clock().now()))
        settle(self);
    },
    [self](stats_atom) { return report(self->state, now(self)); },
  };
}

} // namespace troupe
