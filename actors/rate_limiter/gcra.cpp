#include "actors/rate_limiter/gcra.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <stdexcept>

namespace troupe {

namespace {

// A key may lie in any of this many places, whose tags fill one cache line. With a quarter of the capacity busy, one
// set in 10^6 is full; with half of it, one in 300.
constexpr std::size_t ways = 16;

constexpr std::size_t cache_line = 64;

constexpr std::uint64_t odd_a = 0x9e3779b97f4a7c15; // 2^64 / golden ratio
constexpr std::uint64_t odd_b = 0xbf58476d1ce4e5b9; // splitmix64's first multiplier

constexpr std::uint64_t mix(std::uint64_t x) noexcept { // splitmix64's finaliser
  x = (x ^ (x >> 30)) * odd_b;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) | 1;
}

verdict apply(std::atomic<std::int64_t>& word, std::int64_t now, std::int64_t interval, std::int64_t burst) noexcept {
  auto tat = word.load(std::memory_order_relaxed);
  for (;;) {
    const auto step = gcra_step(tat, now, interval, burst);
    // Nothing else is published through the word: no order is needed, only that nobody's change is lost.
    if (!step.said.allowed || word.compare_exchange_weak(tat, step.new_tat, std::memory_order_relaxed))
      return step.said;
  }
}

} // namespace

gcra_result gcra_step(std::int64_t tat, std::int64_t now, std::int64_t interval, std::int64_t burst) noexcept {
  const auto full = interval * burst;
  const auto used = std::max(tat, now) - now; // time until the bucket is full, as it stands
  verdict said;
  said.limit = burst;
  if (used > full - interval) {
    said.retry_after = std::chrono::nanoseconds{used - (full - interval)};
    said.reset_after = std::chrono::nanoseconds{used};
    return {tat, said};
  }
  said.allowed = true;
  said.remaining = (full - used - interval) / interval;
  said.reset_after = std::chrono::nanoseconds{used + interval};
  return {now + used + interval, said};
}

/// One client at one endpoint, on a cache line of its own. Key and length change under the exclusive lock alone.
struct alignas(cache_line) gcra_table::slot {
  std::atomic<std::int64_t> tat{0};
  std::uint64_t hash = 0;
  std::uint8_t endpoint = 0;
  std::uint8_t length = 0;
  std::array<char, longest_client> key{};

  [[nodiscard]] bool is(std::uint64_t its_hash, std::string_view client, std::size_t its_endpoint) const noexcept {
    return hash == its_hash && endpoint == its_endpoint && length == client.size()
           && std::memcmp(key.data(), client.data(), client.size()) == 0;
  }
};

struct alignas(cache_line) gcra_table::bucket_set {
  std::array<std::uint32_t, ways> tags{}; // 0: free; else the hash's upper half, never 0
  std::array<slot, ways> slots;
};

struct alignas(cache_line) gcra_table::stripe {
  mutable std::shared_mutex mutex;
  std::unique_ptr<bucket_set[]> sets;                    // none until the stripe is first used
  std::unique_ptr<std::atomic<std::int64_t>[]> overflow; // one word an endpoint
};

namespace {

constexpr std::uint32_t tag_of(std::uint64_t hash) noexcept {
  return static_cast<std::uint32_t>(hash >> 32) | 1U;
}

} // namespace

gcra_table::gcra_table(std::vector<gcra_limit> endpoints, settings config)
    : stripe_mask_{std::bit_ceil(std::max<std::size_t>(config.stripes, 1)) - 1}, stripe_bits_{std::popcount(
                                                                                   stripe_mask_)},
      set_mask_{std::bit_ceil(std::max<std::size_t>(config.capacity / ways / (stripe_mask_ + 1), 1)) - 1},
      seed_{config.seed != 0 ? config.seed : random_seed()}, stripes_{std::make_unique<stripe[]>(stripe_mask_ + 1)} {
  static_assert(sizeof(slot) == cache_line);
  if (endpoints.size() > std::numeric_limits<std::uint8_t>::max())
    throw std::invalid_argument{"gcra_table: expected at most 255 endpoints"};
  for (const auto& each : endpoints) {
    const auto period = each.period.count();
    if (each.limit <= 0 || period <= 0 || period > (std::int64_t{1} << 62) / each.limit)
      throw std::invalid_argument{"gcra_table: expected a positive limit in a positive period"};
    // Rounded up: where the division leaves a rest, never more than the limit passes.
    rules_.push_back({period / each.limit + (period % each.limit != 0 ? 1 : 0), each.limit});
  }
  for (std::size_t i = 0; i <= stripe_mask_; ++i)
    stripes_[i].overflow = std::make_unique<std::atomic<std::int64_t>[]>(rules_.size());
}

