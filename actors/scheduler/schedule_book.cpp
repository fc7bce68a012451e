#include "actors/scheduler/schedule_book.hpp"

#include <algorithm>

namespace troupe {
namespace {

using std::chrono::milliseconds;

/// "3 h", "5 min", "40 s": what somebody who reads a history wants to know.
std::string shown(milliseconds late) {
  if (late >= std::chrono::hours{2})
    return std::to_string(std::chrono::duration_cast<std::chrono::hours>(late).count()) + " h";
  if (late >= std::chrono::minutes{2})
    return std::to_string(std::chrono::duration_cast<std::chrono::minutes>(late).count()) + " min";
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(late).count()) + " s";
}

} // namespace

/// As `next`, but of one that does not go forward there is no next.
std::optional<schedule_book::time> schedule_book::moment_after(const schedule& s, time after) {
  auto found = s.next(after);
  return found && *found > after ? found : std::nullopt;
}

/// The last moment up to now, of which `first` is one. There may be a million: it looks back from now, each time twice
/// as far, until a moment lies within, then halves the distance.
schedule_book::time schedule_book::last_moment(const schedule& s, time first, time now) {
  const auto within = [&](time after) {
    auto found = moment_after(s, after);
    return found && *found <= now ? found : std::nullopt;
  };
  auto last = first; // a moment that has come; none but it may be known
  auto empty = now;  // after this none has come
  for (auto back = milliseconds{1}; back < now - first; back *= 2) {
    if (auto found = within(now - back)) {
      last = *found;
      break;
    }
    empty = now - back;
  }
  while (last < empty) {
    const auto following = within(last);
    if (!following)
      break;
    last = *following;
    const auto middle = last + (empty - last) / 2;
    if (auto found = last < empty ? within(middle) : std::nullopt)
      last = *found;
    else
      empty = std::min(empty, middle);
  }
  return last;
}

void schedule_book::take(entries::iterator at, time moment) {
  auto& [name, e] = *at;
  if (e.due)
    line_.erase({*e.due, name});
  taken_.erase({e.taken, name});
  taken_.emplace(moment, name);
  e.taken = moment;
  e.due = moment_after(e.what, moment);
  if (e.due)
    line_.emplace(*e.due, name);
}

void schedule_book::add(schedule s, std::optional<time> taken, time now) {
  const auto found = entries_.find(s.name);
  if (found != entries_.end()) {
    auto& e = found->second;
    const auto is_due = e.due && *e.due <= now;
    e.what = std::move(s);
    take(found, is_due ? e.taken : std::max(e.taken, now));
    return;
  }
  auto name = s.name;
  const auto at = entries_.emplace(std::move(name), entry{std::move(s), {}, {}, false}).first;
  take(at, taken.value_or(now));
}

void schedule_book::remove(std::string_view name) {
  const auto at = entries_.find(name);
  if (at == entries_.end())
    return;
  if (at->second.due)
    line_.erase({*at->second.due, at->first});
  taken_.erase({at->second.taken, at->first});
  entries_.erase(at);
}

schedule_book::decision schedule_book::decide(entry& e, time now) {
  const auto due = last_moment(e.what, *e.due, now);
  const auto late = now - due;
  auto made = decision{decision::deed::run, e.what.name, due, run_cause::cron, {}};
  if (late > cfg_.punctual) {
    made.cause = run_cause::catch_up;
    if (e.what.policy == missed::skip) {
      made.what = decision::deed::skip;
      made.why = "missed by " + shown(late);
    }
  }
  if (e.under_way) {
    made.what = decision::deed::skip;
    made.why = "the previous run is under way";
  }
  if (made.what == decision::deed::run)
    e.under_way = true;
  return made;
}

schedule_book::outlook schedule_book::look(time now) {
  auto seen = outlook{};
  while (!line_.empty() && line_.begin()->first <= now && seen.decisions.size() < cfg_.at_once) {
    const auto at = entries_.find(line_.begin()->second);
    seen.decisions.push_back(decide(at->second, now));
    take(at, seen.decisions.back().due);
  }
  while (!taken_.empty() && taken_.rbegin()->first - now > cfg_.believable && seen.decisions.size() < cfg_.at_once) {
    const auto name = taken_.rbegin()->second;
    seen.decisions.push_back({decision::deed::rewind, name, now, run_cause::cron, {}});
    take(entries_.find(name), now);
  }
  seen.look_again = cfg_.look_every;
  if (seen.decisions.size() >= cfg_.at_once)
    seen.look_again = milliseconds{0};
  else if (!line_.empty())
    seen.look_again = std::clamp(line_.begin()->first - now, milliseconds{0}, cfg_.look_every);
  return seen;
}

result<schedule_book::decision> schedule_book::trigger(std::string_view name, time now) {
  const auto at = entries_.find(name);
  if (at == entries_.end())
    return fail(ec::not_found, "schedule " + std::string{name} + ": there is none");
  if (at->second.under_way)
    return fail(ec::bad_request, "schedule " + std::string{name} + ": its previous run is under way");
  at->second.under_way = true;
  return decision{decision::deed::run, std::string{name}, now, run_cause::manual, {}};
}

void schedule_book::ended(std::string_view name) {
  if (const auto at = entries_.find(name); at != entries_.end())
    at->second.under_way = false;
}

void schedule_book::give_back(std::string_view name, time due) {
  if (const auto at = entries_.find(name); at != entries_.end() && at->second.taken == due)
    take(at, due - milliseconds{1});
}

std::optional<schedule_book::time> schedule_book::next(std::string_view name) const {
  const auto at = entries_.find(name);
  return at != entries_.end() ? at->second.due : std::nullopt;
}

bool schedule_book::is_under_way(std::string_view name) const {
  const auto at = entries_.find(name);
  return at != entries_.end() && at->second.under_way;
}

} // namespace troupe
