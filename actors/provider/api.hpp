// What makes a provider: how its requests are built and what its answers mean. A provider actor knows nothing of books;
// an application hands it one of these. `build` and `map` are pure and are called on the provider actor's thread.
#pragma once

#include "messages/result.hpp"
#include "messages/types.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace troupe {

/// What to ask an upstream: the path and query that follow the provider's configured url, and extra header fields.
struct upstream_request {
  std::string target; // starts with '/'; already percent-encoded
  fields headers;
};

struct upstream_api {
  /// The provider's name, as in tags, configuration and metrics ("google").
  std::string name;

  /// Builds the request for a question. `key` is the API key, empty when none is configured.
  std::function<upstream_request(const question&, const std::string& key)> build;

  /// Judges a complete HTTP answer. Records (perhaps none: "not found" is an answer) or the error that it is:
  /// provider_failed, provider_refused, provider_limited, or provider_malformed naming the field that is missing.
  std::function<result<records_ptr>(const question&, const http_response&)> map;

  /// Instead of `map`, for a mapper that runs elsewhere: calls `done` exactly once, on any thread and perhaps before it
  /// returns, with what `map` would have given. `remaining` is the time until the request's deadline; `done` comes
  /// within it or little later.
  using mapped_callback = std::function<void(result<records_ptr>)>;
  std::function<void(const question&, const http_response&, std::chrono::microseconds remaining, mapped_callback done)>
    map_later = {};

  /// Where a question's calls take their permits: the lane that has the provider's name, or one beneath it
  /// ("mybooks/reports"). Empty: the provider's own for every question.
  std::function<std::string(const question&)> lane = {};
};

} // namespace troupe
