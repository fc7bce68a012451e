// The bridge: HTTP in, answers out. On an I/O thread it routes a request, charges the client's limit, understands the
// question, and answers from the hot index if it can; all else goes through the front actor to the shard that owns the
// key. It knows no application: an endpoint says how its requests are understood.
// Invariant: every exchange is answered, with a JSON body where a body is allowed.
#pragma once

#include "actors/cache/hot_index.hpp"
#include "actors/rate_limiter/gcra.hpp"
#include "apps/bridge/access_log.hpp"
#include "apps/bridge/address_ranges.hpp"
#include "apps/bridge/answers.hpp"
#include "apps/bridge/api_keys.hpp"
#include "apps/bridge/entry_point.hpp"
#include "apps/bridge/front.hpp"
#include "apps/bridge/request_metrics.hpp"
#include "apps/bridge/router.hpp"
#include "apps/bridge/trace.hpp"
#include "apps/http/server.hpp"
#include "messages/result.hpp"

#include <spdlog/logger.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace troupe {

/// One public question as data.
struct endpoint : entry_point {
  /// Understands a request. `captured` are the path's placeholders, decoded. Errors name the parameter.
  std::function<result<inquiry>(const fields& query, std::span<const std::string> captured)> parse;
  std::chrono::microseconds deadline{0}; // 0: as the bridge's settings say
  /// Of one that is asked with POST: reads the JSON body's members, which `parse` gets instead of the query. Errors
  /// name the member. A request without a body may come without a Content-Type.
  std::function<result<fields>(std::string_view body)> read_body = {};
  std::size_t max_body = 0; // bytes of it; more is 413
};

/// A request for a resource, past the keys and the client's limit. Whoever is given one answers it through `reply` or
/// `stream`, from any thread: what the bridge does with every answer (CORS, metrics, the access log) it does there.
struct visit {
  http::exchange exchange;
  std::string captured;    // the path's placeholder, decoded
  std::string client;      // who asks: the name of its key, else its address
  std::string head;        // the header lines that every answer carries
  std::string traceparent; // W3C Trace Context, for what the request causes
  std::function<void(http::exchange&, http::response&&)> reply;
  /// Sends the head of an answer whose body is written part by part, as http::exchange::stream() does. The access log
  /// has it with 0 bytes, for the line is written now.
  std::function<http::answer_stream(http::exchange&, http::response&& head, http::stream_calls)> stream = {};
  std::shared_ptr<spdlog::logger> log = {}; // for what clients must not hear
};

/// What is no question of an application: paths with methods of their own ("/api/v1/batches").
struct resource : entry_point {
  std::size_t max_body = 0;          // bytes of a POST's or PUT's; more is 413
  std::function<void(visit)> handle; // on an I/O thread: it must not block
  bool streams = false; // a body is not held whole: `handle` is called before it comes, and takes it by take_body()
};

struct bridge_settings {
  std::vector<endpoint> endpoints;
  std::vector<resource> resources;
  std::chrono::microseconds deadline{std::chrono::seconds{10}};
  bool client_limits = true;
  address_ranges trusted_proxies;
  std::string admin_token; // empty: operators' endpoints answer loopback peers only
  std::string version;
  std::shared_ptr<spdlog::logger> log;
  std::shared_ptr<const api_keys> keys;           // null: none
  std::shared_ptr<troupe::access_log> access_log; // null: none
  std::shared_ptr<const hot_index> index;
  std::function<http::counters()> server_counters; // set once the server runs
  std::function<metrics()> counters = {};          // of others that are no actors; any thread
};

class bridge : public http::handler {
public:
  /// Fails when two endpoints clash.
  [[nodiscard]] static result<std::unique_ptr<bridge>> make(bridge_settings settings, front_actor front);

  ~bridge() override;

  [[nodiscard]] std::optional<http::response> refuse(const http::request& request) const override;
  [[nodiscard]] std::size_t max_body(const http::request& request) const override;
  [[nodiscard]] bool streams_body(const http::request& request) const override;
  void handle(http::exchange e) override;

  /// From the next request on these keys hold; how much of its limit a key has used stays. Any thread.
  void replace_keys(std::vector<key_entry> entries);

private:
  struct pending;

  // edge.cpp: who may ask, how often, from which pages, and what is told of it.
  enum class refusal : std::uint8_t { none, missing, unknown, route };
  [[nodiscard]] refusal authenticate(
    const http::request& request, std::size_t index, std::shared_ptr<const api_key>& key) const;
  [[nodiscard]] static http::response failed(const http::request& request, const failure& f, std::string head);
  [[nodiscard]] std::string traced(const http::request& request) const;
  [[nodiscard]] http::response not_here(const http::request& request, const entry_point* route) const;
  [[nodiscard]] http::response unsupported(const http::request& request) const;
  [[nodiscard]] std::optional<http::response> no_operator(const http::request& request) const;
  [[nodiscard]] http::response unauthorized(const http::request& request, refusal why) const;
  [[nodiscard]] std::string address_of(const http::request& request) const;
  [[nodiscard]] std::string client_of(const http::request& request) const;
  [[nodiscard]] std::optional<verdict> charge(
    const http::request& request, std::size_t index, std::chrono::nanoseconds now, std::string& head);
  [[nodiscard]] bool within_limit(
    http::exchange& e, std::size_t index, std::string& head, std::chrono::steady_clock::time_point since);
  [[nodiscard]] http::response options_of(const http::request& request, const entry_point* route) const;
  void keep_rules(const http::request& request, std::size_t label, http::response& r) const;
  void note_access(const http::request& request, const http::response& r, std::chrono::nanoseconds took) const;
  void append_edge_metrics(metrics& all) const;

  bridge(bridge_settings settings, front_actor front);

  [[nodiscard]] const entry_point& route_of(std::size_t routed) const noexcept;
  [[nodiscard]] const endpoint* find_endpoint(std::size_t routed) const noexcept;
  [[nodiscard]] const resource* find_resource(std::size_t routed) const noexcept;
  void question_asked(http::exchange e, const router::match& found);
  void resource_asked(http::exchange e, const router::match& found);
  void health(http::exchange e);
  void counters(http::exchange e);
  void finish(pending& p, answer&& a);
  /// What goes with every answer: rules, times, counters, the access log.
  void account(const http::request& request, http::response& r, std::size_t label,
    std::chrono::steady_clock::time_point since) const;
  void reply(http::exchange& e, http::response&& r, std::size_t label, std::chrono::steady_clock::time_point since);
  http::answer_stream stream(http::exchange& e, http::response&& head, http::stream_calls calls, std::size_t label,
    std::chrono::steady_clock::time_point since);
  void reply_failure(http::exchange& e, const failure& f, std::string head, std::size_t label,
    std::chrono::steady_clock::time_point since);

  bridge_settings settings_;
  // The endpoints, then the resources. A place here is also the number in the router, in the table of clients and in
  // the metrics; what follows is /health and /metrics in the router, and "other" in the metrics.
  std::vector<const entry_point*> routes_;
  front_actor front_;
  router router_;
  gcra_table clients_;
  mutable trace_source traces_;
  mutable request_metrics metrics_;
  mutable std::mutex keys_mutex_;                              // guards settings_.keys
  mutable std::array<std::atomic<std::int64_t>, 4> refused_{}; // by refusal
  std::atomic<std::int64_t> asked_{0};                         // lookups that wait for a shard
  std::atomic<std::uint64_t> last_lookup_{0};
};

} // namespace troupe
