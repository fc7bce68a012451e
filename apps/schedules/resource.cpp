#include "apps/schedules/resource.hpp"

#include "actors/timer/timer.hpp"
#include "apps/bridge/visits.hpp"
#include "apps/clock/wall_clock.hpp"
#include "apps/http/uri.hpp"
#include "apps/query/parameters.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <utility>

namespace troupe {
namespace {

using json = nlohmann::ordered_json;
using settings_ptr = std::shared_ptr<const schedule_resource_settings>;

constexpr std::int64_t page = 50;
constexpr std::int64_t longest_page = 1'000;

std::string dumped(const json& j) {
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

json time_of(std::int64_t ms) {
  if (ms == 0)
    return nullptr;
  return rfc3339(ms);
}

json run_of(const schedule_run& r) {
  if (r.n == 0)
    return nullptr;
  return {{"schedule", r.name}, {"run", r.n}, {"cause", to_string(r.cause)}, {"outcome", to_string(r.outcome)},
    {"due", time_of(r.due_ms)}, {"started", time_of(r.started_ms)}, {"ended", time_of(r.ended_ms)},
    {"message", r.message}, {"owner", r.owner}};
}

constexpr std::string_view failed_as = "Schedule failed";

void refuse(visit& v, const error& e) {
  refuse(v, e, failed_as);
}

result<schedule_history> wanted(const visit& v, const schedule_resource_settings& s) {
  const auto query = http::parse_query(v.exchange.request().query);
  if (!query)
    return query.as_failure();
  const auto limit = whole_number(query.value(), "limit", page, 1, longest_page);
  if (!limit)
    return limit.as_failure();
  return schedule_history{
    v.captured, limit.value(), std::string{parameter_of(query.value(), "cursor")}, us(s.deadline)};
}

/// Asks the scheduler within the gate, and answers 200 with what it says.
template <class Answer, class Message>
void show(const settings_ptr& s, const visit_ptr& v, Message what) {
  within(s->gate, [s, v, what = std::move(what)](gate_actor::pointer self) {
    self->request(s->scheduler, by_its_deadline, what)
      .then([v](const Answer& found) { respond(*v, 200, to_json(found)); },
        [v](const caf::error& e) { refuse(*v, from_caf(e)); });
  });
}

void history(const settings_ptr& s, const visit_ptr& v) {
  auto what = wanted(*v, *s);
  if (!what)
    return refuse(*v, what.error());
  show<schedule_runs>(s, v, std::move(what.value()));
}

void run(const settings_ptr& s, const visit_ptr& v) {
  within(s->gate, [s, v](gate_actor::pointer self) {
    self->request(s->scheduler, by_its_deadline, schedule_trigger{v->captured, us(s->deadline)})
      .then(
        [v](const schedule_run& begun) {
          append_field(v->head, "Location", "/schedules/" + begun.name + "/runs");
          respond(*v, 202, to_json(begun));
        },
        [v](const caf::error& e) {
          const auto why = from_caf(e);
          refuse(
            *v, why.code == ec::bad_request ? 409 : info(why.code).http_status, why, failed_as); // its previous run
        });
  });
}

resource path(const settings_ptr& s, std::string name, std::string pattern) {
  resource out;
  out.name = std::move(name);
  out.pattern = std::move(pattern);
  out.failure = failed_as;
  out.grant = "schedules";
  out.operators_only = true;
  out.quota = s->quota;
  return out;
}

} // namespace

std::string to_json(const schedule_views& all) {
  auto list = json::array();
  for (const auto& each : all)
    list.push_back({{"name", each.name}, {"cron", each.expression}, {"zone", each.zone},
      {"next", time_of(each.next_due_ms)}, {"under_way", each.under_way}, {"last", run_of(each.last)}});
  return dumped({{"schedules", std::move(list)}});
}

std::string to_json(const schedule_run& r) {
  return dumped(run_of(r));
}

std::string to_json(const schedule_runs& found) {
  auto list = json::array();
  for (const auto& each : found.runs)
    list.push_back(run_of(each));
  return dumped({{"runs", std::move(list)}, {"next", found.cursor.empty() ? json{} : json(found.cursor)}});
}

std::vector<resource> schedule_resources(schedule_resource_settings settings) {
  const auto s = std::make_shared<const schedule_resource_settings>(std::move(settings));
  auto all = path(s, "schedules", "/schedules");
  all.handle = [s](visit v) {
    show<schedule_views>(s, std::make_shared<visit>(std::move(v)), schedule_query{us(s->deadline)});
  };
  auto runs = path(s, "schedule_runs", "/schedules/{name}/runs");
  runs.handle = [s](visit v) { history(s, std::make_shared<visit>(std::move(v))); };
  auto begin = path(s, "schedule_run", "/schedules/{name}/run");
  begin.methods = {"POST"};
  begin.handle = [s](visit v) { run(s, std::make_shared<visit>(std::move(v))); };
  return {std::move(all), std::move(runs), std::move(begin)};
}

} // namespace troupe
