#include "actors/rate_limiter/gcra.hpp"

#include <algorithm>

namespace troupe {
namespace {

using std::chrono::nanoseconds;

// A full stripe that could not be swept is not swept again for so long: else every new client would pay for the walk.
constexpr nanoseconds sweep_pause = std::chrono::milliseconds{100};

} // namespace

gcra_verdict gcra_step(std::int64_t& tat, std::int64_t now, const gcra_quota& quota) noexcept {
  const auto interval = std::max<std::int64_t>(1, quota.period.count() / std::max<std::int64_t>(1, quota.requests));
  const auto depth = interval * quota.requests; // what the bucket holds, as time
  const auto next = std::max(tat, now) + interval;
  gcra_verdict v;
  v.limit = quota.requests;
  v.allowed = next - now <= depth;
  if (v.allowed)
    tat = next;
  else
    v.retry_after = nanoseconds{next - now - depth};
  const auto used = std::max<std::int64_t>(0, tat - now);
  v.remaining = (depth - used) / interval;
  v.reset_after = nanoseconds{used};
  return v;
}

gcra_table::gcra_table(std::vector<gcra_quota> quotas, std::size_t max_clients)
    : quotas_{std::move(quotas)}, max_per_stripe_{std::max<std::size_t>(1, max_clients / std::tuple_size_v<decltype(stripes_)>)} {
  for (auto& s : stripes_)
    s.overflow.assign(quotas_.size(), 0);
}

gcra_verdict gcra_table::check(std::string_view client, std::size_t endpoint, nanoseconds now) {
  auto& s = stripes_[hash{}(client) >> 58]; // the map uses the low bits
  const std::lock_guard guard{s.lock};
  return gcra_step(find_or_make(s, client, now)[endpoint], now.count(), quotas_[endpoint]);
}

gcra_table::words& gcra_table::find_or_make(stripe& s, std::string_view client, nanoseconds now) {
  if (const auto it = s.clients.find(client); it != s.clients.end())
    return it->second;
  if (s.clients.size() >= max_per_stripe_)
    sweep(s, now);
  if (s.clients.size() >= max_per_stripe_)
    return s.overflow;
  return s.clients.emplace(std::string{client}, words(quotas_.size(), 0)).first->second;
}

void gcra_table::sweep(stripe& s, nanoseconds now) {
  if (s.swept != nanoseconds{} && now - s.swept < sweep_pause)
    return;
  s.swept = now;
  std::erase_if(s.clients, [&](const auto& entry) {
    return std::all_of(entry.second.begin(), entry.second.end(), [&](auto tat) { return tat <= now.count(); });
  });
}

std::size_t gcra_table::size() const {
  std::size_t sum = 0;
  for (const auto& s : stripes_) {
    const std::lock_guard guard{s.lock};
    sum += s.clients.size();
  }
  return sum;
}

} // namespace troupe
