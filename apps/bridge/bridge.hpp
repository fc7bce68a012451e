// The bridge: HTTP in, answers out. On an I/O thread it routes a request, charges the client's limit, understands the
// question, and answers from the hot index if it can; all else goes through the front actor to the shard that owns the
// key. It knows no application: an endpoint says how its requests are understood.
// Invariant: every exchange is answered, with a JSON body where a body is allowed.
#pragma once

#include "actors/cache/hot_index.hpp"
#include "actors/rate_limiter/gcra.hpp"
#include "apps/bridge/address_ranges.hpp"
#include "apps/bridge/answers.hpp"
#include "apps/bridge/front.hpp"
#include "apps/bridge/request_metrics.hpp"
#include "apps/bridge/router.hpp"
#include "apps/bridge/trace.hpp"
#include "apps/http/server.hpp"
#include "messages/result.hpp"

#include <spdlog/logger.h>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace troupe {

/// So many requests a period (S0-33, S0-34).
struct client_quota {
  std::int64_t requests = 100;
  std::chrono::seconds period{60};
};

/// One public question as data.
struct endpoint {
  std::string name;    // "search": in metrics, limits and headers
  std::string pattern; // "/api/v2/books/search"
  std::string failure; // "Search failed": the `error` of a failed one
  client_quota quota;
  /// Understands a request. `captured` are the path's placeholders, decoded. Errors name the parameter.
  std::function<result<inquiry>(const fields& query, std::span<const std::string> captured)> parse;
  std::chrono::microseconds deadline{0}; // 0: as the bridge's settings say
};

struct bridge_settings {
  std::vector<endpoint> endpoints;
  std::chrono::microseconds deadline{std::chrono::seconds{10}};
  bool client_limits = true;
  address_ranges trusted_proxies;
  std::string admin_token; // empty: operators' endpoints answer loopback peers only
  std::string version;
  std::shared_ptr<spdlog::logger> log;
  std::shared_ptr<const hot_index> index;
  std::function<http::counters()> server_counters; // set once the server runs
};

class bridge : public http::handler {
public:
  /// Fails when two endpoints clash.
  [[nodiscard]] static result<std::unique_ptr<bridge>> make(bridge_settings settings, front_actor front);

  ~bridge() override;

  [[nodiscard]] std::optional<http::response> refuse(const http::request& request) const override;
  void handle(http::exchange e) override;

private:
  struct pending;

  bridge(bridge_settings settings, front_actor front);

  void question_asked(http::exchange e, const router::match& found);
  void health(http::exchange e);
  void counters(http::exchange e);
  void finish(pending& p, answer&& a);
  void reply(http::exchange& e, http::response&& r, std::size_t label, std::chrono::steady_clock::time_point since);
  void reply_failure(http::exchange& e, const failure& f, std::string head, std::size_t label,
    std::chrono::steady_clock::time_point since);

  bridge_settings settings_;
  front_actor front_;
  router router_;
  gcra_table clients_;
  trace_source traces_;
  request_metrics metrics_;
  std::atomic<std::int64_t> asked_{0}; // lookups that wait for a shard
};

} // namespace troupe
