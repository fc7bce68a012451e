#include "apps/config/schema.hpp"

#include <fmt/format.h>

namespace troupe::config {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t many = 1'000'000; // more than one machine can do of anything a second or at once
constexpr std::int64_t us(duration d) {
  return d.count();
}

// What no sane deployment goes beyond: a value outside is a slip of the unit ("10h" for "10s").
constexpr range any_count{1, many};
constexpr range at_once{1, 10'000};
constexpr range wait_time{us(1ms), us(10min)};
constexpr range life_time{0, us(365 * 24h)};
// Google's maxResults is 40 at most, and the answer's limit is what providers are asked for.
constexpr range search_limit{1, 40};

template <class T>
std::string bounds(range allowed, T (*make)(std::int64_t)) {
  return format(make(allowed.lowest)) + " to " + format(make(allowed.highest));
}

std::int64_t as_count(std::int64_t n) {
  return n;
}
duration as_duration(std::int64_t n) {
  return duration{n};
}
byte_size as_size(std::int64_t n) {
  return byte_size{n};
}

/// What a setting of each type expects, in words; with its range when the value is one of the type but outside.
struct expectation {
  range allowed;
  bool of_the_type;

  std::string operator()(const bool*) const { return "true or false"; }
  std::string operator()(const std::int64_t*) const { return "a whole number from " + bounds(allowed, as_count); }
  std::string operator()(const duration*) const {
    return of_the_type ? "a duration from " + bounds(allowed, as_duration) : "a duration such as 10s";
  }
  std::string operator()(const byte_size*) const {
    return of_the_type ? "a size from " + bounds(allowed, as_size) : "a size such as 256MiB";
  }
  std::string operator()(const quota*) const {
    return of_the_type ? "a quota of " + bounds(allowed, as_count) + " in its time"
                       : "a quota such as 100/60s, its time in whole seconds";
  }
  std::string operator()(const address*) const { return "ADDR:PORT such as 127.0.0.1:8787 or [::1]:8787"; }
  std::string operator()(const base_url*) const {
    return "an http or https URL without query and credentials such as https://api.example.com";
  }
  std::string operator()(const ip_ranges*) const { return "a list of IP addresses and ranges such as 10.0.0.0/8"; }
  std::string operator()(const origin_list*) const {
    return "a list of web origins such as https://app.example, or \"*\"";
  }
  std::string operator()(const route_auth*) const { return "none or key"; }
  std::string operator()(const access_format*) const { return "off, json or common"; }
  std::string operator()(const std::string*) const { return "a text without control characters"; }
  std::string operator()(const strategy*) const { return "merge or fallback"; }
  std::string operator()(const log_level*) const { return "trace, debug, info, warn or error"; }
  std::string operator()(const log_format*) const { return "pretty or json"; }
};

/// Whether a value of this form can be one of this type at all.
struct fits {
  written::kind form;
  bool operator()(const bool*) const { return form == written::kind::boolean; }
  bool operator()(const std::int64_t*) const { return form == written::kind::number; }
  bool operator()(const ip_ranges*) const { return form == written::kind::list; }
  bool operator()(const origin_list*) const { return form == written::kind::list; }
  template <class T>
  bool operator()(const T*) const {
    return form == written::kind::text;
  }
};

bool inside(range allowed, std::int64_t n) {
  return n >= allowed.lowest && n <= allowed.highest;
}

} // namespace

std::map<std::string, provider_settings, std::less<>> default_providers() {
  auto google = provider_settings{};
  google.url = {"https://www.googleapis.com"};
  google.rate = 10; // well under what one key or address may ask; its daily quota ends sooner, and then 429 pauses us
  google.burst = 20;
  auto open_library = provider_settings{};
  open_library.url = {"https://openlibrary.org"};
  open_library.rate = 3; // https://openlibrary.org/developers/api: what it grants to clients that identify themselves
  open_library.burst = 3;
  auto isbndb = provider_settings{};
  isbndb.url = {"https://api2.isbndb.com"};
  isbndb.rate = 10; // a call each 100 ms (S2-34)
  isbndb.burst = 1;
  return {{"google", google}, {"isbndb", isbndb}, {"openlibrary", open_library}};
}

std::vector<entry> schema(settings& s) {
  auto table = std::vector<entry>{
    {"http.address", &s.http.address, {}, "where to listen"},
    {"http.max_connections", &s.http.max_connections, any_count, "open client connections; more are answered 503"},
    {"http.max_inflight_fetches", &s.http.max_inflight_fetches, any_count,
      "cache misses under way; more are answered 503"},
    {"http.threads", &s.http.threads, {0, 1024}, "I/O threads; 0 chooses"},
    {"http.trusted_proxies", &s.http.trusted_proxies, {}, "whose forwarded header names the client"},
    {"http.tls.certificate", &s.http.tls.certificate, {}, "certificate with its chain (PEM); empty: plain HTTP"},
    {"http.tls.key", &s.http.tls.key, {}, "its private key (PEM)"},
    {"request.deadline", &s.request.deadline, {us(10ms), us(10min)}, "the whole time of one request"},
    {"request.retries", &s.request.retries, {0, 100}, "second attempts that one request may cause"},
    {"request.calls", &s.request.calls, {0, 10'000}, "calls that one request may cause; 0: no bound"},
    {"merge.patience", &s.merge.patience, {0, us(10min)},
      "how long a merge waits for the slower once one has answered"},
    {"limits.jitter", &s.limits.jitter, {0, us(1s)}, "how unevenly calls leave that had to wait for their turn"},
    {"limits.global.rate", &s.limits.global.rate, any_count, "requests a second to all providers together"},
    {"limits.global.burst", &s.limits.global.burst, any_count, "requests at once after a pause"},
    {"limits.client.enabled", &s.limits.client.enabled, {}, "whether clients are limited"},
    {"limits.client.search", &s.limits.client.search, any_count, "searches of one client"},
    {"limits.client.details", &s.limits.client.details, any_count, "details of one client"},
    {"limits.client.batches", &s.limits.client.batches, any_count, "batches of one client"},
    {"cache.hot_ttl", &s.cache.hot_ttl, life_time, "how long an answer is fresh"},
    {"cache.degraded_ttl", &s.cache.degraded_ttl, life_time, "how long one that lacks a provider is fresh"},
    {"cache.not_found_ttl", &s.cache.not_found_ttl, life_time, "how long it is remembered that nobody knows something"},
    {"cache.refresh_window", &s.cache.refresh_window, life_time,
      "how long past its time an answer still goes out, fetched anew behind it"},
    {"cache.stale_max", &s.cache.stale_max, life_time, "how long after that it may serve when providers fail"},
    {"cache.persist", &s.cache.persist, {}, "whether what memory holds is kept on disk for the next start"},
    {"cache.cold_ttl", &s.cache.cold_ttl, life_time, "how long the cold tier keeps a complete answer; 0s: none"},
    {"cache.promote_after", &s.cache.promote_after, {1, 1000},
      "reads of a cold answer within an hour that make it hot"},
    {"cache.bytes", &s.cache.bytes, {1 << 20, std::int64_t{1} << 40}, "memory of the hot cache"},
    {"cache.shards", &s.cache.shards, {0, 1024}, "independent parts of the cache; 0 chooses"},
    {"auth.keys_file", &s.auth.keys_file, {}, "API keys' hashes, and what each may do"},
    {"routes.search.strategy", &s.routes.search.strategy, {}, "how providers share a search"},
    {"routes.search.default_limit", &s.routes.search.default_limit, search_limit, "books in an answer unless asked"},
    {"routes.search.max_limit", &s.routes.search.max_limit, search_limit, "books in an answer at most"},
    {"routes.details.strategy", &s.routes.details.strategy, {}, "how providers share a question for details"},
  };
  const auto edge = [&](const std::string& prefix, route_edge_settings& e) {
    table.insert(table.end(),
      {
        {prefix + "auth", &e.auth, {}, "none: for everybody; key: only with an API key"},
        {prefix + "cors", &e.cors, {}, "web origins whose pages may read the answers"},
        {prefix + "max_response", &e.max_response, {1'000, std::int64_t{1} << 30}, "body of an answer; more is 502"},
      });
  };
  edge("routes.search.", s.routes.search.edge);
  edge("routes.details.", s.routes.details.edge);
  edge("routes.batches.", s.routes.batches.edge);
  table.push_back(
    {"routes.batches.max_body", &s.routes.batches.max_body, {1'000, 256 << 20}, "body of a batch; more is 413"});
  const auto rest = std::vector<entry>{
    {"jq.workers", &s.jq.workers, {0, 64}, "processes that run mappers; 0 chooses"},
    {"jq.memory", &s.jq.memory, {16 << 20, std::int64_t{64} << 30}, "memory of each"},
    {"jq.timeout", &s.jq.timeout, {us(10ms), us(1min)}, "for mapping one answer"},
    {"batch.max_tasks", &s.batch.max_tasks, {1, many}, "tasks of one batch"},
    {"batch.concurrency", &s.batch.concurrency, {1, 10'000}, "tasks of one batch under way"},
    {"batch.deadline", &s.batch.deadline, {us(10ms), us(24h)}, "the whole time of one batch"},
    {"batch.keep", &s.batch.keep, {us(1s), us(7 * 24h)}, "how long the results of an ended batch are kept"},
    {"batch.bytes", &s.batch.bytes, {1 << 20, std::int64_t{1} << 40}, "memory of the results of batches"},
    {"warm.max_upload", &s.warm.max_upload, {1, std::int64_t{5} << 30}, "bytes of a library's export as it is sent"},
    {"warm.batch", &s.warm.batch, {1, 4096}, "items that are claimed at once, and done again after a crash"},
    {"warm.concurrency", &s.warm.concurrency, at_once, "searches that the warmer has under way"},
    {"warm.beside_live", &s.warm.beside_live, at_once, "of them while people wait for providers"},
    {"warm.timeout", &s.warm.timeout, wait_time, "how long one of them may take, waiting for permits included"},
    {"warm.keep", &s.warm.keep, {us(1h), us(24h * 3650)}, "how long ended jobs, their searches and uploads are kept"},
    {"storage.url", &s.storage.url, {}, "PostgreSQL's address; empty: embedded"},
    {"storage.dir", &s.storage.dir, {}, "the data directory"},
    {"environment.name", &s.environment, {}, "which environment this is: which [[services]] hold"},
    {"log.level", &s.log.level, {}, "how much is logged"},
    {"log.format", &s.log.format, {}, "for people or for machines"},
    {"log.access", &s.log.access, {}, "one line for each request"},
    {"log.access_file", &s.log.access_file, {}, "where; empty: standard output"},
  };
  table.insert(table.end(), rest.begin(), rest.end());
  for (auto& [name, p] : s.providers) {
    const auto prefix = "providers." + name + ".";
    table.insert(table.end(),
      {
        {prefix + "url", &p.url, {}, "scheme, host and optional prefix of the API"},
        {prefix + "rate", &p.rate, any_count, "requests a second"},
        {prefix + "burst", &p.burst, any_count, "requests at once after a pause"},
        {prefix + "concurrency", &p.concurrency, at_once, "requests under way"},
        {prefix + "adaptive", &p.adaptive, {}, "whether its 429 lowers the rate for a while"},
        {prefix + "connect_timeout", &p.connect_timeout, wait_time, "for making a connection"},
        {prefix + "attempt_timeout", &p.attempt_timeout, wait_time, "for one attempt, connecting included"},
        {prefix + "circuit.failures", &p.circuit.failures, {1, 1'000}, "consecutive failures that open the circuit"},
        {prefix + "circuit.window", &p.circuit.window, {us(1s), us(1h)}, "over which shares are counted"},
        {prefix + "circuit.minimum", &p.circuit.minimum, {1, many}, "calls in it below which a share says nothing"},
        {prefix + "circuit.failure_percent", &p.circuit.failure_percent, {0, 100},
          "share of failures; 0: not looked at"},
        {prefix + "circuit.slow", &p.circuit.slow, {0, us(10min)}, "a call that takes longer is slow; 0: none is"},
        {prefix + "circuit.slow_percent", &p.circuit.slow_percent, {1, 100}, "share of slow calls"},
        {prefix + "circuit.open", &p.circuit.open, {us(10ms), us(24h)},
          "how long it stays open before the first probe"},
        {prefix + "circuit.longest", &p.circuit.longest, {us(10ms), us(24h)}, "how long after several trips in a row"},
        {prefix + "circuit.successes", &p.circuit.successes, {1, 100}, "successful probes that begin the ramp"},
        {prefix + "circuit.ramp_step", &p.circuit.ramp_step, {0, us(1h)}, "how long 10, 25 and 50 % last; 0: no ramp"},
        {prefix + "retry.attempts", &p.retry.attempts, {1, 10}, "attempts of one call, the first included"},
        {prefix + "retry.base", &p.retry.base, {0, us(1min)}, "ceiling of the first wait"},
        {prefix + "retry.longest", &p.retry.longest, {0, us(10min)}, "ceiling of every wait"},
        {prefix + "retry.percent", &p.retry.percent, {0, 100}, "retries as a share of the calls"},
        {prefix + "hedge.percentile", &p.hedge.percentile, {50, 99}, "of the latencies, then a second attempt"},
        {prefix + "hedge.percent", &p.hedge.percent, {0, 100}, "second attempts as a share of the calls; 0: none"},
      });
    for (auto& [lane, l] : p.lanes) {
      const auto beneath = fmt::format("{}lanes.{}.", prefix, lane);
      table.insert(table.end(), {{beneath + "rate", &l.rate, any_count, "requests a second on this lane"},
                                  {beneath + "burst", &l.burst, any_count, "on it at once after a pause"},
                                  {beneath + "concurrency", &l.concurrency, at_once, "under way on it"}});
    }
  }
  return table;
}

std::vector<ordered_pair> ordered_pairs(const settings& s) {
  auto pairs = std::vector<ordered_pair>{
    {"merge.patience", "request.deadline"},
    {"cache.degraded_ttl", "cache.hot_ttl"},
    {"routes.search.default_limit", "routes.search.max_limit"},
  };
  for (const auto& [name, p] : s.providers) {
    const auto prefix = "providers." + name + ".";
    pairs.push_back({prefix + "connect_timeout", prefix + "attempt_timeout"});
    pairs.push_back({prefix + "attempt_timeout", "request.deadline"});
    pairs.push_back({prefix + "circuit.open", prefix + "circuit.longest"});
    pairs.push_back({prefix + "retry.base", prefix + "retry.longest"});
    // A lane takes its permits from its provider too: beyond that its own would never count.
    for (const auto& [lane, ignored] : p.lanes)
      for (const auto* limit : {"rate", "burst", "concurrency"})
        pairs.push_back({fmt::format("{}lanes.{}.{}", prefix, lane, limit), prefix + limit});
  }
  return pairs;
}

std::vector<missing_companion> missing_companions(const settings& s) {
  auto out = std::vector<missing_companion>{};
  const auto& tls = s.http.tls;
  if (!tls.certificate.empty() && tls.key.empty())
    out.push_back({"http.tls.certificate", "http.tls.key beside it"});
  if (tls.certificate.empty() && !tls.key.empty())
    out.push_back({"http.tls.key", "http.tls.certificate beside it"});
  if (s.auth.keys_file.empty())
    for (const auto& [key, edge] :
      {std::pair{"routes.search.auth", &s.routes.search.edge}, std::pair{"routes.details.auth", &s.routes.details.edge},
        std::pair{"routes.batches.auth", &s.routes.batches.edge}})
      if (edge->auth == route_auth::key)
        out.push_back({key, "auth.keys_file beside it: without keys nobody could ask"});
  // What stands here is logged and shown; a password is not to be.
  constexpr std::string_view scheme = "postgres://";
  const auto& url = s.storage.url;
  const auto user = url.substr(0, url.rfind('@') == std::string::npos ? 0 : url.rfind('@'));
  if (!url.empty()
      && (!url.starts_with(scheme) || user.find(':', scheme.size()) != std::string::npos
          || url.find("password=") != std::string::npos))
    out.push_back({"storage.url", "postgres://user@host:5432/database, and its password in the secret "
                                  "TROUPE_SECRET_STORAGE_PASSWORD"});
  return out;
}

std::string written::shown() const {
  if (form == kind::number || form == kind::boolean || form == kind::other)
    return text;
  constexpr std::size_t longest = 60; // enough to recognise it, short enough for one line
  const auto harmless = without_credentials(text);
  auto out = std::string{'"'};
  for (const auto c : std::string_view{harmless}.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out.append(fmt::format("\\x{:02x}", byte));
    } else {
      out.push_back(c);
    }
  }
  return out.append(harmless.size() > longest ? "...\"" : "\"");
}

std::string without_credentials(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos)
    return std::string{text};
  // The last @, wherever it is: of a malformed URL rather too much is hidden than too little.
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || at < scheme)
    return std::string{text};
  return fmt::format("{}***{}", text.substr(0, scheme + 3), text.substr(at));
}

std::optional<std::string> assign(const entry& e, const written& value) {
  return std::visit(
    [&]<class T>(T* at) -> std::optional<std::string> {
      auto parsed = T{};
      if ((value.form != written::kind::bare && !fits{value.form}(at)) || !parse(value.text, parsed))
        return expectation{e.allowed, false}(at);
      if (const auto size = magnitude(place{&parsed}); size && !inside(e.allowed, *size))
        return expectation{e.allowed, true}(at);
      *at = std::move(parsed);
      return std::nullopt;
    },
    e.at);
}

std::string format(const place& at) {
  return std::visit([](const auto* v) { return format(*v); }, at);
}

std::optional<std::int64_t> magnitude(const place& at) {
  struct measure {
    std::optional<std::int64_t> operator()(const std::int64_t* v) const { return *v; }
    std::optional<std::int64_t> operator()(const duration* v) const { return v->count(); }
    std::optional<std::int64_t> operator()(const byte_size* v) const { return v->count; }
    std::optional<std::int64_t> operator()(const quota* v) const { return v->count; }
    std::optional<std::int64_t> operator()(const void*) const { return std::nullopt; }
  };
  return std::visit(measure{}, at);
}

std::string environment_name(std::string_view key) {
  auto name = std::string{"TROUPE_"};
  for (const auto c : key)
    name.push_back(c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c);
  return name;
}

} // namespace troupe::config
