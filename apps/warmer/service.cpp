#include "apps/warmer/service.hpp"

#include "apps/services/health.hpp"

namespace troupe {

void make_warmer(service_definition& service) {
  service.entrypoints[""].fetch = [](session_ptr self, const call_ref& call, service_request& r) {
    if (r.path == "/health" && (r.method == "GET" || r.method == "HEAD"))
      return tell_health(self, call, r.head);
    reply(self, call.id, json_response(404, R"({"error":"Not found"})"));
  };
}

} // namespace troupe
