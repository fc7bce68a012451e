#include "apps/node/wiring.hpp"

#include "apps/batches/client.hpp"
#include "apps/books/routes.hpp"
#include "apps/custom/body.hpp"
#include "apps/custom/routes.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <optional>
#include <unistd.h>

namespace troupe {

using config::settings;

namespace {

route_edge edge_of(const config::route_edge_settings& s) {
  return {s.auth == config::route_auth::key, cors_policy{s.cors.list}, static_cast<std::size_t>(s.max_response.count)};
}

route_edge edge_of(const custom::route_definition& r) {
  route_edge out;
  out.key_required = r.auth == custom::audience::key_holders;
  out.cors = cors_policy{r.cors};
  out.max_response = static_cast<std::size_t>(r.max_response);
  return out;
}

// Each provider's questions one by one ("google.search"), for batches.
std::vector<route> with_single_providers(std::vector<route> routes) {
  const auto joint = routes.size();
  for (std::size_t i = 0; i < joint; ++i)
    for (const auto& name : std::vector{routes[i].providers}) {
      auto one = routes[i];
      one.name = name + '.' + one.name;
      one.providers = {name};
      one.rows = {};
      routes.push_back(std::move(one));
    }
  return routes;
}

// What the configuration's providers are asked for: its routes and, for batches, each operation by itself
// ("weather.now", which no route's name can be).
std::vector<custom::route_definition> custom_questions(const settings& s) {
  auto out = s.custom_routes;
  for (const auto& [name, p] : s.providers)
    for (const auto& o : p.operations) {
      custom::route_definition one;
      one.name = name + '.' + o.name;
      one.targets = {{name, o.name}};
      out.push_back(std::move(one));
    }
  return out;
}

// An operation as a batch may hold it.
batch_operation in_batches(const custom::operation& o) {
  batch_operation out;
  out.name = o.name;
  for (auto& p : custom::parameters_of(o))
    out.params.push_back(std::move(p.name));
  out.required = out.params;
  out.parse = [o](const fields& params) { return custom::parse_operation(o, params); };
  return out;
}

} // namespace

permit_book::settings limits_of(const settings& s) {
  permit_book::settings out;
  out.rate = s.limits.global.rate;
  out.burst = s.limits.global.burst;
  out.jitter = s.limits.jitter;
  const auto or_else = [](std::int64_t own, std::int64_t of_provider) { return own > 0 ? own : of_provider; };
  for (const auto& [name, p] : s.providers) {
    out.lanes.push_back({name, p.rate, p.burst, static_cast<int>(p.concurrency), p.adaptive});
    for (const auto& [lane, l] : p.lanes)
      out.lanes.push_back({std::string{name}.append("/").append(lane), or_else(l.rate, p.rate),
        or_else(l.burst, p.burst), static_cast<int>(or_else(l.concurrency, p.concurrency)), p.adaptive});
  }
  // Lanes of batch_client's typed calls (DECISIONS C-33): their rate is the common one.
  for (const auto& [name, concurrency] : {std::pair{lanes::anthropic, 2}, {lanes::spotify, 5}, {lanes::lastfm, 10}})
    if (!s.providers.contains(name))
      out.lanes.push_back({std::string{name}, out.rate, out.burst, concurrency});
  return out;
}

std::vector<std::string> granted_names(const settings& s) {
  std::vector<std::string> out{"search", "details", "batches", "library"};
  for (const auto& r : s.custom_routes)
    out.push_back(r.name);
  return out;
}

route_edge batches_edge(const settings& s) {
  auto out = edge_of(s.routes.batches.edge);
  for (const auto* other : {&s.routes.search.edge, &s.routes.details.edge})
    out.key_required = out.key_required || other->auth == config::route_auth::key;
  for (const auto& r : s.custom_routes)
    out.key_required = out.key_required || r.auth == custom::audience::key_holders;
  return out;
}

books::endpoint_defaults defaults_of(const settings& s) {
  books::endpoint_defaults d;
  d.search = s.routes.search.strategy;
  d.details = s.routes.details.strategy;
  d.limit = static_cast<std::int32_t>(s.routes.search.default_limit);
  d.max_limit = static_cast<std::int32_t>(s.routes.search.max_limit);
  return d;
}

route_edge services_edge(const settings& s) {
  auto out = edge_of(s.routes.search.edge);
  out.key_required = out.key_required || s.routes.details.edge.auth == config::route_auth::key;
  return out;
}

std::string lease_owner(const settings& s) {
  if (s.storage.url.empty())
    return "local";
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0)
    host = {"node"};
  auto where = std::string{host.data()} + '/' + config::format(s.http.address);
  if (s.http.address.port == 0) // a free one: then a process is a node of its own
    where += "/pid" + std::to_string(::getpid());
  return where;
}

