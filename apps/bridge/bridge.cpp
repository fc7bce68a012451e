#include "apps/bridge/bridge.hpp"

#include "apps/bridge/deadline.hpp"
#include "apps/bridge/metric_text.hpp"
#include "apps/http/negotiate.hpp"
#include "apps/http/uri.hpp"
#include "apps/query/parameters.hpp"

#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <random>

namespace troupe {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr std::string_view json_type = "application/json";

// Four times 64 k clients that have something left of their quota at once: about 18 MB when full.
constexpr std::size_t limiter_words = 262'144;

// Below this, gzip saves no packet.
constexpr std::size_t worth_compressing = 1'024;

std::vector<gcra_limit> limits_of(const std::vector<const entry_point*>& routes) {
  std::vector<gcra_limit> out;
  out.reserve(routes.size());
  for (const auto* r : routes)
    out.push_back({r->quota.requests, r->quota.period});
  return out;
}

std::vector<const entry_point*> routes_of(const bridge_settings& s) {
  std::vector<const entry_point*> out;
  out.reserve(s.endpoints.size() + s.resources.size());
  for (const auto& e : s.endpoints)
    out.push_back(&e);
  for (const auto& r : s.resources)
    out.push_back(&r);
  return out;
}

std::vector<std::string> labels_of(const std::vector<const entry_point*>& routes) {
  std::vector<std::string> out;
  out.reserve(routes.size() + 1);
  for (const auto* r : routes)
    out.push_back(r->name);
  out.emplace_back("other");
  return out;
}

// Whether the client wants what the providers say now (RFC 9111 5.2.1.4; ?force=true for those who cannot set a field).
result<bool> bypasses_cache(const fields& query, std::string_view cache_control) {
  auto force = parse_flag(query, "force", false);
  if (!force)
    return force;
  return force.value() || http::has_directive(cache_control, "no-cache");
}

// RFC 9110, 13.1.2: "not modified" answers GET and HEAD alone.
std::string known_etags(const http::request& request) {
  return request.method == "POST" ? std::string{} : request.joined("If-None-Match");
}

} // namespace

// One question on its way through the actors.
struct bridge::pending {
  http::exchange exchange;
  std::size_t index = 0;
  std::string head; // header lines that are known already
  std::string key;
  clock::time_point since;
  bool gzip = false;
  bool problem = false;
  std::string if_none_match;
};

result<std::unique_ptr<bridge>> bridge::make(bridge_settings settings, front_actor front) {
  auto b = std::unique_ptr<bridge>{new bridge{std::move(settings), std::move(front)}};
  auto& router = b->router_;
  const auto& routes = b->routes_;
  for (std::size_t i = 0; i < routes.size(); ++i)
    if (auto added = router.add(routes[i]->pattern, i); !added)
      return added.as_failure();
  if (auto added = router.add("/health", routes.size()); !added)
    return added.as_failure();
  if (auto added = router.add("/metrics", routes.size() + 1); !added)
    return added.as_failure();
  return b;
}

bridge::bridge(bridge_settings settings, front_actor front)
    : settings_{std::move(settings)}, routes_{routes_of(settings_)}, front_{std::move(front)},
      clients_{limits_of(routes_), {limiter_words, 64, 0}}, traces_{std::random_device{}() * 0x100000001ULL},
      metrics_{labels_of(routes_)} {}

bridge::~bridge() = default;

// Of /health and /metrics: what everything without rules of its own has.
const entry_point& bridge::route_of(std::size_t routed) const noexcept {
  static const entry_point plain;
  return routed < routes_.size() ? *routes_[routed] : plain;
}

void bridge::handle(http::exchange e) {
  const auto& request = e.request();
  const auto other = routes_.size();
  const auto since = clock::now();
  const auto found = router_.find(request.path);
  const auto* route = found ? &route_of(found->endpoint) : nullptr;
  const auto label = found ? std::min(found->endpoint, other) : other;
  if (request.method == "OPTIONS" && (found || request.path == "*"))
    return reply(e, options_of(request, route), label, since);
  if (!found || !takes(*route, request.method))
    return reply(e, not_here(request, route), label, since);
  if (label == other)
    return found->endpoint == other ? health(std::move(e)) : counters(std::move(e));
  std::shared_ptr<const api_key> key;
  if (const auto why = authenticate(request, found->endpoint, key); why != refusal::none)
    return reply(e, unauthorized(request, why), label, since);
  if (route->operators_only)
    if (auto refused = no_operator(request))
      return reply(e, std::move(*refused), label, since);
  if (key)
    e.attach(std::move(key));
  return find_resource(found->endpoint) != nullptr ? resource_asked(std::move(e), *found)
                                                   : question_asked(std::move(e), *found);
}

