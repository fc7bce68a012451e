#include "actors/cache/tiers.hpp"

#include <algorithm>

namespace troupe {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

// A route's own wish, or the setting.
nanoseconds either(std::int64_t wish_us, nanoseconds setting) noexcept {
  return wish_us < 0 ? setting : nanoseconds{microseconds{wish_us}};
}

} // namespace

standing standing_of(const expiry& e, nanoseconds revalidate, nanoseconds now) noexcept {
  if (now >= e.dead_at)
    return standing::dead;
  if (now < e.fresh_until)
    return standing::fresh;
  // A route that keeps nothing has nothing refreshed behind an answer, and no answer is older than twice its time.
  return now - e.fresh_until < std::min(revalidate, e.fresh_until - e.stored_at) ? standing::revalidate
                                                                                 : standing::on_error;
}

life hot_life(content what, const lifetimes& wish, const tier_settings& cfg) noexcept {
  const auto whole = either(wish.fresh_us, cfg.hot_ttl);
  const auto less = either(wish.degraded_us, what == content::not_found ? cfg.not_found_ttl : cfg.degraded_ttl);
  return {
    what == content::complete ? whole : std::min(whole, less), cfg.revalidate, either(wish.stale_us, cfg.on_error)};
}

life cold_life(const lifetimes& wish, const tier_settings& cfg) noexcept {
  // A route that says how long its answers are fresh is believed here too.
  return {either(wish.fresh_us, cfg.cold_ttl), cfg.revalidate, either(wish.stale_us, cfg.on_error)};
}

bool worth_cold(content what) noexcept {
  return what == content::complete;
}

nanoseconds jittered(nanoseconds lifetime, std::uint64_t key_hash) noexcept {
  // A fifth of ten years in microseconds takes 46 bits; 17 bits of the hash still fit beside it. Its high ones: the
  // table of the hot index has its own use for the low ones.
  constexpr int bits = 17;
  const auto fifth = std::chrono::duration_cast<microseconds>(lifetime) / 5;
  const auto share = static_cast<std::int64_t>(key_hash >> (64 - bits));
  return lifetime - fifth / 2 + microseconds{(fifth.count() * share) >> bits};
}

expiry expiry_of(const life& l, std::uint64_t key_hash, nanoseconds now) noexcept {
  const auto fresh_until = now + jittered(l.fresh, key_hash);
  return {now, fresh_until, fresh_until + std::max(l.revalidate, l.on_error)};
}

expiry promoted(const expiry& cold, const life& hot, std::uint64_t key_hash, nanoseconds now) noexcept {
  const auto as_new = expiry_of(hot, key_hash, now);
  return {cold.stored_at, std::min(as_new.fresh_until, cold.fresh_until), std::min(as_new.dead_at, cold.dead_at)};
}

read_step after_hot(standing hot, const read_about& read) noexcept {
  if (!read.bypass && hot == standing::fresh)
    return read_step::answer;
  if (!read.bypass && hot == standing::revalidate)
    return read.under_way ? read_step::answer : read_step::answer_and_refresh;
  // A bypassing read joins too: what is on its way comes from the providers, and they are asked once.
  if (read.under_way)
    return read_step::join;
  return read.bypass || !read.has_below ? read_step::fetch : read_step::look_below;
}

read_step after_cold(standing cold) noexcept {
  switch (cold) {
  case standing::fresh:
    return read_step::answer;
  case standing::revalidate:
    return read_step::answer_and_refresh;
  case standing::on_error:
  case standing::dead:
    break;
  }
  return read_step::fetch;
}

fallback after_failure(standing hot, standing cold) noexcept {
  if (hot != standing::dead)
    return fallback::hot;
  return cold != standing::dead ? fallback::cold : fallback::none;
}

std::string_view x_cache(tier from, standing how, bool promoted, bool joined) noexcept {
  switch (from) {
  case tier::providers:
    return joined ? "COALESCED" : "MISS";
  case tier::database:
    return "HIT-D1";
  case tier::hot:
    return how == standing::fresh ? "HIT-KV-HOT" : "STALE";
  case tier::cold:
    break;
  }
  if (how != standing::fresh)
    return "STALE";
  return promoted ? "HIT-R2-PROMOTED" : "HIT-R2-COLD";
}

} // namespace troupe
