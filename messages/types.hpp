// Plain value types that several subsystems share. Depends on the standard library alone, so that pure cores,
// storage and tools can use it without CAF. Invariants: no floating point (an infinity on the wire hangs a node),
// times are integers with their unit in the name, and a body is shared, never copied.
#pragma once

#include "messages/errors.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// A body that many messages share: copying a blob copies a pointer, so 10,000 waiters of one fetch hold one body.
struct blob {
  std::shared_ptr<const std::string> bytes;

  blob() = default;
  explicit blob(std::string text) : bytes{std::make_shared<const std::string>(std::move(text))} {}

  [[nodiscard]] std::string_view view() const noexcept { return bytes ? std::string_view{*bytes} : std::string_view{}; }
  [[nodiscard]] bool empty() const noexcept { return view().empty(); }

  friend bool operator==(const blob& a, const blob& b) noexcept { return a.view() == b.view(); }
};

/// On the wire a blob is its bytes.
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, blob& x) {
  if constexpr (Inspector::reads_state) {
    std::string copy{x.view()};
    return f(copy);
  } else {
    std::string text;
    auto result = f(text);
    x = blob{std::move(text)};
    return result;
  }
}

/// A list of name/value pairs, in order: HTTP fields, metric labels.
using fields = std::vector<std::pair<std::string, std::string>>;

/// What a provider's mapper made of one answer: the application's own records, opaque to the platform. It is shared
/// between the actors of one node and never crosses to another (the orchestrator turns it into bytes first).
struct records {
  records() = default;
  records(const records&) = delete;
  records& operator=(const records&) = delete;
  virtual ~records() = default;

  /// How many records there are; 0 means that the provider knows nothing of what was asked, which is no failure.
  [[nodiscard]] virtual std::size_t count() const noexcept = 0;
};
using records_ptr = std::shared_ptr<const records>;

/// Whose need of a call goes first when there are fewer permits than calls (S4-44). The smaller goes first.
enum class priority : std::uint8_t {
  interactive, ///< somebody waits for the answer
  batch,       ///< a job waits for it
  warming,     ///< nobody does: caches are filled ahead of need
};
inline constexpr std::size_t priorities = 3;

[[nodiscard]] std::string_view to_string(priority p) noexcept;
/// Parses "interactive", "batch" or "warming"; returns false and leaves `out` alone otherwise.
[[nodiscard]] bool parse(std::string_view text, priority& out) noexcept;

/// What somebody wants to know. `route` names the application's question ("search", "details"), `text` is its
/// normalised subject (a query, an ISBN), `limit` bounds the number of records, `params` are the parameters of a route
/// that the configuration defines, by name, each normalised.
struct question {
  std::string route;
  std::string text;
  std::int32_t limit = 0;
  std::string traceparent; // W3C Trace Context, passed on to the providers; never part of a cache key
  troupe::priority priority = troupe::priority::interactive; // likewise: it changes when, not what, is answered
  fields params = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, question& x) {
  return f(x.route, x.text, x.limit, x.traceparent, x.priority, x.params);
}

/// One HTTP call to an upstream.
struct http_request {
  std::string method = "GET";
  std::string url; // absolute, http or https
  fields headers;
  blob body;
  std::int64_t connect_timeout_us = 1'000'000;
  std::int64_t timeout_us = 3'000'000; // for the whole attempt, connecting included
  std::int64_t max_bytes = 8 << 20;    // of the body, after decompression
  std::uint64_t id = 0;                // the asker's own, to abort it by
  std::string owner;                   // whose call this is ("google"), for logs and counters
  std::uint64_t generation = 0;        // of that owner
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, http_request& x) {
  return f(
    x.method, x.url, x.headers, x.body, x.connect_timeout_us, x.timeout_us, x.max_bytes, x.id, x.owner, x.generation);
}

/// How one HTTP call ended. `code` is ec::none for any complete answer, whatever its status; otherwise it says why
/// there is none (provider_timeout, provider_unreachable, answer_too_large, cancelled) and `detail` why in words.
struct http_response {
  ec code = ec::none;
  std::string detail;
  std::int32_t status = 0;
  std::string content_type;
  std::int64_t retry_after_us = -1; // from Retry-After, seconds or date; -1: none
  blob body;
  std::int64_t elapsed_us = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, http_response& x) {
  return f(x.code, x.detail, x.status, x.content_type, x.retry_after_us, x.body, x.elapsed_us);
}

/// In which way several providers answer one question (DECISIONS C-02).
enum class strategy : std::uint8_t {
  merge,    ///< ask all in parallel and merge
  fallback, ///< ask in order, stop at the first that knows something
};

/// How long an answer is kept, where a route says so; -1: as the cache's settings say.
struct lifetimes {
  std::int64_t fresh_us = -1;
  std::int64_t degraded_us = -1; // of an answer that lacks a provider, or that found nothing
  std::int64_t stale_us = -1;    // after that, for when all providers fail
  bool nothing_too = false;      // that there is nothing is kept for as long as what there is
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, lifetimes& x) {
  return f(x.fresh_us, x.degraded_us, x.stale_us, x.nothing_too);
}

/// A question as an application's endpoint understood it: what is asked, under which key its answer is kept, how the
/// providers are asked, and whether the database keeps it too.
struct inquiry {
  std::string key;
  question what;
  strategy how = strategy::merge;
  bool durable = false; // read the database before the providers, and keep what they say there
  lifetimes kept = {};
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, inquiry& x) {
  return f(x.key, x.what, x.how, x.durable, x.kept);
}

[[nodiscard]] std::string_view to_string(strategy s) noexcept;
/// Parses "merge" or "fallback"; returns false and leaves `out` alone otherwise.
[[nodiscard]] bool parse(std::string_view text, strategy& out) noexcept;

} // namespace troupe