void bridge::question_asked(http::exchange e, const router::match& found) {
  const auto index = found.endpoint;
  const auto since = clock::now();
  const auto now = since.time_since_epoch();
  const auto& request = e.request();
  const auto& endpoint = settings_.endpoints[index];
  const auto trace = traces_.next(request.value("traceparent"));
  std::string head;
  head.reserve(768); // all header lines of an answer, the fixed ones included
  append_field(head, "X-Trace-Id", trace.id);
  if (!within_limit(e, index, head, since))
    return;
  auto query = http::parse_query(request.query);
  if (!query)
    return reply_failure(e, {400, "Bad request", query.error().message, {}, {}}, std::move(head), index, since);
  std::array<std::string, router::most_placeholders> captured;
  for (std::size_t i = 0; i < found.placeholders; ++i) {
    auto segment = http::decode_path(found.captured[i]);
    if (!segment)
      return reply_failure(e, {400, "Bad request", segment.error().message, {}, {}}, std::move(head), index, since);
    captured[i] = std::move(segment.value());
  }
  fields members;
  if (endpoint.read_body) {
    auto read = endpoint.read_body(request.body);
    if (!read)
      return reply_failure(e, {400, "Bad request", read.error().message, {}, {}}, std::move(head), index, since);
    members = std::move(read.value());
    e.drop_body(); // the answer may be seconds away
  }
  auto asked =
    endpoint.parse(endpoint.read_body ? members : query.value(), std::span{captured}.first(found.placeholders));
  if (!asked) {
    // S0-46: a missing parameter is the whole error; anything else says what was expected.
    const bool missing = asked.error().message == "Missing query parameter";
    return reply_failure(e,
      missing ? failure{400, asked.error().message, {}, {}, {}}
              : failure{400, "Bad request", asked.error().message, {}, {}},
      std::move(head), index, since);
  }
  const auto deadline = deadline_of(
    request.value("X-Request-Timeout"), endpoint.deadline.count() > 0 ? endpoint.deadline : settings_.deadline);
  if (!deadline)
    return reply_failure(e, {400, "Bad request", deadline.error().message, {}, {}}, std::move(head), index, since);
  const auto bypass = bypasses_cache(query.value(), request.joined("Cache-Control"));
  if (!bypass)
    return reply_failure(e, {400, "Bad request", bypass.error().message, {}, {}}, std::move(head), index, since);
  const bool gzip = http::accepts_gzip(request.joined("Accept-Encoding"));
  const auto hot = bypass.value() ? nullptr : settings_.index->find(asked.value().key);
  if (hot && hot->fresh_until > now) {
    metrics_.count_hit(index);
    const auto match = known_etags(request);
    const bool unchanged = !match.empty() && http::etag_matches(match, hot->etag());
    const bool compressed = gzip && !hot->gzip.empty();
    if (gzip && !compressed && hot->plain.view().size() >= worth_compressing && hot->ask_for_gzip())
      caf::anon_send(front_, compress{asked.value().key});
    head.append(hot->head.view());
    append_field(head, "ETag", hot->etag());
    append_field(head, "X-Cache", "HIT-KV-HOT");
    append_field(head, "X-Cache-TTL",
      std::chrono::duration_cast<std::chrono::seconds>(nanoseconds{hot->fresh_until - now}).count());
    append_field(
      head, "Age", std::chrono::duration_cast<std::chrono::seconds>(nanoseconds{now - hot->stored_at}).count());
    if (compressed)
      head.append("Content-Encoding: gzip\r\n");
    http::response r{unchanged ? 304 : hot->status(), std::move(head), compressed ? hot->gzip : hot->plain};
    return reply(e, std::move(r), index, since);
  }
  auto p = std::make_shared<pending>();
  p->index = index;
  p->head = std::move(head);
  p->key = asked.value().key;
  p->since = since;
  p->gzip = gzip;
  p->problem = wants_problem(request.joined("Accept"));
  p->if_none_match = known_etags(request);
  p->exchange = std::move(e);
  const auto id = ++last_lookup_;
  lookup l{id, std::move(asked.value()), gzip, deadline.value().count(), bypass.value()};
  l.about.what.traceparent = trace.traceparent;
  ++asked_;
  auto done = std::make_shared<std::function<void(answer)>>([this, p](answer a) { finish(*p, std::move(a)); });
  // Before the lookup goes: afterwards the exchange may be answered, on another thread, at any time.
  p->exchange.on_gone([front = front_, id] { caf::anon_send(front, front_gone{id}); });
  caf::anon_send(front_, front_lookup{std::move(l), std::move(done)});
}

// On an actor thread.
void bridge::finish(pending& p, answer&& a) {
  --asked_;
  auto& head = p.head;
  if (a.code != ec::none) {
    const auto& endpoint = settings_.endpoints[p.index];
    const int status = info(a.code).http_status;
    if (status == 503 || status == 429)
      append_retry_after(head, std::chrono::microseconds{a.retry_after_us});
    failure f{status, endpoint.failure, a.message, p.key, a.providers};
    if (status == 500)
      settings_.log->error("{}: {}", endpoint.failure, a.message);
    auto body = render(f, p.problem);
    append_field(head, "Content-Type", body.content_type);
    head.append("Cache-Control: no-store\r\n");
    return reply(p.exchange, {status, std::move(head), blob{std::move(body.text)}}, p.index, p.since);
  }
  head.append(a.head);
  append_field(head, "X-Cache", a.x_cache);
  using std::chrono::microseconds;
  using std::chrono::seconds;
  append_field(head, "X-Cache-TTL", std::chrono::duration_cast<seconds>(microseconds{a.ttl_us}).count());
  append_field(head, "Age", std::chrono::duration_cast<seconds>(microseconds{a.age_us}).count());
  if (a.x_cache == "STALE")
    head.append("Warning: 110 troupe \"Response is Stale\"\r\n"); // RFC 7234, 5.5.1; kept because C-02 asks for it
  auto body = a.plain;
  if (p.gzip && !a.gzip.empty()) {
    body = a.gzip;
    head.append("Content-Encoding: gzip\r\n");
  }
  const bool unchanged = !p.if_none_match.empty() && http::etag_matches(p.if_none_match, a.etag);
  reply(p.exchange, {unchanged ? 304 : a.status, std::move(head), std::move(body)}, p.index, p.since);
}

