#include "apps/replay/call.hpp"

#include "apps/http/uri.hpp"
#include "apps/query/parameters.hpp"
#include "apps/replay/json_text.hpp"

namespace troupe::replay {

namespace {

/// True when `path` is `prefix`, or goes on after it with a new segment.
bool below(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

/// The words that go with a status, where the provider is known to send the phrase of RFC 9110.
std::string_view phrase(int status) {
  switch (status) {
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 429:
    return "Too Many Requests";
  case 500:
    return "Internal Server Error";
  case 502:
    return "Bad Gateway";
  case 503:
    return "Service Unavailable";
  case 504:
    return "Gateway Timeout";
  case 529:
    return "Overloaded";
  default:
    return "Error";
  }
}

std::string google_error(int status) {
  std::string_view message = phrase(status);
  std::string_view reason = "unknown";
  std::string_view state = "UNKNOWN";
  if (status == 429) {
    message =
      "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'books.googleapis.com'";
    reason = "rateLimitExceeded";
    state = "RESOURCE_EXHAUSTED";
  } else if (status == 403) {
    message = "The request is missing a valid API key.";
    reason = "forbidden";
    state = "PERMISSION_DENIED";
  } else if (status >= 500) {
    message = "Service temporarily unavailable.";
    reason = "backendFailed";
    state = "UNAVAILABLE";
  } else if (status == 404) {
    message = "The volume ID could not be found.";
    reason = "notFound";
    state = "NOT_FOUND";
  }
  std::string out = R"({"error":{)";
  append_member(out, "code", static_cast<long long>(status));
  append_member(out, "message", message);
  append_json(out, "errors", "[{");
  append_member(out, "message", message);
  append_member(out, "domain", "global");
  append_member(out, "reason", reason);
  out += "}]";
  append_member(out, "status", state);
  return out + "}}";
}

std::string_view anthropic_type(int status) {
  switch (status) {
  case 400:
    return "invalid_request_error";
  case 401:
    return "authentication_error";
  case 403:
    return "permission_error";
  case 404:
    return "not_found_error";
  case 413:
    return "request_too_large";
  case 429:
    return "rate_limit_error";
  case 529:
    return "overloaded_error";
  default:
    return "api_error";
  }
}

/// Last.fm's own numbers: 29 rate limit, 16 temporarily unavailable, 6 not found, 8 operation failed.
int lastfm_code(int status) {
  if (status == 429)
    return 29;
  if (status == 503)
    return 16;
  return status == 404 ? 6 : 8;
}

} // namespace

std::optional<std::string_view> call::param(std::string_view name) const noexcept {
  const auto* value = find_parameter(params, name);
  return value == nullptr ? std::nullopt : std::optional<std::string_view>{*value};
}

result<call> make_call(std::string_view method, std::string_view path, std::string_view query) {
  auto decoded = http::decode_path(path);
  if (!decoded)
    return decoded.error();
  auto params = http::parse_query(query);
  if (!params)
    return params.error();
  return call{std::string{method}, std::move(decoded.value()), std::move(params.value())};
}

std::string_view provider_of(std::string_view path) noexcept {
  // Open Library's keys (OL123M) tell its /books/ and /authors/ from those of ISBNdb, and its searches end in .json.
  if (below(path, "/books/v1"))
    return "google";
  if (path == "/search/books")
    return "isbndb";
  if (path == "/search.json" || below(path, "/search") || below(path, "/api/books") || below(path, "/isbn")
      || below(path, "/works") || path.starts_with("/books/OL") || path.starts_with("/authors/OL"))
    return "openlibrary";
  for (auto prefix :
    {"/book", "/books", "/author", "/authors", "/publisher", "/publishers", "/subject", "/subjects", "/stats", "/key"})
    if (below(path, prefix))
      return "isbndb";
  if (below(path, "/v1/messages"))
    return "anthropic";
  if (below(path, "/v1") || below(path, "/api/token"))
    return "spotify";
  return below(path, "/2.0") ? "lastfm" : "other";
}

std::string error_body(std::string_view provider, int status) {
  if (provider == "google")
    return google_error(status);
  std::string out = "{";
  if (provider == "openlibrary") {
    append_member(out, "status", static_cast<long long>(status));
    append_member(out, "message",
      status == 429 ? "Too Many Requests. Consider using https://openlibrary.org/developers/dumps." : phrase(status));
  } else if (provider == "isbndb") {
    append_member(out, "message", phrase(status));
  } else if (provider == "spotify") {
    append_json(out, "error", "{");
    append_member(out, "status", static_cast<long long>(status));
    append_member(out, "message", status == 429 ? "API rate limit exceeded" : phrase(status));
    out += '}';
  } else if (provider == "lastfm") {
    append_member(out, "error", static_cast<long long>(lastfm_code(status)));
    append_member(out, "message",
      status == 429 ? "Rate Limit Exceeded - This application has made too many requests in a short period"
                    : phrase(status));
  } else if (provider == "anthropic") {
    append_member(out, "type", "error");
    append_json(out, "error", "{");
    append_member(out, "type", anthropic_type(status));
    append_member(out, "message", phrase(status));
    out += '}';
  } else {
    append_member(out, "error", phrase(status));
  }
  return out + '}';
}

} // namespace troupe::replay