client_quota quota(const config::quota& q) {
  return {q.count, std::chrono::duration_cast<std::chrono::seconds>(q.window)};
}

std::vector<endpoint> endpoints_of(const settings& s) {
  const auto d = defaults_of(s);
  std::vector<endpoint> out{
    {{"search", "/api/v2/books/search", "Search failed", quota(s.limits.client.search), edge_of(s.routes.search.edge)},
      [d](const fields& query, std::span<const std::string>) { return books::parse_search(query, d); }},
    {{"details", "/api/v2/books/{isbn}", "Details failed", quota(s.limits.client.details),
       edge_of(s.routes.details.edge)},
      [d](const fields& query, std::span<const std::string> path) {
        return books::parse_details(query, path.front(), d);
      }},
  };
  for (const auto& r : s.custom_routes) {
    out.push_back(
      {{r.name, r.path, "Request failed",
         {r.limit, std::max(std::chrono::seconds{1}, std::chrono::ceil<std::chrono::seconds>(r.limit_window))},
         edge_of(r)},
        [r](const fields& query, std::span<const std::string> path) { return custom::parse_request(r, query, path); },
        r.deadline});
    if (r.method == custom::request_method::post) {
      out.back().methods = {"POST"};
      out.back().max_body = custom::longest_body;
      out.back().read_body = [r](std::string_view body) { return custom::parse_body(r, body); };
    }
  }
  return out;
}

custom_providers custom_providers_of(const settings& s) {
  custom_providers out;
  std::map<std::pair<std::string, std::string>, std::size_t> numbers;
  const auto program_of = [&](const std::string& provider, const custom::operation& o) -> std::optional<std::size_t> {
    if (o.map.empty())
      return std::nullopt;
    const auto [it, added] = numbers.try_emplace({provider, o.name}, out.programs.size());
    if (added)
      out.programs.push_back(o.map);
    return it->second;
  };
  for (const auto& r : custom_questions(s))
    for (const auto& t : r.targets)
      for (const auto& o : s.providers.at(t.provider).operations)
        if (o.name == t.operation)
          out.by_provider[t.provider][r.name] = {o, r.merge, program_of(t.provider, o)};
  return out;
}

std::vector<route> routes_of(const settings& s, bool with_isbndb) {
  auto out = with_single_providers(books::routes(with_isbndb));
  for (const auto& r : custom_questions(s))
    out.push_back(custom::make_route(r));
  return out;
}

batch_rules batch_rules_of(const settings& s) {
  const auto d = defaults_of(s);
  const std::vector<batch_operation> of_books{
    {"search", {"q", "limit"}, {"q"}, [d](const fields& params) { return books::parse_search(params, d); }},
    {"details", {"isbn"}, {"isbn"},
      [d](const fields& params) { return books::parse_details({}, params.front().second, d); }},
  };
  batch_rules out;
  for (const auto& [name, p] : s.providers) {
    if (p.operations.empty()) { // built in: a user-defined one has operations of its own
      out.providers.push_back({name, of_books});
      continue;
    }
    auto& own = out.providers.emplace_back(batch_provider{name, {}}).operations;
    for (const auto& o : p.operations)
      own.push_back(in_batches(o));
  }
  out.max_tasks = static_cast<std::size_t>(s.batch.max_tasks);
  out.max_time = s.batch.deadline;
  return out;
}

batch_book::settings batch_limits(const config::batch_settings& s) {
  batch_book::settings out;
  out.max_tasks = static_cast<std::size_t>(s.max_tasks);
  out.max_held = 4 * out.max_tasks;
  out.concurrency = static_cast<std::size_t>(s.concurrency);
  out.concurrency_all = 4 * out.concurrency;
  out.keep = s.keep;
  out.max_bytes = static_cast<std::size_t>(s.bytes.count);
  return out;
}

tier_settings tiers_of(const settings& s) {
  tier_settings out;
  out.hot_ttl = s.cache.hot_ttl;
  out.cold_ttl = s.cache.cold_ttl;
  out.degraded_ttl = s.cache.degraded_ttl;
  out.not_found_ttl = s.cache.not_found_ttl;
  out.revalidate = s.cache.refresh_window;
  out.on_error = s.cache.stale_max;
  return out;
}

std::chrono::milliseconds longest_cold(const settings& s) {
  auto fresh = std::max(s.cache.cold_ttl, s.cache.hot_ttl);
  auto stale = s.cache.stale_max;
  for (const auto& r : s.custom_routes) {
    fresh = std::max(fresh, r.ttl);
    stale = std::max(stale, r.stale_max);
  }
  // A tenth: of jitter.
  return std::chrono::ceil<std::chrono::milliseconds>(fresh + fresh / 10 + std::max(stale, s.cache.refresh_window));
}

} // namespace troupe
