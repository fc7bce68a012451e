// Every setting of Troupe with its default, as plain values. What each means stands in config/troupe.toml, beside its
// default (a test keeps the two equal); which values are allowed stands in schema.cpp; where values come from, in
// load.hpp. Secrets are not settings (secrets.hpp), so that settings can be printed and sent about.
#pragma once

#include "apps/config/schedules.hpp"
#include "apps/config/services.hpp"
#include "apps/config/values.hpp"
#include "apps/custom/definition.hpp"

#include <map>
#include <string>
#include <vector>

namespace troupe::config {

struct tls_settings {
  std::string certificate; // a PEM file; empty: plain HTTP
  std::string key;
  friend bool operator==(const tls_settings&, const tls_settings&) = default;
};

struct http_settings {
  config::address address{"127.0.0.1", 8787};
  std::int64_t max_connections = 20'000;
  std::int64_t max_inflight_fetches = 2'000;
  std::int64_t threads = 0; // 0: chosen from the number of cores
  ip_ranges trusted_proxies;
  tls_settings tls;
  friend bool operator==(const http_settings&, const http_settings&) = default;
};

struct request_settings {
  duration deadline = std::chrono::seconds{10};
  std::int64_t retries = 2;
  std::int64_t calls = 0; // 0: no bound
  friend bool operator==(const request_settings&, const request_settings&) = default;
};

struct circuit_settings {
  std::int64_t failures = 5;
  duration window = std::chrono::seconds{10};
  std::int64_t minimum = 20;
  std::int64_t failure_percent = 50;
  duration slow = std::chrono::seconds{0}; // 0: no call is
  std::int64_t slow_percent = 80;
  duration open = std::chrono::seconds{60};
  duration longest = std::chrono::seconds{600};
  std::int64_t successes = 2;
  duration ramp_step = std::chrono::seconds{10}; // 0: no ramp
  friend bool operator==(const circuit_settings&, const circuit_settings&) = default;
};

struct retry_settings {
  std::int64_t attempts = 3; // the first included
  duration base = std::chrono::milliseconds{50};
  duration longest = std::chrono::seconds{2};
  std::int64_t percent = 20; // of the calls
  friend bool operator==(const retry_settings&, const retry_settings&) = default;
};

struct hedge_settings {
  std::int64_t percentile = 96;
  std::int64_t percent = 5; // of the calls; 0: none
  friend bool operator==(const hedge_settings&, const hedge_settings&) = default;
};

/// What a part of a provider's operations may ask together; 0: as much as the provider.
struct lane_settings {
  std::int64_t rate = 0; // requests a second
  std::int64_t burst = 0;
  std::int64_t concurrency = 0;
  friend bool operator==(const lane_settings&, const lane_settings&) = default;
};

struct provider_settings {
  base_url url;
  std::int64_t rate = 1; // requests a second
  std::int64_t burst = 1;
  std::int64_t concurrency = 10;
  bool adaptive = true; // a 429 lowers the rate for a while
  duration connect_timeout = std::chrono::seconds{1};
  duration attempt_timeout = std::chrono::seconds{3};
  retry_settings retry;
  hedge_settings hedge;
  circuit_settings circuit;
  // Of one that the configuration defines; without operations it is built in.
  std::vector<custom::operation> operations;
  std::map<std::string, lane_settings, std::less<>> lanes;
  friend bool operator==(const provider_settings&, const provider_settings&) = default;
};

/// The providers that there are, by the name that tags and metrics show, with what is theirs alone.
[[nodiscard]] std::map<std::string, provider_settings, std::less<>> default_providers();

struct merge_settings {
  duration patience = std::chrono::milliseconds{800};
  friend bool operator==(const merge_settings&, const merge_settings&) = default;
};

struct global_limit_settings {
  std::int64_t rate = 40; // requests a second
  std::int64_t burst = 40;
  friend bool operator==(const global_limit_settings&, const global_limit_settings&) = default;
};

struct client_limit_settings {
  bool enabled = true;
  quota search{100, std::chrono::seconds{60}};
  quota details{200, std::chrono::seconds{60}};
  quota batches{10, std::chrono::seconds{60}};
  friend bool operator==(const client_limit_settings&, const client_limit_settings&) = default;
};

struct limit_settings {
  duration jitter = std::chrono::milliseconds{5};
  global_limit_settings global;
  client_limit_settings client;
  friend bool operator==(const limit_settings&, const limit_settings&) = default;
};

struct cache_settings {
  duration hot_ttl = std::chrono::seconds{3600};
  duration degraded_ttl = std::chrono::seconds{60};
  duration not_found_ttl = std::chrono::seconds{60};
  duration refresh_window = std::chrono::seconds{60};
  duration stale_max = std::chrono::seconds{86'400};
  duration cold_ttl = std::chrono::seconds{604'800}; // 0: no cold tier
  std::int64_t promote_after = 3;
  bool persist = true;
  byte_size bytes{256 << 20};
  std::int64_t shards = 0; // 0: chosen from the number of cores
  friend bool operator==(const cache_settings&, const cache_settings&) = default;
};

struct auth_settings {
  std::string keys_file;
  friend bool operator==(const auth_settings&, const auth_settings&) = default;
};

/// What every route has: whom it answers, and how much.
struct route_edge_settings {
  route_auth auth = route_auth::none;
  origin_list cors;
  byte_size max_response{8 << 20};
  friend bool operator==(const route_edge_settings&, const route_edge_settings&) = default;
};

struct search_route_settings {
  troupe::strategy strategy = troupe::strategy::merge;
  std::int64_t default_limit = 40;
  std::int64_t max_limit = 40;
  route_edge_settings edge;
  friend bool operator==(const search_route_settings&, const search_route_settings&) = default;
};

struct details_route_settings {
  troupe::strategy strategy = troupe::strategy::merge;
  route_edge_settings edge;
  friend bool operator==(const details_route_settings&, const details_route_settings&) = default;
};

struct batches_route_settings {
  byte_size max_body{16 << 20};
  route_edge_settings edge;
  friend bool operator==(const batches_route_settings&, const batches_route_settings&) = default;
};

struct route_settings {
  search_route_settings search;
  details_route_settings details;
  batches_route_settings batches;
  friend bool operator==(const route_settings&, const route_settings&) = default;
};

struct jq_settings {
  std::int64_t workers = 0; // 0: chosen from the number of cores
  byte_size memory{256 << 20};
  duration timeout = std::chrono::seconds{1};
  friend bool operator==(const jq_settings&, const jq_settings&) = default;
};

struct batch_settings {
  std::int64_t max_tasks = 100'000;
  std::int64_t concurrency = 128;
  duration deadline = std::chrono::seconds{3600};
  duration keep = std::chrono::seconds{3600};
  byte_size bytes{256 << 20};
  friend bool operator==(const batch_settings&, const batch_settings&) = default;
};

struct warm_settings {
  byte_size max_upload{100'000'000};
  std::int64_t batch = 256;
  std::int64_t concurrency = 16;
  std::int64_t beside_live = 2;
  duration timeout = std::chrono::seconds{60};
  duration keep = std::chrono::hours{24 * 30};
  friend bool operator==(const warm_settings&, const warm_settings&) = default;
};

struct storage_settings {
  std::string url; // empty: embedded, in `dir`
  std::string dir; // load() puts the user's data directory in the place of an empty one
  friend bool operator==(const storage_settings&, const storage_settings&) = default;
};

struct log_settings {
  log_level level = log_level::info;
  log_format format = log_format::pretty;
  access_format access = access_format::off;
  std::string access_file; // empty: standard output
  friend bool operator==(const log_settings&, const log_settings&) = default;
};

struct settings {
  http_settings http;
  request_settings request;
  std::map<std::string, provider_settings, std::less<>> providers = default_providers();
  merge_settings merge;
  limit_settings limits;
  cache_settings cache;
  auth_settings auth;
  route_settings routes;
  jq_settings jq;
  batch_settings batch;
  warm_settings warm;
  storage_settings storage;
  log_settings log;
  std::string environment = "production"; // which bindings hold (S2-14)
  std::vector<service_binding> services = default_bindings();
  std::vector<schedule> schedules = default_schedules();
  std::vector<custom::route_definition> custom_routes; // of [[route]]
  friend bool operator==(const settings&, const settings&) = default;
};

} // namespace troupe::config
