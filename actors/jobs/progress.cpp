#include "actors/jobs/progress.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

constexpr std::int64_t hundredths = 10'000;
constexpr auto between_events = std::chrono::seconds{1};
// A rate out of less is chance.
constexpr auto least_window = std::chrono::seconds{1};

/// a * b / c, without overflow for what a job can be.
std::int64_t scaled(std::int64_t a, std::int64_t b, std::int64_t c) {
  __extension__ using wide = __int128;
  return static_cast<std::int64_t>(static_cast<wide>(a) * b / c);
}

} // namespace

nlohmann::ordered_json counts_json(const job_counts& c) {
  return {{"rows", c.parsed.rows}, {"accepted", c.parsed.accepted}, {"rejected", c.parsed.rejected},
    {"duplicates", c.parsed.duplicates}, {"items", c.items}, {"claimed", c.claimed}, {"done", c.done},
    {"failed", c.failed}, {"hits", c.hits}, {"hot", c.hot}, {"cold", c.cold}};
}

std::string to_json(const job_counts& c) {
  return counts_json(c).dump();
}

std::string to_json(const progress_view& p) {
  auto json = nlohmann::ordered_json{{"phase", p.phase}, {"counts", counts_json(p.counts)}};
  if (p.percent_hundredths >= 0)
    json["percent_hundredths"] = p.percent_hundredths;
  if (p.items_per_1000_s >= 0)
    json["items_per_1000_s"] = p.items_per_1000_s;
  if (p.left_ms >= 0)
    json["left_ms"] = p.left_ms;
  json["errors"] = nlohmann::ordered_json::object();
  for (const auto& [cause, times] : p.errors)
    json["errors"][cause] = times;
  // A cause may hold a part of a provider's answer: never throw over its bytes.
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

job_progress::job_progress(std::string phase, const job_counts& counts, time now)
    : phase_{std::move(phase)}, counts_{counts} {
  begin_window(now);
  told_at_ = now;
  told_step_ = step();
}

void job_progress::begin_window(time now) {
  newest_ = 0;
  held_ = 1;
  window_[0] = {now, ended()};
}

void job_progress::enter(std::string phase, time now) {
  phase_ = std::move(phase);
  begin_window(now);
  told_step_ = step();
}

void job_progress::update(const job_counts& counts, time now) {
  const auto before = ended();
  counts_ = counts;
  if (ended() < before) {
    begin_window(now);
    told_step_ = std::min(told_step_, step());
    return;
  }
  if (now - window_[newest_].at < sample_every)
    return;
  newest_ = (newest_ + 1) % samples;
  held_ = std::min(held_ + 1, samples);
  window_[newest_] = {now, ended()};
}

void job_progress::failed(std::string_view cause, std::int64_t times) {
  if (const auto known = causes_.find(cause); known != causes_.end())
    known->second += times;
  else if (causes_.size() < most_causes)
    causes_.emplace(cause, times);
  else
    other_causes_ += times;
}

std::int64_t job_progress::step() const noexcept {
  if (counts_.items > 0 && phase_ != "parsing")
    return scaled(ended(), 100, counts_.items);
  auto steps = std::int64_t{0};
  for (auto unit = std::int64_t{1}; unit <= counts_.parsed.rows; unit *= 10) {
    for (const auto times : {1, 2, 5})
      steps += unit * times <= counts_.parsed.rows ? 1 : 0;
    if (unit > counts_.parsed.rows / 10)
      break;
  }
  return steps;
}

bool job_progress::is_due(time now) const {
  return now - told_at_ >= between_events && step() > told_step_;
}

progress_view job_progress::tell(time now) {
  told_at_ = now;
  told_step_ = step();
  return view(now);
}

/// The oldest sample of the window that ends now, or the newest there is.
const job_progress::sample& job_progress::oldest(time now) const {
  constexpr auto window = sample_every * static_cast<std::int64_t>(samples - 1);
  for (auto age = held_; age-- > 1;) {
    const auto& each = window_[(newest_ + samples - age) % samples];
    if (now - each.at <= window)
      return each;
  }
  return window_[newest_];
}

progress_view job_progress::view(time now) const {
  auto seen = progress_view{phase_, counts_, -1, -1, -1, {}};
  const auto left = counts_.items - ended();
  if (counts_.items > 0)
    seen.percent_hundredths = scaled(ended(), hundredths, counts_.items);
  const auto& since = oldest(now);
  if (const auto passed = now - since.at; passed >= least_window) {
    constexpr auto per = std::chrono::nanoseconds{std::chrono::seconds{1000}};
    const auto gained = ended() - since.ended;
    seen.items_per_1000_s = scaled(gained, per.count(), passed.count());
    if (gained > 0)
      seen.left_ms = scaled(left, std::chrono::duration_cast<std::chrono::milliseconds>(passed).count(), gained);
  }
  if (counts_.items > 0 && left == 0)
    seen.left_ms = 0;
  seen.errors.assign(causes_.begin(), causes_.end());
  std::stable_sort(
    seen.errors.begin(), seen.errors.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (other_causes_ > 0)
    seen.errors.emplace_back("other", other_causes_);
  return seen;
}

} // namespace troupe