gcra_table::~gcra_table() = default;

std::uint64_t gcra_table::hash(std::string_view client, std::size_t endpoint) const noexcept {
  // Eight bytes a step, one multiplication each, in turn: the steps are short, the finaliser spreads them.
  auto state = seed_ ^ (client.size() * odd_a) ^ (endpoint << 56);
  const auto* at = client.data();
  auto left = client.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    state = std::rotl((state ^ word) * odd_a, 29) + seed_;
  }
  std::uint64_t rest = 0;
  for (std::size_t i = 0; i < left; ++i)
    rest = rest << 8 | static_cast<unsigned char>(at[i]);
  return mix((state ^ rest) * odd_a);
}

verdict gcra_table::check(std::string_view client, std::size_t endpoint, std::chrono::nanoseconds now) {
  const auto& limit = rules_.at(endpoint);
  const auto time = now.count();
  const auto key_hash = hash(client, endpoint);
  auto& home = stripes_[key_hash & stripe_mask_];
  if (client.size() > longest_client) {
    overflowed_.fetch_add(1, std::memory_order_relaxed);
    return apply(home.overflow[endpoint], time, limit.interval, limit.burst);
  }
  const auto tag = tag_of(key_hash);
  const auto set_index = (key_hash >> stripe_bits_) & set_mask_;
  const auto find = [&]() -> slot* {
    auto& set = home.sets[set_index];
    for (std::size_t i = 0; i < ways; ++i)
      if (set.tags[i] == tag && set.slots[i].is(key_hash, client, endpoint))
        return &set.slots[i];
    return nullptr;
  };
  {
    std::shared_lock reading{home.mutex};
    if (home.sets)
      if (auto* known = find())
        return apply(known->tat, time, limit.interval, limit.burst);
  }
  std::unique_lock writing{home.mutex};
  if (!home.sets)
    home.sets = std::make_unique<bucket_set[]>(set_mask_ + 1);
  if (auto* known = find()) // another thread was faster
    return apply(known->tat, time, limit.interval, limit.burst);
  auto& set = home.sets[set_index];
  for (std::size_t i = 0; i < ways; ++i) {
    auto& place = set.slots[i];
    if (set.tags[i] != 0 && place.tat.load(std::memory_order_relaxed) > time)
      continue;
    set.tags[i] = tag;
    place.hash = key_hash;
    place.endpoint = static_cast<std::uint8_t>(endpoint);
    place.length = static_cast<std::uint8_t>(client.size());
    std::copy(client.begin(), client.end(), place.key.begin());
    place.tat.store(0, std::memory_order_relaxed);
    return apply(place.tat, time, limit.interval, limit.burst);
  }
  overflowed_.fetch_add(1, std::memory_order_relaxed);
  return apply(home.overflow[endpoint], time, limit.interval, limit.burst);
}

std::size_t gcra_table::size() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i <= stripe_mask_; ++i) {
    std::shared_lock reading{stripes_[i].mutex};
    for (std::size_t s = 0; stripes_[i].sets && s <= set_mask_; ++s)
      count += ways - static_cast<std::size_t>(std::ranges::count(stripes_[i].sets[s].tags, 0U));
  }
  return count;
}

std::size_t gcra_table::capacity() const noexcept {
  return (stripe_mask_ + 1) * (set_mask_ + 1) * ways;
}

} // namespace troupe
