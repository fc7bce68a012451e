#include "apps/services/door.hpp"

#include "apps/bridge/deadline.hpp"

#include <caf/send.hpp>

namespace troupe {
namespace {

using self_ptr = door_actor::stateful_pointer<door_state>;

// More than any number of failing questions: see door_to.
constexpr int any_number = 1'000'000'000;

void answer_visit(visit& v, service_response&& r, const std::string& failed) {
  auto head = std::move(v.head);
  auto status = r.status;
  if (r.code != ec::none) {
    status = info(r.code).http_status;
    if (status == 503 || status == 429)
      append_retry_after(head, std::chrono::seconds{1});
    auto body = render({status, status == 503 ? "Service temporarily unavailable" : failed, r.detail, {}, {}},
      wants_problem(v.exchange.request().joined("Accept")));
    append_field(head, "Content-Type", body.content_type);
    head.append("Cache-Control: no-store\r\n");
    return v.reply(v.exchange, {status, std::move(head), blob{std::move(body.text)}});
  }
  for (const auto& [name, value] : r.headers)
    append_field(head, name, value);
  v.reply(v.exchange, {status, std::move(head), std::move(r.body)});
}

service_response bad_deadline(const error& why) {
  auto body = render({400, "Bad request", why.message, {}, {}}, false);
  return json_response(400, std::move(body.text));
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
    [self](door_call& c) { self->state.services->call(c.service, std::move(c.what), std::move(c.done)); },
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
  for (auto& p : paths) {
    resource r;
    static_cast<entry_point&>(r) = p.at;
    r.max_body = p.max_body;
    r.handle = [to, deadline, p](visit v) {
      const auto left = deadline_of(v.exchange.request().value("X-Request-Timeout"), deadline);
      if (!left)
        return answer_visit(v, bad_deadline(left.error()), p.at.failure);
      auto what = request_of(v, p.prefix, left.value());
      const auto shared = std::make_shared<visit>(std::move(v));
      caf::anon_send(to, door_call{p.service, std::move(what), [shared, failed = p.at.failure](service_response&& a) {
                                     answer_visit(*shared, std::move(a), failed);
                                   }});
    };
    out.push_back(std::move(r));
  }
  return out;
}

} // namespace troupe
