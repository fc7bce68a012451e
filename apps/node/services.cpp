#include "apps/node/services.hpp"

#include "apps/node/wiring.hpp"
#include "apps/services/books_proxy.hpp"
#include "apps/services/isbndb.hpp"
#include "apps/warmer/service.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace troupe {
namespace {

// In the order in which they may bind each other: the one behind binds those before.
std::vector<std::string> in_order(const std::vector<config::service_binding>& bindings) {
  std::vector<std::string> out;
  auto left = config::service_names();
  while (!left.empty()) {
    const auto ready = std::find_if(left.begin(), left.end(), [&](const std::string& name) {
      return std::all_of(bindings.begin(), bindings.end(), [&](const config::service_binding& b) {
        return b.from != name || std::find(out.begin(), out.end(), b.service) != out.end();
      });
    });
    if (ready == left.end())
      break; // a circle; check_bindings has refused it
    out.push_back(*ready);
    left.erase(ready);
  }
  return out;
}

// What a caller has for a call: the warmer its own time, a client's request its deadline, of which books-proxy keeps
// half for the other way.
std::chrono::microseconds usual_of(const config::service_binding& b, const config::settings& s) {
  if (b.from == warmer_kind)
    return s.warm.timeout;
  return b.from == books_proxy_kind ? s.request.deadline / 2 : s.request.deadline;
}

binding_settings to_settings(const config::service_binding& b, const config::settings& s) {
  binding_settings out;
  out.caller = b.from;
  out.name = b.binding;
  out.service = b.service;
  out.entrypoint = b.entrypoint;
  out.failures = static_cast<int>(b.failures);
  out.circuit.open = b.open;
  out.circuit.longest = std::max<std::chrono::nanoseconds>(out.circuit.longest, b.open);
  out.timeout = b.timeout;
  out.usual = usual_of(b, s);
  out.concurrency = static_cast<int>(b.concurrency);
  out.rate = b.rate;
  return out;
}

// The circuits of the providers, and whether the platform's parts answer.
std::function<void(session_ptr, std::function<void(std::string)>)> platform_health(const orchestrator_actor& boss) {
  return [boss](session_ptr self, std::function<void(std::string)> done) {
    self->request(boss, std::chrono::seconds{1}, stats_atom::value)
      .then(
        [done](const metrics& all) {
          auto circuits = nlohmann::json::object();
          for (const auto& m : all)
            if (m.name == "troupe_circuit_state" && m.value == 1)
              circuits[m.labels[0].second] = m.labels[1].second;
          done(nlohmann::json{{"providers", circuits}}.dump());
        },
        [done](const caf::error&) { done(R"({"providers":"no answer"})"); });
  };
}

entry_point path_of(const std::string& name, const std::string& pattern, client_quota limit, const route_edge& edge) {
  entry_point out;
  out.name = name;
  out.pattern = pattern;
  out.failure = "Request failed";
  out.quota = limit;
  out.edge = edge;
  return out;
}

} // namespace

node_services start_services(
  caf::actor_system& in, const config::settings& s, const config::secrets& secrets, service_ground ground) {
  node_services out;
  const auto bindings = config::bindings_in(s.services, s.environment);
  std::map<std::string, service_front_actor> fronts;
  for (const auto& name : in_order(bindings)) {
    auto def = std::make_shared<service_definition>();
    def->name = name;
    def->log = ground.log;
    def->seed = ground.seed;
    def->wall_ms = ground.books.wall_ms;
    def->secrets = {{"ISBNDB_API_KEY", secrets.provider_keys.contains("isbndb")}};
    if (name == books_proxy_kind)
      def->secrets.emplace_back("GOOGLE_BOOKS_API_KEY", secrets.provider_keys.contains("google"));
    def->own_health = platform_health(ground.boss);
    std::vector<service_open> bound{{std::string{door_name}, name, {}, 0}};
    for (const auto& b : bindings) {
      if (b.service == name)
        bound.push_back({b.from, b.binding, b.entrypoint, 0});
      if (b.from == name && fronts.contains(b.service))
        def->bindings.push_back({to_settings(b, s), fronts.at(b.service), std::make_shared<shared_binding>()});
    }
    if (name == isbndb_kind)
      make_isbndb(*def, ground.books);
    else if (name == books_proxy_kind)
      make_books_proxy(*def, ground.books);
    else
      make_warmer(*def);
    if (name == warmer_kind)
      out.of_warmer = def->bindings;
    auto front = in.spawn(service_front, std::shared_ptr<const service_definition>{def}, std::move(bound));
    fronts.emplace(name, front);
    out.fronts.emplace_back(name, std::move(front));
  }
  std::vector<bound_service> doors;
  doors.reserve(out.fronts.size());
  for (const auto& [name, front] : out.fronts)
    doors.push_back({door_to(name, s.request.deadline), front, std::make_shared<shared_binding>()});
  out.door = in.spawn(door, std::move(doors), ground.log, ground.seed);
  return out;
}

std::vector<resource> service_paths(const config::settings& s, const door_actor& to) {
  const auto searches = quota(s.limits.client.search);
  const auto details = quota(s.limits.client.details);
  const auto edge = services_edge(s);
  const std::string proxy{books_proxy_kind};
  const std::string isbndb{isbndb_kind};
  std::vector<service_path> all{
    {proxy, path_of("search_auto", "/search/auto", searches, edge)},
    {proxy, path_of("search_title", "/search/title", searches, edge)},
    {proxy, path_of("search_author", "/search/author", searches, edge)},
    {proxy, path_of("search_isbn", "/search/isbn", details, edge)},
    {proxy, path_of("search_v3", "/api/v3/books/search", searches, edge)},
    {isbndb, path_of("isbndb_author", "/author/{name}", searches, edge)},
    {isbndb, path_of("isbndb_book", "/book/{isbn}", details, edge)},
    {isbndb, path_of("isbndb_books", "/books/{query}", searches, edge)},
    {isbndb, path_of("isbndb_search", "/search/books", searches, edge)},
  };
  for (const auto& name : {proxy, isbndb, std::string{warmer_kind}}) {
    service_path health{name, path_of("health_" + name, "/services/" + name + "/health", details, {})};
    health.prefix = "/services/" + name;
    all.push_back(std::move(health));
  }
  for (auto& p : all) {
    p.at.grant = "library";
    p.problems = p.at.name == "search_v3"; // S0-54
  }
  return service_resources(std::move(all), to, s.request.deadline);
}

} // namespace troupe
