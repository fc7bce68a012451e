#include "apps/services/door.hpp"

#include "apps/bridge/answers.hpp"
#include "apps/bridge/deadline.hpp"
#include "apps/http/negotiate.hpp"

#include <caf/send.hpp>

#include <atomic>

namespace troupe {
namespace {

using self_ptr = door_actor::stateful_pointer<door_state>;

// More than any number of failing questions: see door_to.
constexpr int any_number = 1'000'000'000;

std::string title_of(int status, const service_path& path) {
  return status == 503 ? "Service temporarily unavailable" : status == 400 ? "Bad request" : path.at.failure;
}

bool is_json(const service_response& r) {
  return r.header("Content-Type") == "application/json";
}

// RFC 9110, 13.1.2
bool has_it(const http::request& request, const service_response& r) {
  const auto etag = r.header("ETag");
  return r.status == 200 && !etag.empty() && (request.method == "GET" || request.method == "HEAD")
         && http::etag_matches(request.joined("If-None-Match"), etag);
}

void answer_visit(visit& v, service_response&& r, const service_path& path) {
  auto head = std::move(v.head);
  const auto& request = v.exchange.request();
  const bool problem = path.problems || wants_problem(request.joined("Accept"));
  if (r.code != ec::none) {
    const auto status = info(r.code).http_status;
    const auto wait = r.header("Retry-After");
    if (status == 503 || status == 429)
      append_field(head, "Retry-After", wait.empty() ? "1" : wait);
    auto body = render(failure{status, title_of(status, path), r.detail, {}, {}}, problem);
    append_field(head, "Content-Type", body.content_type);
    head.append("Cache-Control: no-store\r\n");
    return v.reply(v.exchange, {status, std::move(head), blob{std::move(body.text)}});
  }
  const bool turned = problem && r.status >= 400 && is_json(r);
  for (const auto& [name, value] : r.headers)
    if (turned && name == "Content-Type")
      append_field(head, name, "application/problem+json");
    else if (name != "x-response-time") // the service's; the bridge says its own, which holds it
      append_field(head, name, value);
  if (turned)
    r.body = blob{as_problem(r.status, r.body.view())};
  v.reply(v.exchange, {has_it(request, r) ? 304 : r.status, std::move(head), std::move(r.body)});
}

service_request request_of(const visit& v, std::string_view prefix, std::chrono::microseconds remaining) {
  const auto& from = v.exchange.request();
  service_request out;
  out.method = from.method;
  out.path = from.target.substr(prefix.size());
  out.head.remaining_us = remaining.count();
  out.head.traceparent = v.traceparent;
  for (const auto* name : {"Accept", "Content-Type", "Last-Event-ID"})
    if (const auto value = from.find(name))
      out.headers.emplace_back(name, *value);
  out.headers.emplace_back("X-Client", v.client);
  out.body = blob{from.body};
  return out;
}

void end(door_state& s, std::uint64_t id, service_response&& r) {
  auto node = s.open.extract(id);
  if (!node.empty())
    node.mapped().done(std::move(r));
}

void start(self_ptr self, door_call& c) {
  auto& s = self->state;
  const auto [place, first] = s.open.try_emplace(c.id);
  if (!first)
    return c.done({ec::internal, "two calls of one id", info(ec::internal).http_status, {}, {}});
  place->second.done = std::move(c.done);
  const auto asked = s.services->call(
    c.service, std::move(c.what), [self, id = c.id](service_response&& r) { end(self->state, id, std::move(r)); });
  if (const auto it = s.open.find(c.id); it != s.open.end())
    it->second.asked = asked;
}

void give_up(self_ptr self, std::uint64_t id) {
  auto& s = self->state;
  const auto it = s.open.find(id);
  if (it == s.open.end())
    return;
  s.services->forget(it->second.asked);
  end(s, id, {ec::cancelled, "the client has left", info(ec::cancelled).http_status, {}, {}});
}

} // namespace

binding_settings door_to(const std::string& service, std::chrono::microseconds longest) {
  binding_settings out;
  out.caller = door_name;
  out.name = service;
  out.service = service;
  out.failures = any_number;
  out.circuit.open = std::chrono::seconds{1};
  out.circuit.longest = std::chrono::seconds{10};
  out.circuit.ramp.clear();
  out.timeout = longest;
  out.concurrency = 20'000; // connections that there may be; what is behind has bounds of its own
  return out;
}

door_actor::behavior_type door(
  self_ptr self, std::vector<bound_service> services, std::shared_ptr<spdlog::logger> log, std::uint64_t seed) {
  self->state.services = std::make_unique<bindings<self_ptr>>(self, services, std::move(log), seed);
  self->set_down_handler([self](const caf::down_msg& down) { self->state.services->down(down); });
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    self->state.services->cancel();
    self->quit(stop.reason);
  });
  return {
    [self](door_call& c) { start(self, c); },
    [self](const door_gone& g) { give_up(self, g.id); },
    [self](tick_atom) { self->state.services->tick(); },
    [self](stats_atom) {
      metrics out;
      self->state.services->each([&](const binding_book& b) { append(out, b.settings(), b.counters()); });
      return out;
    },
  };
}

std::vector<resource> service_resources(
  std::vector<service_path> paths, door_actor to, std::chrono::microseconds deadline) {
  std::vector<resource> out;
  const auto last = std::make_shared<std::atomic<std::uint64_t>>(0);
  for (auto& p : paths) {
    resource r;
    static_cast<entry_point&>(r) = p.at;
    r.max_body = p.max_body;
    r.handle = [to, deadline, p, last](visit v) {
      const auto left = deadline_of(v.exchange.request().value("X-Request-Timeout"), deadline);
      if (!left)
        return answer_visit(v, refused<service_response>(left.error()), p);
      auto what = request_of(v, p.prefix, left.value());
      const auto id = last->fetch_add(1, std::memory_order_relaxed) + 1;
      v.exchange.on_gone([to, id] { caf::anon_send(to, door_gone{id}); });
      const auto shared = std::make_shared<visit>(std::move(v));
      caf::anon_send(to, door_call{id, p.service, std::move(what),
                           [shared, p](service_response&& a) { answer_visit(*shared, std::move(a), p); }});
    };
    out.push_back(std::move(r));
  }
  return out;
}

} // namespace troupe
