#include "actors/cache/promotion.hpp"

#include <algorithm>
#include <tuple>

namespace troupe {

promotion::promotion(const promotion_settings& cfg) : cfg_{cfg}, table_(std::max<std::size_t>(1, (cfg.keys + 3) / 4)) {}

bool promotion::hit(std::uint64_t key_hash, std::chrono::nanoseconds now, bool at_once) noexcept {
  if (at_once || cfg_.hits <= 1) {
    forget(key_hash);
    return true;
  }
  const auto now_s = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  auto& b = bucket_of(key_hash);
  auto at = std::find_if(b.begin(), b.end(), [&](const auto& c) { return c.hits > 0 && c.key_hash == key_hash; });
  if (at == b.end()) {
    const auto worth = [&](const counted& c) {
      return std::tuple{c.hits > 0 && !aged_out(c, now_s), c.hits, c.last_s};
    };
    at = std::min_element(b.begin(), b.end(), [&](const auto& x, const auto& y) { return worth(x) < worth(y); });
    *at = {key_hash, 0, now_s};
  } else if (aged_out(*at, now_s)) {
    at->hits = 0;
  }
  at->last_s = now_s;
  if (++at->hits < cfg_.hits)
    return false;
  *at = {};
  return true;
}

void promotion::forget(std::uint64_t key_hash) noexcept {
  for (auto& c : bucket_of(key_hash))
    if (c.key_hash == key_hash)
      c = {};
}

std::size_t promotion::size() const noexcept {
  std::size_t n = 0;
  for (const auto& b : table_)
    n += static_cast<std::size_t>(std::count_if(b.begin(), b.end(), [](const auto& c) { return c.hits > 0; }));
  return n;
}

promotion::bucket& promotion::bucket_of(std::uint64_t key_hash) noexcept {
  return table_[((key_hash >> 32) * table_.size()) >> 32];
}

bool promotion::aged_out(const counted& c, std::uint32_t now_s) const noexcept {
  return now_s - c.last_s >= static_cast<std::uint64_t>(cfg_.window.count());
}

} // namespace troupe
