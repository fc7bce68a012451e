#include "actors/rate_limiter/permit_book.hpp"

#include <algorithm>
#include <stdexcept>

namespace troupe {
namespace {

// One permit in so many is for those who are overdue. With a load of 80 % in front, 16 lengthens its mean wait by half
// (M/D/1), 8 by more than twice.
constexpr int overdue_share = 16;

// How many of those ahead a request's chances are reckoned through: about 20 us of work. Behind more of them it is let
// in, and refused at its deadline at the latest.
constexpr int looked_through = 1'000;

// A tick comes so much later than it was asked for, on a busy machine.
constexpr std::chrono::nanoseconds late_wake_up = std::chrono::milliseconds{1};

constexpr std::string_view root_name = "global";

} // namespace

permit_book::permit_book(const settings& cfg, time now)
    : max_waiting_{cfg.max_waiting}, jitter_{std::max(cfg.jitter, std::chrono::nanoseconds{0})},
      random_{cfg.seed != 0 ? cfg.seed : std::random_device{}()} {
  limits_.reserve(cfg.lanes.size() + 1);
  limits_.push_back(limit{
    std::string{root_name}, none, adaptive_bucket{{cfg.rate, cfg.burst, false}, now}, cfg.concurrency, 0, 0, 0, {}});
  for (const auto& l : cfg.lanes) {
    const auto slash = l.name.rfind('/');
    const auto parent = slash == std::string::npos ? 0 : find(std::string_view{l.name}.substr(0, slash));
    if (l.name.empty() || l.name == root_name || find(l.name) != none)
      throw std::invalid_argument{"permit_book: expected a name of its own for each lane, got \"" + l.name + "\""};
    if (parent == none)
      throw std::invalid_argument{"permit_book: expected the API of lane \"" + l.name + "\" before it"};
    limits_.push_back(
      limit{l.name, parent, adaptive_bucket{{l.rate, l.burst, l.adaptive}, now}, l.concurrency, 0, 0, 0, {}});
  }
  candidates_.reserve(limits_.size());
}

permit_book::decision permit_book::request(time now, const call& c) {
  decision said{c.ticket, ec::none, 0, {}, 0, c.priority};
  const auto lane = find(c.lane);
  if (lane == none || lane == 0 || static_cast<std::size_t>(c.priority) >= priorities) {
    said.refused = ec::bad_request;
    return said;
  }
  said.lane = lane;
  auto& queue = limits_[lane].queue;
  const lane_queue::waiter who{c.ticket, c.owner, c.priority, now, c.deadline};
  const bool full = waiting_ >= max_waiting_;
  const bool in_time = c.deadline > now;
  if (in_time && queue.empty() && (waiting_ == 0 || full) && ready(lane, now)) {
    // A queue that other lanes have filled is no reason to refuse what is there.
    said.permit = grant(lane, c.owner, now);
  } else if (in_time && full) {
    said.refused = ec::overloaded;
  } else if (!in_time || hopeless(lane, who, now)) {
    said.refused = ec::permit_refused;
  } else {
    queue.add(who);
    ++waiting_;
  }
  return said;
}

void permit_book::release(std::uint64_t permit) {
  const auto index = (permit & 0xffff'ffff) - 1; // of permit 0: beyond every size
  if (index >= held_.size())
    return;
  auto& h = held_[index];
  if (h.lane == none || h.generation != permit >> 32)
    return;
  for (auto at = h.lane; at != none; at = limits_[at].parent)
    --limits_[at].busy;
  h.lane = none;
  free_.push_back(static_cast<std::uint32_t>(index));
}

bool permit_book::withdraw(const call& c) {
  const auto at = find(c.lane);
  if (at == none)
    return false;
  auto& queue = limits_[at].queue;
  const auto before = queue.size();
  queue.remove({c.ticket, c.owner, c.priority, {}, c.deadline});
  waiting_ -= before - queue.size();
  return queue.size() != before;
}

void permit_book::owner_down(std::uint64_t owner) {
  std::erase_if(held_back_, [&](const auto& entry) { return entry.second.who.owner == owner; });
  for (std::size_t i = 0; i < held_.size(); ++i)
    if (held_[i].lane != none && held_[i].owner == owner)
      release(std::uint64_t{held_[i].generation} << 32 | (i + 1));
  std::vector<lane_queue::waiter> gone;
  for (auto& l : limits_) {
    gone.clear();
    l.queue.each([&](const lane_queue::waiter& w) {
      if (w.owner == owner)
        gone.push_back(w);
      return true;
    });
    for (const auto& w : gone)
      l.queue.remove(w);
    waiting_ -= gone.size();
  }
}

bool permit_book::limited(time now, std::string_view lane, std::optional<std::chrono::nanoseconds> retry_after) {
  const auto at = find(lane);
  if (at == none || at == 0)
    return false;
  limits_[at].bucket.limited(now, retry_after);
  ++limits_[at].limited;
  return true;
}

std::vector<permit_book::decision> permit_book::poll(time now) {
  std::vector<decision> out;
  if (waiting_ > 0)
    expire(now, out);
  hand_out(now, out);
  while (waiting_ > 0) {
    const auto next = choose(now);
    if (next.lane == none)
      break;
    serve(next, now, out);
  }
  return out;
}

std::optional<permit_book::time> permit_book::next_wake(time now) {
  std::optional<time> wake;
  const auto consider = [&](time t) { wake = wake ? std::min(*wake, t) : t; };
  if (!held_back_.empty())
    consider(held_back_.begin()->first.first);
  if (waiting_ == 0)
    return wake;
  for (std::uint32_t lane = 1; lane < limits_.size(); ++lane) {
    if (limits_[lane].queue.empty())
      continue;
    consider(*limits_[lane].queue.next_deadline());
    if (has_slots(lane))
      consider(next_at(lane, now, 1));
  }
  return wake;
}

std::vector<permit_book::limit_report> permit_book::limits(time now) {
  std::vector<limit_report> all;
  all.reserve(limits_.size());
  for (auto& l : limits_) {
    limit_report r{
      l.name, l.bucket.configured_rate(), l.bucket.current_rate(now), l.busy, {}, l.bucket.paused(now), l.limited};
    for (std::size_t p = 0; p < priorities; ++p)
      r.waiting[p] = static_cast<std::int64_t>(l.queue.size(static_cast<priority>(p)));
    all.push_back(r);
  }
  return all;
}

std::uint32_t permit_book::find(std::string_view name) const noexcept {
  // There are a handful: comparing is faster than hashing.
  for (std::uint32_t i = 0; i < limits_.size(); ++i)
    if (limits_[i].name == name)
      return i;
  return none;
}

bool permit_book::under(std::uint32_t lane, std::uint32_t ancestor) const noexcept {
  while (lane != none && lane != ancestor)
    lane = limits_[lane].parent;
  return lane == ancestor;
}

bool permit_book::has_slots(std::uint32_t lane) const noexcept {
  for (; lane != none; lane = limits_[lane].parent)
    if (const auto& l = limits_[lane]; l.concurrency > 0 && l.busy >= l.concurrency)
      return false;
  return true;
}

bool permit_book::ready(std::uint32_t lane, time now) {
  if (!has_slots(lane))
    return false;
  for (; lane != none; lane = limits_[lane].parent)
    if (!limits_[lane].bucket.ready(now))
      return false;
  return true;
}

permit_book::time permit_book::next_at(std::uint32_t lane, time now, std::int64_t n) {
  auto at = now;
  for (; lane != none; lane = limits_[lane].parent)
    at = std::max(at, limits_[lane].bucket.next_at(now, n));
  return at;
}

permit_book::time permit_book::paused_until(std::uint32_t lane) const noexcept {
  auto until = limits_[lane].bucket.paused_until();
  for (; lane != none; lane = limits_[lane].parent)
    until = std::max(until, limits_[lane].bucket.paused_until());
  return until;
}

bool permit_book::comes_before(std::uint32_t lane, time now, std::int64_t n, time when) {
  for (; lane != none; lane = limits_[lane].parent)
    if (!limits_[lane].bucket.comes_before(now, n, when))
      return false;
  return true;
}

// Goes through those ahead of it in their order, each taking the next permit unless that is too late for it.
bool permit_book::hopeless(std::uint32_t lane, const lane_queue::waiter& who, time now) {
  const auto& queue = limits_[lane].queue;
  auto least = std::int64_t{0}; // so many permits come before its deadline ...
  auto most = static_cast<std::int64_t>(queue.size()) + 1;
  if (comes_before(lane, now, most, who.deadline))
    return false;
  while (most - least > 1) { // ... and so many do not
    const auto half = least + (most - least) / 2;
    (comes_before(lane, now, half, who.deadline) ? least : most) = half;
  }
  auto taken = std::int64_t{0};
  auto seen = 0;
  queue.each([&](const lane_queue::waiter& ahead) {
    if (taken >= least || ahead.rank() > who.rank() || ++seen > looked_through)
      return false;
    if (ahead.deadline >= who.deadline || comes_before(lane, now, taken + 1, ahead.deadline))
      ++taken;
    return true;
  });
  return taken >= least;
}

std::uint64_t permit_book::grant(std::uint32_t lane, std::uint64_t owner, time now) {
  for (auto at = lane; at != none; at = limits_[at].parent) {
    limits_[at].bucket.take(now);
    ++limits_[at].busy;
  }
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(held_.size()));
    held_.emplace_back();
  }
  const auto index = free_.back();
  free_.pop_back();
  auto& h = held_[index];
  h.owner = owner;
  h.lane = lane;
  ++h.generation;
  return std::uint64_t{h.generation} << 32 | (std::uint64_t{index} + 1);
}

