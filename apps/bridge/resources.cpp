// Paths with methods of their own. The bridge does for them what it does for every endpoint (route, key, trace, client
// limit, CORS, metrics); what their requests mean is the business of whoever stands behind them.
#include "apps/bridge/bridge.hpp"

#include "apps/http/uri.hpp"

namespace troupe {

const endpoint* bridge::find_endpoint(std::size_t routed) const noexcept {
  return routed < settings_.endpoints.size() ? &settings_.endpoints[routed] : nullptr;
}

const resource* bridge::find_resource(std::size_t routed) const noexcept {
  const auto first = settings_.endpoints.size();
  return routed < first || routed >= routes_.size() ? nullptr : &settings_.resources[routed - first];
}

std::size_t bridge::max_body(const http::request& request) const {
  const auto found = router_.find(request.path);
  const bool carries = request.method == "POST" || request.method == "PUT";
  if (!found || !carries || !takes(route_of(found->endpoint), request.method))
    return 0;
  if (const auto* asked = find_endpoint(found->endpoint))
    return asked->max_body;
  const auto* r = find_resource(found->endpoint);
  return r != nullptr ? r->max_body : 0;
}

bool bridge::streams_body(const http::request& request) const {
  const auto found = router_.find(request.path);
  const auto* r = found ? find_resource(found->endpoint) : nullptr;
  return r != nullptr && r->streams;
}

void bridge::resource_asked(http::exchange e, const router::match& found) {
  const auto since = std::chrono::steady_clock::now();
  const auto index = found.endpoint;
  const auto& r = *find_resource(index);
  const auto& request = e.request();
  std::string head;
  auto trace = traces_.next(request.value("traceparent"));
  append_field(head, "X-Trace-Id", trace.id);
  if (!within_limit(e, index, head, since))
    return;
  auto segment = http::decode_path(found.captured.front());
  if (!segment)
    return reply_failure(e, {400, "Bad request", segment.error().message, {}, {}}, std::move(head), index, since);
  auto client = client_of(request);
  visit v;
  v.exchange = std::move(e);
  v.captured = std::move(segment.value());
  v.client = std::move(client);
  v.head = std::move(head);
  v.traceparent = std::move(trace.traceparent);
  v.reply = [this, index, since](
              http::exchange& to, http::response&& answer) { reply(to, std::move(answer), index, since); };
  v.stream = [this, index, since](http::exchange& to, http::response&& answer, http::stream_calls calls) {
    return stream(to, std::move(answer), std::move(calls), index, since);
  };
  v.log = settings_.log;
  r.handle(std::move(v));
}

} // namespace troupe
