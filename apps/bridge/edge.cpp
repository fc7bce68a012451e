// The bridge's edge: what stands between a request and its route (keys, limits, preflights), and between an answer and
// its client (CORS, size limits, the access log).
#include "apps/bridge/bridge.hpp"
#include "apps/bridge/client_address.hpp"
#include "apps/http/negotiate.hpp"

namespace troupe {
namespace {

constexpr std::string_view json_type = "application/json";

constexpr std::array<const char*, 4> causes{"", "missing", "unknown", "route"};

// The value of a field in lines that we wrote ourselves.
std::string_view field_of(std::string_view head, std::string_view name) {
  for (auto at = head.find(name); at != std::string_view::npos; at = head.find(name, at + 1)) {
    const auto begin = at + name.size() + 2;
    if ((at == 0 || head[at - 1] == '\n') && head.substr(at + name.size(), 2) == ": ")
      return head.substr(begin, head.find('\r', begin) - begin);
  }
  return {};
}

// A shared cache in front of us must not give to everybody what one key was given (RFC 9111, 3.5: "public" would allow
// it in spite of Authorization, and of X-API-Key it knows nothing).
void make_private(std::string& head) {
  constexpr std::string_view open = "Cache-Control: public";
  if (const auto at = head.find(open); at != std::string::npos)
    head.replace(at, open.size(), "Cache-Control: private");
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  unsigned char difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i] ^ b[b.empty() ? 0 : i % b.size()]);
  return difference == 0 && !a.empty();
}

} // namespace

// The wrong path, a missing key and a body that is no JSON are said before it is sent; the rest when the request is
// complete.
std::optional<http::response> bridge::refuse(const http::request& request) const {
  const auto since = std::chrono::steady_clock::now();
  const auto found = router_.find(request.path);
  if (request.path == "*" || (found && request.method == "OPTIONS"))
    return std::nullopt;
  const auto label = found ? std::min(found->endpoint, routes_.size()) : routes_.size();
  std::optional<http::response> said;
  std::shared_ptr<const api_key> key;
  if (!found || !takes(route_of(found->endpoint), request.method))
    said = not_here(request, found ? &route_of(found->endpoint) : nullptr);
  else if (const auto why = authenticate(request, found->endpoint, key); why != refusal::none)
    said = unauthorized(request, why);
  else if (route_of(found->endpoint).operators_only)
    said = no_operator(request);
  else if (const auto* asked = find_endpoint(found->endpoint);
           asked != nullptr && asked->read_body && !http::is_media_type(request.value("Content-Type"), json_type))
    said = unsupported(request);
  if (said)
    account(request, *said, label, since);
  return said;
}

// The answer that says what is wrong; `head` stands before the lines about its body.
http::response bridge::failed(const http::request& request, const failure& f, std::string head) {
  auto body = render(f, wants_problem(request.joined("Accept")));
  append_field(head, "Content-Type", body.content_type);
  head.append("Cache-Control: no-store\r\n");
  return {f.status, std::move(head), blob{std::move(body.text)}};
}

std::string bridge::traced(const http::request& request) const {
  std::string head;
  append_field(head, "X-Trace-Id", traces_.next(request.value("traceparent")).id);
  return head;
}

// No such path, or (with a route) no such method there.
http::response bridge::not_here(const http::request& request, const entry_point* route) const {
  auto head = traced(request);
  if (route == nullptr)
    return failed(request, {404, "Not found", "no such path", {}, {}}, std::move(head));
  const auto methods = allowed_methods(*route);
  append_field(head, "Allow", methods);
  return failed(request, {405, "Method not allowed", "expected " + methods, {}, {}}, std::move(head));
}

http::response bridge::unsupported(const http::request& request) const {
  auto head = traced(request);
  append_field(head, "Accept", json_type); // RFC 9110, 15.5.16: what it would have taken
  return failed(
    request, {415, "Unsupported media type", "Content-Type: expected application/json", {}, {}}, std::move(head));
}

void bridge::replace_keys(std::vector<key_entry> entries) {
  std::lock_guard lock{keys_mutex_};
  settings_.keys = std::make_shared<const api_keys>(std::move(entries), settings_.keys.get());
}

bridge::refusal bridge::authenticate(
  const http::request& request, std::size_t index, std::shared_ptr<const api_key>& key) const {
  const auto& route = route_of(index);
  if (!route.edge.key_required)
    return refusal::none;
  const auto presented = presented_key(request);
  if (presented.empty())
    return refusal::missing;
  std::shared_ptr<const api_keys> keys;
  {
    std::lock_guard lock{keys_mutex_};
    keys = settings_.keys;
  }
  key = keys ? keys->find(presented) : nullptr;
  if (!key)
    return refusal::unknown;
  return key->may_ask(granted_as(route)) ? refusal::none : refusal::route;
}

// Whoever has the admin token or, where there is none, asks from this machine may operate; nothing: this one may. What
// a trusted proxy on this machine hands on comes from where that says.
std::optional<http::response> bridge::no_operator(const http::request& request) const {
  static const address_ranges loopback{{"127.0.0.0/8", "::1"}};
  const auto& token = settings_.admin_token;
  const auto authorization = request.value("Authorization");
  if (token.empty() ? request.peer_is_loopback && loopback.contains(address_of(request))
                    : authorization.starts_with("Bearer ") && constant_time_equal(authorization.substr(7), token))
    return std::nullopt;
  auto head = traced(request);
  if (token.empty())
    return failed(request, {403, "Forbidden", "only loopback peers may ask; set TROUPE_ADMIN_TOKEN to open it", {}, {}},
      std::move(head));
  append_field(head, "WWW-Authenticate", "Bearer");
  return failed(request, {401, "Unauthorized", "expected the admin token as bearer token", {}, {}}, std::move(head));
}

