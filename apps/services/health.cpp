#include "apps/services/health.hpp"

#include "apps/clock/wall_clock.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace troupe {
namespace {

using json = nlohmann::json;

// So long a health check waits for another service, whatever its caller allows: a monitor asks every few seconds. No
// less than what is no hurry for any binding, so that its failure counts, unless the caller itself allows less.
constexpr std::chrono::microseconds patience = never_hurried;

struct report {
  json out;
  bool healthy = true;
  std::size_t missing = 1; // ourselves, until all have been asked
  std::chrono::steady_clock::time_point since;
};

std::string time_since(session_ptr self, const report& r) {
  return milliseconds(std::chrono::duration_cast<std::chrono::microseconds>(self->clock().now() - r.since));
}

void tell(session_ptr self, std::uint64_t call, const std::shared_ptr<report>& r) {
  if (--r->missing > 0)
    return;
  r->out["status"] = r->healthy ? "healthy" : "degraded";
  auto response = json_response(r->healthy ? 200 : 503, r->out.dump(-1, ' ', false, json::error_handler_t::replace));
  response.headers.emplace_back("Cache-Control", "no-store");
  if (!r->healthy) // and so it counts against no circuit: who says of others that they are ill is not ill
    set_retry_after(response, std::chrono::seconds{5});
  response.headers.emplace_back("x-response-time", time_since(self, *r));
  reply(self, call, std::move(response));
}

} // namespace

void tell_health(session_ptr self, const call_ref& call, const call_head& head) {
  const auto& service = *self->state.service;
  const auto r = std::make_shared<report>();
  r->since = self->clock().now();
  r->out = {{"worker", service.name}, {"timestamp", rfc3339(service.wall_ms ? service.wall_ms() : 0)},
    {"serviceBindings", json::object()}, {"secrets", json::object()}};
  for (const auto& [name, there] : service.secrets)
    r->out["secrets"][name] = there;
  for (const auto& bound : service.bindings) {
    ++r->missing;
    service_request ask;
    ask.path = "/health";
    ask.head = head;
    ask.head.remaining_us = std::min(remaining_us(self, call), patience.count());
    const auto answered = [self, r, id = call.id, bound](const service_response& a) {
      auto& entry = r->out["serviceBindings"][bound.settings.name];
      const bool well = a.code == ec::none && a.status < 500;
      entry["status"] = well ? "healthy" : "error";
      const auto said = a.header("x-response-time");
      entry["responseTime"] = (said.empty() ? time_since(self, *r) : std::string{said}) + "ms";
      entry["circuit"] = to_string(bound.shared->state.load());
      if (!well)
        entry["error"] = a.code == ec::none ? fmt::format("status {}", a.status) : a.detail;
      r->healthy = r->healthy && well;
      tell(self, id, r);
    };
    self->state.peers->call(bound.settings.name, std::move(ask),
      [self, call, answered](service_response&& a) { go_on(self, call, [&] { answered(a); }); });
  }
  if (service.own_health) {
    ++r->missing;
    service.own_health(self, [self, r, id = call.id](std::string members) {
      const auto own = json::parse(members, nullptr, false);
      if (own.is_object())
        r->out.update(own);
      tell(self, id, r);
    });
  }
  tell(self, call.id, r);
}

} // namespace troupe
