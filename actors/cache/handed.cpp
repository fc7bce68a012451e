#include "actors/cache/handed.hpp"

#include "actors/cache/hot_index.hpp"
#include "actors/cache/kept.hpp"
#include "actors/cache/render.hpp"

#include <utility>

namespace troupe {
namespace {

constexpr std::size_t largest = 16 << 20;
constexpr std::int64_t worth_a_write_ms = 1000; // what dies within this may be dead when it is written

} // namespace

bool worth_keeping(content what, std::string_view key, const expiry& hot, std::chrono::nanoseconds now) {
  return worth_cold(what) && key.size() <= longest_kept_key && hot.fresh_until > now;
}

std::vector<packed> pack(
  std::vector<handed> answers, const tier_settings& cfg, std::chrono::nanoseconds now, std::int64_t wall_ms) {
  std::vector<packed> out;
  out.reserve(answers.size());
  for (auto& a : answers) {
    const auto& key = a.about.key;
    const auto cold = expiry_of(cold_life(a.about.kept, cfg), hash_of_key(key), now);
    const auto kept = to_keep(a.what, key, a.hot, cold, now, wall_ms);
    blob bytes{encode(kept)};
    if (bytes.view().size() <= largest && kept.hot.dead_ms > wall_ms + worth_a_write_ms)
      out.push_back({key, std::move(bytes), kept.hot.dead_ms, a.about.durable});
  }
  return out;
}

} // namespace troupe