http::response bridge::unauthorized(const http::request& request, refusal why) const {
  refused_.at(static_cast<std::size_t>(why)).fetch_add(1, std::memory_order_relaxed);
  failure f{401, "Unauthorized", "expected an API key: Authorization: Bearer KEY, or X-API-Key: KEY", {}, {}};
  std::string_view challenge = "Bearer realm=\"troupe\""; // RFC 6750, 3
  if (why == refusal::unknown) {
    f.message = "no such API key";
    challenge = "Bearer realm=\"troupe\", error=\"invalid_token\"";
  } else if (why == refusal::route) {
    f = {403, "Forbidden", "this API key is not for this route", {}, {}};
    challenge = "Bearer realm=\"troupe\", error=\"insufficient_scope\"";
  }
  auto head = traced(request);
  append_field(head, "WWW-Authenticate", challenge);
  return failed(request, f, std::move(head));
}

std::string bridge::address_of(const http::request& request) const {
  const auto forwarded = settings_.trusted_proxies.empty() ? std::string{} : request.joined("X-Forwarded-For");
  return std::string{
    client_address(request.peer, settings_.trusted_proxies, request.value("CF-Connecting-IP"), forwarded)};
}

std::string bridge::client_of(const http::request& request) const {
  const auto* key = static_cast<const api_key*>(request.attached.get());
  return key != nullptr ? key->client() : address_of(request);
}

// A key with a limit of its own is held to that; any other key, and every address, to the route's.
std::optional<verdict> bridge::charge(
  const http::request& request, std::size_t index, std::chrono::nanoseconds now, std::string& head) {
  const auto* key = static_cast<const api_key*>(request.attached.get());
  if (key != nullptr && key->limit()) {
    const auto v = key->charge(now);
    append_limit(head, "key", v, std::chrono::duration_cast<std::chrono::seconds>(key->limit()->period));
    return v;
  }
  if (!settings_.client_limits)
    return std::nullopt;
  const auto v = clients_.check(client_of(request), index, now);
  append_limit(head, routes_[index]->name, v, routes_[index]->quota.period);
  return v;
}

// False: it was not, and the client has been told.
bool bridge::within_limit(
  http::exchange& e, std::size_t index, std::string& head, std::chrono::steady_clock::time_point since) {
  const auto v = charge(e.request(), index, since.time_since_epoch(), head);
  if (!v || v->allowed)
    return true;
  append_retry_after(head, v->retry_after);
  reply_failure(e, {429, "Rate limit exceeded", {}, {}, {}}, std::move(head), index, since);
  return false;
}

http::response bridge::options_of(const http::request& request, const entry_point* route) const {
  http::response r{204, {}, {}};
  const auto methods = route != nullptr ? allowed_methods(*route) : "GET, HEAD, OPTIONS"; // of "*"
  append_field(r.head, "Allow", methods);
  if (route != nullptr && request.find("Access-Control-Request-Method"))
    route->edge.cors.append_preflight(r.head, request.value("Origin"), methods);
  return r;
}

void bridge::keep_rules(const http::request& request, std::size_t label, http::response& r) const {
  const auto& route = route_of(label);
  const auto& edge = route.edge;
  if (r.status < 300 && r.body.view().size() > edge.max_response) {
    const auto said = "the answer has " + std::to_string(r.body.view().size()) + " bytes, and routes."
                      + granted_as(route) + ".max_response allows " + std::to_string(edge.max_response);
    r.head.resize(std::min(r.head.size(), r.head.find("Content-Type: "))); // what stands before is not about the body
    r = failed(request, {502, route.failure, said, {}, {}}, std::move(r.head));
  }
  if (edge.key_required)
    make_private(r.head);
  // OPTIONS has its answer: a preflight's own fields, or none.
  if (edge.cors.enabled() && request.method != "OPTIONS")
    edge.cors.append(r.head, request.value("Origin"));
}

void bridge::note_access(const http::request& request, const http::response& r, std::chrono::nanoseconds took) const {
  const auto client = address_of(request);
  const auto* key = static_cast<const api_key*>(request.attached.get());
  access_entry e;
  e.time = std::chrono::system_clock::now();
  e.client = client;
  if (key != nullptr)
    e.key = key->name();
  e.method = request.method;
  e.path = request.path;
  e.version = request.version;
  e.status = r.status;
  e.bytes = r.status == 304 || r.status == 204 || request.method == "HEAD" ? 0 : r.body.view().size();
  e.took = took;
  e.trace_id = field_of(r.head, "X-Trace-Id");
  e.x_cache = field_of(r.head, "X-Cache");
  settings_.access_log->write(e);
}

void bridge::append_edge_metrics(metrics& all) const {
  for (std::size_t i = 1; i < causes.size(); ++i)
    all.push_back({"troupe_auth_refused_total", {{"cause", causes.at(i)}}, true, refused_.at(i).load()});
  const auto dropped = settings_.access_log ? settings_.access_log->dropped() : 0;
  all.push_back({"troupe_access_log_dropped_total", {}, true, static_cast<std::int64_t>(dropped)});
}

} // namespace troupe
