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

// Rounded up: who comes back earlier comes in vain.
std::int64_t whole_seconds(std::int64_t us) {
  constexpr std::int64_t second = 1'000'000;
  return std::max<std::int64_t>(1, (us + second - 1) / second);
}

// Whether nobody failed: more was asked than may be asked (DECISIONS C-06), which is 503.
bool only_limits(const answer& a) {
  return !a.providers.empty() && std::all_of(a.providers.begin(), a.providers.end(), [](const provider_report& p) {
    return p.code == ec::permit_refused || p.code == ec::provider_limited || p.code == ec::overloaded;
  });
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
    .then([to](answer& a) { (*to)(std::move(a)); },
      [to](const caf::error& e) {
        answer a;
        auto why = from_caf(e);
        a.code = why.code;
        a.message = std::move(why.message);
        (*to)(std::move(a));
      });
}

service_response to_response(const answer& a, std::string_view failed) {
  service_response r;
  if (a.code != ec::none) {
    r.status = only_limits(a) ? 503 : info(a.code).http_status;
    auto body = render({r.status, std::string{failed}, a.message, {}, a.providers}, false);
    r.headers = {{"Content-Type", std::string{body.content_type}}, {"Cache-Control", "no-store"}};
    if (r.status == 503)
      r.headers.emplace_back("Retry-After", std::to_string(whole_seconds(a.retry_after_us)));
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

service_response bad_request(const error& why) {
  const bool missing = why.message == "Missing query parameter"; // S0-46: it is the whole error
  auto body =
    render(missing ? failure{400, why.message, {}, {}, {}} : failure{400, "Bad request", why.message, {}, {}}, false);
  return json_response(info(why.code).http_status, std::move(body.text));
}

service_result to_result(service_response&& r) {
  if (r.code != ec::none)
    return {r.code, std::move(r.detail), {}};
  if (r.status < 400)
    return {ec::none, {}, std::move(r.body)};
  const auto code = r.status == 404 ? ec::not_found : r.status >= 500 ? ec::provider_failed : ec::bad_request;
  return {code, std::string{r.body.view()}, {}};
}

} // namespace troupe
