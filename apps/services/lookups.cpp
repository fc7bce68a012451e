#include "apps/services/lookups.hpp"

#include "apps/bridge/answers.hpp"
#include "apps/http/uri.hpp"

#include <algorithm>

namespace troupe {
namespace {

// "Name: value\r\n"...
void append_lines(fields& to, std::string_view head) {
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto line = head.substr(0, end);
    if (const auto colon = line.find(": "); colon != std::string_view::npos)
      to.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    head.remove_prefix(std::min(end + 2, head.size()));
  }
}

// What a failure came of. With providers that all refused, or were not asked for want of leave, nobody has failed
// (DECISIONS C-06): only_limits is 503, an upstream's 4xx stays 502 and counts against nobody's circuit.
ec cause_of(const answer& a) {
  const auto all = [&](auto matches) {
    return !a.providers.empty() && std::all_of(a.providers.begin(), a.providers.end(), [&](const provider_report& p) {
      return matches(p.code);
    });
  };
  if (a.code != ec::all_providers_failed)
    return a.code;
  if (all([](ec c) { return c == ec::permit_refused || c == ec::provider_limited || c == ec::overloaded; }))
    return ec::overloaded;
  return all([](ec c) { return !info(c).trips_circuit && c != ec::internal; }) ? ec::provider_refused : a.code;
}

} // namespace

result<service_target> target_of(std::string_view path) {
  service_target out;
  const auto mark = std::min(path.find('?'), path.size());
  auto query = http::parse_query(path.substr(std::min(mark + 1, path.size())));
  if (!query)
    return query.as_failure();
  out.query = std::move(query.value());
  auto rest = path.substr(0, mark);
  while (!rest.empty()) {
    rest.remove_prefix(rest.front() == '/' ? 1 : 0);
    const auto end = std::min(rest.find('/'), rest.size());
    auto segment = http::decode_path(rest.substr(0, end));
    if (!segment)
      return segment.as_failure();
    out.segments.push_back(std::move(segment.value()));
    rest.remove_prefix(end);
  }
  return out;
}

void look_up(session_ptr self, const book_services& books, const call_ref& call, const call_head& head, inquiry about,
  bool bypass, std::function<void(answer&&)> done) {
  lookup l;
  l.id = call.id;
  about.what.traceparent = head.traceparent;
  about.what.priority = head.priority;
  const auto& owner = books.shards[shard_of(about.key, books.shards.size())];
  l.about = std::move(about);
  l.remaining_us = remaining_us(self, call);
  l.bypass = bypass;
  when_dropped(self, call, [self, owner, id = l.id, key = l.about.key] { self->send(owner, lookup_cancel{id, key}); });
  const auto to = std::make_shared<std::function<void(answer &&)>>(std::move(done));
  self->request(owner, by_its_deadline, std::move(l))
    .then([to, self, call](answer& a) { go_on(self, call, [&] { (*to)(std::move(a)); }); },
      [to, self, call](const caf::error& e) {
        answer a;
        auto why = from_caf(e);
        a.code = why.code;
        a.message = std::move(why.message);
        go_on(self, call, [&] { (*to)(std::move(a)); });
      });
}

service_response to_response(const answer& a, std::string_view failed) {
  service_response r;
  if (a.code != ec::none) {
    r.cause = cause_of(a);
    r.status = info(r.cause).http_status;
    auto body = render({r.status, std::string{failed}, a.message, {}, a.providers}, false);
    r.headers = {{"Content-Type", std::string{body.content_type}}, {"Cache-Control", "no-store"}};
    if (r.status == 503)
      set_retry_after(r, std::chrono::microseconds{a.retry_after_us});
    r.body = blob{std::move(body.text)};
    return r;
  }
  r.status = a.status;
  append_lines(r.headers, a.head);
  r.headers.emplace_back("X-Cache", a.x_cache);
  r.headers.emplace_back("X-Cache-TTL", std::to_string(a.ttl_us / 1'000'000));
  r.headers.emplace_back("Age", std::to_string(a.age_us / 1'000'000));
  if (a.x_cache == "STALE")
    r.headers.emplace_back("Warning", "110 troupe \"Response is Stale\"");
  r.body = a.plain;
  return r;
}

service_response error_response(int status, std::string error, std::string message) {
  auto r = json_response(status, render({status, std::move(error), std::move(message), {}, {}}, false).text);
  r.headers.emplace_back("Cache-Control", "no-store");
  return r;
}

service_response method_not_allowed() {
  auto r = error_response(405, "Method not allowed");
  r.headers.emplace_back("Allow", "GET, HEAD"); // RFC 9110, 15.5.6
  return r;
}

service_response bad_request(const error& why) {
  const bool missing = why.message == "Missing query parameter"; // S0-46: it is the whole error
  const auto status = info(why.code).http_status;
  return missing ? error_response(status, why.message) : error_response(status, "Bad request", why.message);
}

service_result to_result(service_response&& r) {
  if (r.code != ec::none)
    return {r.code, std::move(r.detail), {}};
  if (r.status < 400)
    return {ec::none, {}, std::move(r.body)};
  const auto code = r.cause != ec::none               ? r.cause
                    : r.status == 404                 ? ec::not_found
                    : r.status < 500                  ? ec::bad_request
                    : verdict_of(r) == ec::overloaded ? ec::overloaded
                                                      : ec::provider_failed;
  return {code, std::string{r.body.view()}, {}};
}

} // namespace troupe
