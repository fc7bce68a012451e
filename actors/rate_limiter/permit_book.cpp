#include "actors/rate_limiter/permit_book.hpp"

#include <algorithm>

namespace troupe {

permit_book::permit_book(const settings& cfg, time now)
    : global_{per_second(cfg.rate), cfg.burst, now}, max_waiting_{cfg.max_waiting} {
  for (const auto& l : cfg.lanes)
    lanes_.push_back({l.name, token_bucket{per_second(l.rate), l.burst, now}, l.concurrency, 0, {}, {}});
}

ec permit_book::request(time now, std::string_view name, std::uint64_t owner, time deadline, std::uint64_t ticket) {
  auto* l = find(name);
  if (l == nullptr)
    return ec::bad_request;
  if (waiting_ >= max_waiting_)
    return ec::overloaded;
  l->queue.emplace(std::pair{deadline, ticket}, waiter{owner, now});
  ++waiting_;
  return ec::none;
}

void permit_book::release(std::uint64_t permit) {
  const auto held = held_.find(permit);
  if (held == held_.end())
    return;
  --lanes_[held->second.lane].busy;
  held_.erase(held);
}

void permit_book::owner_down(std::uint64_t owner) {
  for (auto it = held_.begin(); it != held_.end();) {
    if (it->second.owner == owner) {
      --lanes_[it->second.lane].busy;
      it = held_.erase(it);
    } else {
      ++it;
    }
  }
  for (auto& l : lanes_)
    waiting_ -= std::erase_if(l.queue, [&](const auto& entry) { return entry.second.owner == owner; });
}

void permit_book::pause(std::string_view name, time until) {
  if (auto* l = find(name))
    l->paused_until = std::max(l->paused_until, until);
}

std::vector<permit_book::decision> permit_book::poll(time now) {
  std::vector<decision> out;
  for (auto& l : lanes_)
    expire(l, now, out);
  while (global_.available(now) > 0) {
    auto* l = earliest_ready(now);
    if (l == nullptr)
      break;
    global_.take(now, 1);
    l->bucket.take(now, 1);
    const auto head = l->queue.begin();
    const auto id = ++last_permit_;
    held_.emplace(id, holding{static_cast<std::size_t>(l - lanes_.data()), head->second.owner});
    ++l->busy;
    out.push_back({head->first.second, ec::none, id, now - head->second.since});
    l->queue.erase(head);
    --waiting_;
  }
  return out;
}

std::optional<permit_book::time> permit_book::next_wake(time now) {
  std::optional<time> wake;
  const auto consider = [&](time t) { wake = wake ? std::min(*wake, t) : t; };
  for (auto& l : lanes_) {
    if (l.queue.empty())
      continue;
    consider(l.queue.begin()->first.first);
    if (l.busy < l.concurrency)
      consider(std::max({l.bucket.next_at(now, 1), global_.next_at(now, 1), l.paused_until}));
  }
  return wake;
}

std::size_t permit_book::waiting(std::string_view name) const {
  const auto* l = find(name);
  return l == nullptr ? 0 : l->queue.size();
}

std::size_t permit_book::granted(std::string_view name) const {
  const auto* l = find(name);
  return l == nullptr ? 0 : static_cast<std::size_t>(l->busy);
}

permit_book::lane* permit_book::find(std::string_view name) {
  const auto it = std::find_if(lanes_.begin(), lanes_.end(), [&](const lane& l) { return l.name == name; });
  return it == lanes_.end() ? nullptr : &*it;
}

const permit_book::lane* permit_book::find(std::string_view name) const {
  const auto it = std::find_if(lanes_.begin(), lanes_.end(), [&](const lane& l) { return l.name == name; });
  return it == lanes_.end() ? nullptr : &*it;
}

void permit_book::expire(lane& l, time now, std::vector<decision>& out) {
  while (!l.queue.empty() && l.queue.begin()->first.first <= now) {
    const auto head = l.queue.begin();
    out.push_back({head->first.second, ec::permit_refused, 0, now - head->second.since});
    l.queue.erase(head);
    --waiting_;
  }
}

permit_book::lane* permit_book::earliest_ready(time now) {
  lane* best = nullptr;
  for (auto& l : lanes_) {
    if (l.queue.empty() || !l.has_slot(now) || l.bucket.available(now) < 1)
      continue;
    if (best == nullptr || l.queue.begin()->first < best->queue.begin()->first)
      best = &l;
  }
  return best;
}

} // namespace troupe
