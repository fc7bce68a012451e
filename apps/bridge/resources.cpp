// Paths with methods of their own. The bridge does for them what it does for every endpoint (route, trace, client
// limit, metrics); what their requests mean is the business of whoever stands behind them.
#include "apps/bridge/bridge.hpp"

#include "apps/http/uri.hpp"

#include <algorithm>

namespace troupe {
namespace {

std::string allowed(const resource& r) {
  std::string out;
  for (const auto& m : r.methods)
    out.append(m).append(", ");
  return out.append("OPTIONS");
}

bool takes(const resource& r, std::string_view method) {
  return std::find(r.methods.begin(), r.methods.end(), method) != r.methods.end();
}

} // namespace

// Behind the endpoints, /health and /metrics in the router.
const resource* bridge::find_resource(std::size_t routed) const noexcept {
  const auto first = settings_.endpoints.size() + 2;
  return routed < first ? nullptr : &settings_.resources[routed - first];
}

std::size_t bridge::max_body(const http::request& request) const {
  const auto found = router_.find(request.path);
  const auto* r = found ? find_resource(found->endpoint) : nullptr;
  if (found && found->endpoint < settings_.endpoints.size())
    return settings_.endpoints[found->endpoint].edge.max_body;
  return r != nullptr && takes(*r, request.method) && (request.method == "POST" || request.method == "PUT")
           ? r->max_body
           : 0;
}

void bridge::resource_asked(http::exchange e, const router::match& found) {
  const auto since = std::chrono::steady_clock::now();
  const auto routed = found.endpoint;
  const auto& r = *find_resource(routed);
  const auto endpoints = settings_.endpoints.size();
  const auto index = routed - endpoints - 2;
  const auto label = endpoints + 1 + index; // behind "other"
  const auto& request = e.request();
  std::string head;
  append_field(head, "X-Trace-Id", traces_.next(request.value("traceparent")).id);
  if (request.method == "OPTIONS" || !takes(r, request.method)) {
    append_field(head, "Allow", allowed(r));
    if (request.method == "OPTIONS")
      return reply(e, {204, std::move(head), {}}, label, since);
    return reply_failure(
      e, {405, "Method not allowed", "expected " + allowed(r), {}, {}}, std::move(head), label, since);
  }
  auto client = client_of(request);
  if (settings_.client_limits) {
    const auto v = clients_.check(client, endpoints + index, since.time_since_epoch());
    append_limit(head, r.name, v, r.quota.period);
    if (!v.allowed) {
      append_retry_after(head, v.retry_after);
      return reply_failure(e, {429, "Rate limit exceeded", {}, {}, {}}, std::move(head), label, since);
    }
  }
  auto segment = http::decode_path(found.captured.front());
  if (!segment)
    return reply_failure(e, {400, "Bad request", segment.error().message, {}, {}}, std::move(head), label, since);
  r.handle({std::move(e), std::move(segment.value()), std::move(client), std::move(head),
    [this, label, since](http::exchange& to, http::response&& answer) { reply(to, std::move(answer), label, since); }});
}

} // namespace troupe
