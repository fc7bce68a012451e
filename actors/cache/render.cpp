#include "actors/cache/render.hpp"

#include "actors/cache/gzip.hpp"

#include <algorithm>

namespace troupe {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

lifespan by_wall(const expiry& e, nanoseconds now, std::int64_t wall_ms) noexcept {
  const auto at = [&](nanoseconds t) { return wall_ms + duration_cast<milliseconds>(t - now).count(); };
  return {at(e.stored_at), at(e.fresh_until), at(e.dead_at)};
}

std::int64_t microseconds_of(nanoseconds d) noexcept {
  return duration_cast<std::chrono::microseconds>(d).count();
}

} // namespace

content content_of(const outcome& o, const lifetimes& wish) noexcept {
  if (o.degraded)
    return content::degraded;
  return o.found || wish.nothing_too ? content::complete : content::not_found;
}

rendered render(const outcome& o, const inquiry& about, const expiry& e, tier as) {
  const bool not_found = !o.found && about.durable;
  rendered r;
  r.status = not_found ? 404 : 200;
  r.plain = blob{not_found ? render_not_found(o, about.what) : render_body(o, as)};
  r.etag = weak_etag(o.data.view());
  r.head = blob{fixed_head(tag_of(o, as), duration_cast<seconds>(e.fresh_until - e.stored_at))};
  r.stored_at = e.stored_at;
  r.fresh_until = e.fresh_until;
  r.dead_at = e.dead_at;
  return r;
}

answer from(const rendered& r, std::string_view how, nanoseconds t) {
  answer a;
  a.status = r.status;
  a.plain = r.plain;
  a.gzip = r.gzip;
  a.head = with_etag(r.head.view(), r.etag);
  a.etag = r.etag;
  a.x_cache = how;
  a.age_us = microseconds_of(t - r.stored_at);
  a.ttl_us = std::max<std::int64_t>(0, microseconds_of(r.fresh_until - t));
  return a;
}

answer stale(const rendered& r, tier kept_in, nanoseconds t) {
  auto a = from(r, x_cache(kept_in, standing::on_error, false, false), t);
  a.plain = blob{mark_stale(r.plain.view())};
  a.gzip = {};
  a.head = with_etag(fixed_head(tag_of({}, kept_in), seconds{0}), r.etag);
  return a;
}

answer refusal(ec code, std::string message) {
  answer a;
  a.code = code;
  a.message = std::move(message);
  return a;
}

answer failure(const outcome& o) {
  auto a = refusal(o.code, o.message);
  a.providers = o.providers;
  a.retry_after_us = o.retry_after_us;
  return a;
}

bool lacked_time(const answer& failed) noexcept {
  return std::any_of(failed.providers.begin(), failed.providers.end(),
    [](const auto& p) { return p.code == ec::permit_refused || p.code == ec::deadline_exceeded; });
}

blob gzip_if_worth(std::string_view body, int level) {
  constexpr std::size_t worth_compressing = 1'024;
  return body.size() < worth_compressing ? blob{} : blob{gzip(body, level)};
}

void compress_kept(hot_store& store, const std::string& key) {
  constexpr int thorough = 6; // nobody waits
  const auto kept = store.find(key);
  if (!kept || !kept->gzip.empty())
    return;
  auto gzip = gzip_if_worth(kept->plain.view(), thorough);
  if (gzip.empty())
    return;
  auto both = kept->value();
  both.gzip = std::move(gzip);
  if (store.fits(key, both)) // else the plain one alone is kept
    store.put(key, both);
}

kept_answer to_keep(const outcome& o, const std::string& key, const expiry& hot, const expiry& cold, nanoseconds now,
  std::int64_t wall_ms) {
  kept_answer out;
  out.key = key;
  out.what.data = o.data;
  out.what.tag = o.tag;
  out.what.found = true;
  out.what.fetched_ms = o.fetched_ms;
  out.what.providers = o.providers;
  out.hot = by_wall(hot, now, wall_ms);
  out.cold = by_wall(cold, now, wall_ms);
  return out;
}

expiry by_clock(const lifespan& l, nanoseconds now, std::int64_t wall_ms) noexcept {
  const auto at = [&](std::int64_t ms) { return now + milliseconds{ms - wall_ms}; };
  return {at(l.stored_ms), at(l.fresh_until_ms), at(l.dead_ms)};
}

} // namespace troupe
