#include "apps/warmer/micro_batch.hpp"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

// It is the others' state, not this item's fault.
bool holds_back(ec code) {
  return code == ec::circuit_open || code == ec::all_circuits_open || code == ec::permit_refused
         || code == ec::overloaded || code == ec::circuit_tripped;
}

} // namespace

micro_batch::micro_batch(std::vector<job_item> items) {
  entries_.reserve(items.size());
  for (auto& one : items)
    entries_.push_back({std::move(one)});
}

std::optional<std::size_t> micro_batch::next(time now) {
  if (now < held_until_)
    return std::nullopt;
  for (auto i = first_; i < entries_.size(); ++i) {
    auto& e = entries_[i];
    if (e.at != stage::waiting || now < e.not_before)
      continue;
    e.at = stage::under_way;
    ++under_way_;
    while (first_ < entries_.size() && entries_[first_].at != stage::waiting)
      ++first_;
    return i;
  }
  return std::nullopt;
}

void micro_batch::end(entry& e, item_result r) {
  e.at = stage::ended;
  results_.push_back(std::move(r));
  --under_way_;
  ++ended_;
}

void micro_batch::done(std::size_t place, std::string_view how) {
  auto& e = entries_[place];
  end(e, {e.item.n, std::string{how}, {}, {}});
}

bool micro_batch::failed(
  std::size_t place, ec code, const std::string& message, std::chrono::nanoseconds wait, time now) {
  auto& e = entries_[place];
  const bool held = holds_back(code);
  if (held)
    held_until_ = std::max(held_until_, now + std::max<std::chrono::nanoseconds>(wait, usual_hold));
  else
    ++e.tries;
  if (!held && (e.tries >= attempts || !info(code).retryable)) {
    end(e, {e.item.n, {}, std::string{to_string(code)}, message});
    return true;
  }
  if (!held)
    e.not_before = now + first_pause * (1 << (e.tries - 1));
  again(place);
  return false;
}

void micro_batch::again(std::size_t place) {
  entries_[place].at = stage::waiting;
  --under_way_;
  first_ = std::min(first_, place);
}

std::optional<micro_batch::time> micro_batch::wake_at() const {
  std::optional<time> out;
  for (auto i = first_; i < entries_.size(); ++i)
    if (const auto& e = entries_[i]; e.at == stage::waiting)
      out = std::min(out.value_or(time::max()), std::max(e.not_before, held_until_));
  return out;
}

std::vector<item_result> micro_batch::take_results() {
  taken_ += results_.size();
  return std::exchange(results_, {});
}

} // namespace troupe