// From the root down: each limit on the way chooses among the lanes beneath it, by its own count of who went by rank.
// One count for all would let a fast lane use up every turn of the overdue ones of a slow lane.
permit_book::choice permit_book::choose(time now) {
  candidates_.clear();
  for (std::uint32_t lane = 1; lane < limits_.size(); ++lane)
    if (!limits_[lane].queue.empty() && ready(lane, now))
      candidates_.push_back(lane);
  for (std::uint32_t at = 0; !candidates_.empty();) {
    if (limits_[at].since_overdue >= overdue_share - 1) {
      const lane_queue::waiter* most = nullptr;
      auto its = none;
      for (const auto lane : candidates_)
        if (const auto* w = limits_[lane].queue.most_overdue(now);
            w != nullptr && (most == nullptr || w->overdue() < most->overdue())) {
          most = w;
          its = lane;
        }
      if (its != none)
        return {its, true};
    }
    auto best = candidates_.front();
    for (const auto lane : candidates_)
      if (limits_[lane].queue.first()->rank() < limits_[best].queue.first()->rank())
        best = lane;
    if (best == at)
      return {best, false};
    auto child = best;
    while (limits_[child].parent != at)
      child = limits_[child].parent;
    std::erase_if(candidates_, [&](std::uint32_t lane) { return !under(lane, child); });
    at = child;
  }
  return {};
}