void bridge::account(
  const http::request& request, http::response& r, std::size_t label, clock::time_point since) const {
  keep_rules(request, label, r);
  const auto took = clock::now() - since;
  append_response_time(r.head, took);
  metrics_.count(label, r.status, took);
  if (settings_.access_log)
    note_access(request, r, took);
}

void bridge::reply(http::exchange& e, http::response&& r, std::size_t label, clock::time_point since) {
  account(e.request(), r, label, since);
  e.answer(std::move(r));
}

http::answer_stream bridge::stream(
  http::exchange& e, http::response&& head, http::stream_calls calls, std::size_t label, clock::time_point since) {
  account(e.request(), head, label, since);
  return e.stream(std::move(head), std::move(calls));
}

void bridge::reply_failure(
  http::exchange& e, const failure& f, std::string head, std::size_t label, clock::time_point since) {
  reply(e, failed(e.request(), f, std::move(head)), label, since);
}

void bridge::health(http::exchange e) {
  auto shared = std::make_shared<http::exchange>(std::move(e));
  const auto since = clock::now();
  auto done = [this, shared, since](const metrics& all, std::size_t silent) {
    nlohmann::json circuits = nlohmann::json::object();
    for (const auto& m : all)
      if (m.name == "troupe_circuit_state" && m.value == 1)
        circuits[m.labels[0].second] = m.labels[1].second;
    const nlohmann::json out{
      {"status", silent == 0 ? "ok" : "degraded"}, {"version", settings_.version}, {"providers", std::move(circuits)}};
    std::string head = "Cache-Control: no-store\r\n";
    append_field(head, "Content-Type", json_type);
    reply(*shared, {silent == 0 ? 200 : 503, std::move(head), blob{out.dump()}}, routes_.size(), since);
  };
  caf::anon_send(front_, front_stats{std::make_shared<std::function<void(metrics, std::size_t)>>(std::move(done))});
}

void bridge::counters(http::exchange e) {
  const auto since = clock::now();
  const auto other = routes_.size();
  if (auto refused = no_operator(e.request()))
    return reply(e, std::move(*refused), other, since);
  auto shared = std::make_shared<http::exchange>(std::move(e));
  auto done = [this, shared, since, other](metrics all, std::size_t silent) {
    const auto c = settings_.server_counters();
    const auto gauge = [&](const char* name, auto v) {
      all.push_back({name, {}, false, static_cast<std::int64_t>(v)});
    };
    const auto count = [&](const char* name, auto v) { all.push_back({name, {}, true, static_cast<std::int64_t>(v)}); };
    gauge("troupe_http_connections", c.open);
    gauge("troupe_http_requests_in_flight", c.in_flight - 1); // not counting this one
    gauge("troupe_http_streams", c.streams);
    gauge("troupe_lookups_in_flight", asked_.load());
    gauge("troupe_hot_index_entries", settings_.index->size());
    gauge("troupe_hot_index_bytes", settings_.index->bytes());
    gauge("troupe_silent_actors", silent);
    count("troupe_http_connections_total", c.accepted);
    count("troupe_http_clients_gone_total", c.gone);
    count("troupe_http_streams_cut_total", c.cut_streams);
    const auto handshakes = [&](const char* outcome, std::uint64_t n) {
      all.push_back({"troupe_tls_handshakes_total", {{"outcome", outcome}}, true, static_cast<std::int64_t>(n)});
    };
    handshakes("completed", c.tls_handshakes);
    handshakes("failed", c.failed_tls_handshakes);
    for (const auto& r : c.refused)
      all.push_back({"troupe_http_refused_total", {{"status", std::to_string(r.status)}}, true,
        static_cast<std::int64_t>(r.count)});
    append_edge_metrics(all);
    if (settings_.counters)
      for (auto& m : settings_.counters())
        all.push_back(std::move(m));
    std::string text;
    metrics_.expose(text);
    expose(text, std::move(all));
    reply(*shared,
      {200, "Content-Type: text/plain; version=0.0.4\r\nCache-Control: no-store\r\n", blob{std::move(text)}}, other,
      since);
  };
  caf::anon_send(front_, front_stats{std::make_shared<std::function<void(metrics, std::size_t)>>(std::move(done))});
}

} // namespace troupe
