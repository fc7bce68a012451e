#include "apps/schedules/resource.hpp"

#include "actors/timer/timer.hpp"
#include "apps/http/uri.hpp"

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <memory>
#include <utility>

namespace troupe {
namespace {

using json = nlohmann::ordered_json;
using visit_ptr = std::shared_ptr<visit>;
using settings_ptr = std::shared_ptr<const schedule_resource_settings>;

constexpr std::int64_t page = 50;
constexpr std::int64_t longest_page = 1'000;

std::string dumped(const json& j) {
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

json time_of(std::int64_t ms) {
  if (ms == 0)
    return nullptr;
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(ms / 1'000)), ms % 1'000);
}

json run_of(const schedule_run& r) {
  if (r.n == 0)
    return nullptr;
  return {{"schedule", r.name}, {"run", r.n}, {"cause", to_string(r.cause)}, {"outcome", to_string(r.outcome)},
    {"due", time_of(r.due_ms)}, {"started", time_of(r.started_ms)}, {"ended", time_of(r.ended_ms)},
    {"message", r.message}, {"owner", r.owner}};
}

void answer(visit& v, int status, std::string body, std::string_view type = "application/json") {
  append_field(v.head, "Content-Type", type);
  v.head.append("Cache-Control: no-store\r\n");
  v.reply(v.exchange, {status, std::move(v.head), blob{std::move(body)}});
}

void refuse(visit& v, int status, const error& e) {
  if (status == 503)
    append_retry_after(v.head, std::chrono::seconds{1});
  const auto* const title = status == 400   ? "Bad request"
                            : status == 404 ? "Not found"
                            : status == 409 ? "Conflict"
                                            : "Schedule failed";
  auto body = render({status, title, e.message, {}, {}}, true);
  answer(v, status, std::move(body.text), body.content_type);
}

void refuse(visit& v, const error& e) {
  refuse(v, info(e.code).http_status, e);
}

std::string value_of(const fields& query, std::string_view name) {
  const auto it = std::find_if(query.begin(), query.end(), [&](const auto& pair) { return pair.first == name; });
  return it == query.end() ? std::string{} : it->second;
}

result<schedule_history> wanted(const visit& v, const schedule_resource_settings& s) {
  const auto query = http::parse_query(v.exchange.request().query);
  if (!query)
    return query.as_failure();
  schedule_history out{v.captured, page, value_of(query.value(), "cursor"), us(s.deadline)};
  if (const auto text = value_of(query.value(), "limit"); !text.empty()) {
    const auto* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, out.limit);
    if (failed != std::errc{} || stop != end || out.limit < 1 || out.limit > longest_page)
      return fail(ec::bad_request, "limit: expected a whole number from 1 to " + std::to_string(longest_page)
                                     + ", got \"" + text.substr(0, 60) + '"');
  }
  return out;
}

/// Asks the scheduler within the gate, and answers 200 with what it says.
template <class Answer, class Message>
void show(const settings_ptr& s, const visit_ptr& v, Message what) {
  within(s->gate, [s, v, what = std::move(what)](gate_actor::pointer self) {
    self->request(s->scheduler, by_its_deadline, what)
      .then([v](const Answer& found) { answer(*v, 200, to_json(found)); },
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
          answer(*v, 202, to_json(begun));
        },
        [v](const caf::error& e) {
          const auto why = from_caf(e);
          refuse(*v, why.code == ec::bad_request ? 409 : info(why.code).http_status, why); // its previous run
        });
  });
}

resource path(const settings_ptr& s, std::string name, std::string pattern) {
  resource out;
  out.name = std::move(name);
  out.pattern = std::move(pattern);
  out.failure = "Schedule failed";
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