void permit_book::serve(choice what, time now, std::vector<decision>& out) {
  auto& queue = limits_[what.lane].queue;
  const auto who = what.overdue ? *queue.most_overdue(now) : *queue.first();
  queue.remove(who);
  --waiting_;
  for (auto at = what.lane; at != none; at = limits_[at].parent)
    limits_[at].since_overdue = what.overdue ? 0 : std::min(limits_[at].since_overdue + 1, overdue_share - 1);
  const auto permit = grant(what.lane, who.owner, now);
  auto at = now;
  if (now > who.since && jitter_ > jitter_.zero())
    at += time{std::uniform_int_distribution<std::int64_t>{0, jitter_.count()}(random_)};
  // Its token is spent: whoever is served at the last moment, as everybody is under overload, must not lose it to the
  // jitter, nor to a wake-up that comes a little late.
  if (at > now && at + late_wake_up < who.deadline)
    held_back_.emplace(std::pair{at, permit}, held_back{who, permit});
  else
    out.push_back({who.ticket, ec::none, permit, now - who.since, what.lane, who.priority});
}

void permit_book::hand_out(time now, std::vector<decision>& out) {
  while (!held_back_.empty() && held_back_.begin()->first.first <= now) {
    const auto [who, permit] = held_back_.begin()->second;
    held_back_.erase(held_back_.begin());
    const auto lane = held_[(permit & 0xffff'ffff) - 1].lane;
    const auto until = paused_until(lane);
    if (until <= now && who.deadline > now) {
      out.push_back({who.ticket, ec::none, permit, now - who.since, lane, who.priority});
    } else if (until < who.deadline && who.deadline > now) {
      held_back_.emplace(std::pair{until, permit}, held_back{who, permit}); // the 429 came in between
    } else {
      out.push_back({who.ticket, ec::permit_refused, 0, now - who.since, lane, who.priority});
      release(permit);
    }
  }
}

void permit_book::expire(time now, std::vector<decision>& out) {
  for (std::uint32_t lane = 1; lane < limits_.size(); ++lane) {
    auto& queue = limits_[lane].queue;
    if (queue.empty())
      continue;
    const auto too_late = std::max(now, paused_until(lane));
    while (const auto* w = queue.too_late(too_late)) {
      out.push_back({w->ticket, ec::permit_refused, 0, now - w->since, lane, w->priority});
      queue.remove(lane_queue::waiter{*w});
      --waiting_;
    }
  }
}

} // namespace troupe
