#include "apps/warmer/desk.hpp"

#include "actors/jobs/progress.hpp"
#include "apps/http/uri.hpp"
#include "apps/query/parameters.hpp"
#include "apps/warmer/desk_streams.hpp"

#include <caf/send.hpp>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using json = nlohmann::json;
using storage::job_kind;
using storage::jobs_repository;

constexpr std::int64_t usual_page = 100;
constexpr std::int64_t longest_page = 1'000;

std::string dump(const json& j) {
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

// A job's state that does not allow what is wanted is a conflict (RFC 9110 15.5.10), not a malformed request.
void refuse_step(visit& v, const error& e) {
  refuse(v, e.code == ec::bad_request ? 409 : info(e.code).http_status, e, desk_failure);
}

struct page_wish {
  std::int64_t limit = usual_page;
  std::string cursor;
  std::optional<item_state> only;
};

result<page_wish> wish_of(std::string_view raw) {
  auto query = http::parse_query(raw);
  if (!query)
    return query.as_failure();
  const auto limit = whole_number(query.value(), "limit", usual_page, 1, longest_page);
  if (!limit)
    return limit.as_failure();
  page_wish out{limit.value(), std::string{parameter_of(query.value(), "cursor")}, {}};
  if (const auto* text = find_parameter(query.value(), "state")) {
    auto state = item_state::queued;
    if (!parse(*text, item_states, state))
      return fail(ec::bad_request,
        "state: expected queued, claimed, done or failed, got \"" + std::string{cut_short(*text)} + '"');
    out.only = state;
  }
  return out;
}

/// Answers with a page: {"name":[...],"next":"..."}.
/// @param read result<job_page_of<T>>(jobs_repository&, page_wish)
/// @param text an entry as JSON
template <class T, class Read, class Text>
void show_page(desk_ptr self, const visit_ptr& v, std::string_view name, Read read, Text text) {
  auto wish = wish_of(v->exchange.request().query);
  if (!wish)
    return refuse(*v, wish.error(), desk_failure);
  using page = storage::job_page_of<T>;
  store<page>(
    self, job_kind::read,
    [read, w = std::move(wish.value())](jobs_repository& jobs, std::int64_t) -> result<page> { return read(jobs, w); },
    [v, name, text](const result<page>& found) {
      if (!found)
        return refuse(*v, found.error(), desk_failure);
      auto out = R"({")" + std::string{name} + R"(":[)";
      for (const auto& entry : found.value().entries)
        out.append(out.ends_with('[') ? "" : ",").append(text(entry));
      const auto& cursor = found.value().cursor;
      out.append(R"(],"next":)").append(cursor.empty() ? "null" : dump(cursor)).append("}");
      respond(*v, 200, std::move(out));
    });
}

void list(desk_ptr self, const visit_ptr& v) {
  show_page<job_view>(
    self, v, "jobs", [](jobs_repository& jobs, const page_wish& w) { return jobs.list(w.limit, w.cursor); },
    [](const job_view& j) { return to_json(j); });
}

void results(desk_ptr self, const visit_ptr& v) {
  using page = storage::job_page_of<job_item>;
  show_page<job_item>(
    self, v, "results",
    [id = v->captured](jobs_repository& jobs, const page_wish& w) -> result<page> {
      if (const auto job = existing(jobs, id); !job)
        return job.as_failure();
      return jobs.items(id, w.only, w.limit, w.cursor);
    },
    [](const job_item& i) {
      json one{{"n", i.n}, {"kind", i.kind}, {"subject", i.subject}, {"state", to_string(i.state)}};
      if (!i.how.empty())
        one["how"] = i.how;
      if (!i.code.empty())
        one["error"] = {{"code", i.code}, {"message", i.message}};
      return dump(one);
    });
}

void rejections(desk_ptr self, const visit_ptr& v) {
  using page = storage::job_page_of<job_rejection>;
  show_page<job_rejection>(
    self, v, "rejections",
    [id = v->captured](jobs_repository& jobs, const page_wish& w) -> result<page> {
      if (const auto job = existing(jobs, id); !job)
        return job.as_failure();
      return jobs.rejections(id, w.limit, w.cursor);
    },
    [](const job_rejection& r) {
      return dump({{"line", r.line}, {"reason", r.reason}});
    });
}

void show(desk_ptr self, const visit_ptr& v) {
  struct told_job {
    job_view job;
    std::optional<job_event> last;
  };
  store<told_job>(
    self, job_kind::read,
    [id = v->captured](jobs_repository& jobs, std::int64_t) -> result<told_job> {
      auto job = existing(jobs, id);
      if (!job)
        return job.as_failure();
      auto out = told_job{std::move(job.value()), {}};
      if (out.job.events == 0)
        return out;
      auto last = jobs.events_after(id, out.job.events - 1, 1);
      if (!last)
        return last.as_failure();
      if (!last.value().empty())
        out.last = std::move(last.value().front());
      return out;
    },
    [v](const result<told_job>& found) {
      if (!found)
        return refuse(*v, found.error(), desk_failure);
      respond(*v, 200, to_json(found.value().job, found.value().last));
    });
}

// Pauses, resumes or cancels, and tells whom it concerns.
void change(desk_ptr self, const visit_ptr& v, const std::string& what) {
  store<job_view>(
    self, job_kind::write,
    [id = v->captured, what](jobs_repository& jobs, std::int64_t now) -> result<job_view> {
      if (what == "pause")
        return jobs.pause(id, now);
      if (what == "resume")
        return jobs.resume(id, now);
      return jobs.cancel(id, {}, now);
    },
    [self, v](const result<job_view>& done) {
      if (!done)
        return refuse_step(*v, done.error());
      self->state.kick();
      feed(self, done.value().id);
      respond(*v, 200, to_json(done.value()));
    });
}

void on_visit(desk_ptr self, const desk_visit& d) {
  const auto& v = d.who;
  if (d.action == "list")
    return list(self, v);
  if (d.action == "job")
    return v->exchange.request().method == "DELETE" ? change(self, v, "cancel") : show(self, v);
  if (d.action == "events")
    return open_stream(self, v);
  if (d.action == "results")
    return results(self, v);
  if (d.action == "rejections")
    return rejections(self, v);
  change(self, v, d.action);
}

void submit(desk_ptr self, desk_submit& order) {
  auto shared = std::make_shared<desk_submit>(std::move(order));
  using nothing = std::monostate;
  store<nothing>(
    self, job_kind::write,
    [shared](jobs_repository& jobs, std::int64_t now) -> result<nothing> {
      auto made = jobs.create(shared->job, now);
      if (!made)
        return made.as_failure();
      return nothing{};
    },
    [self, shared](const result<nothing>& done) {
      if (!done)
        return shared->done(done.as_failure());
      self->state.kick();
      shared->done(shared->job.id);
    });
}

void tick(desk_ptr self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  if (!s.tick.rang(now))
    return;
  s.storage->expire(now);
  look_at_streams(self, now);
  wake(self);
}

} // namespace

std::string to_json(const job_view& j, const std::optional<job_event>& told) {
  json out{{"id", j.id}, {"kind", j.kind}, {"library", j.library}, {"state", to_string(j.state)}, {"phase", j.phase},
    {"created", j.created_ms}, {"updated", j.updated_ms}, {"events", j.events}};
  if (!j.message.empty())
    out["message"] = j.message;
  if (j.started_ms > 0)
    out["started"] = j.started_ms;
  if (j.ended_ms > 0)
    out["ended"] = j.ended_ms;
  // Its rate is that of a while before it told so. Whatever it has told since, it has paused, say, makes that untrue.
  if (told && (has_ended(j.state) || (told->kind == "progress" && j.state == job_state::running))) {
    const auto said = json::parse(told->data, nullptr, false);
    for (const auto* name : {"items_per_1000_s", "left_ms", "errors"})
      if (said.is_object() && said.contains(name))
        out[name] = said[name];
    out["told"] = told->at_ms;
  }
  auto text = dump(out);
  text.pop_back(); // its brace
  return text.append(R"(,"counts":)").append(to_json(j.counts)).append("}");
}

desk_actor::behavior_type desk(desk_ptr self, desk_settings settings) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.book = stream_book{{s.settings.most_streams, s.settings.most_streams_a_client}};
  s.storage.emplace(s.settings.pool);
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    self->state.storage->cancel();
    self->state.streams.clear();
    self->quit(stop.reason);
  });
  return {
    [self](const desk_visit& d) { on_visit(self, d); },
    [self](desk_submit& order) { submit(self, order); },
    [self](desk_runner& r) { self->state.kick = std::move(r.kick); },
    [self](const desk_news& news) { feed(self, news.job); },
    [self](const desk_stream& d) { stream_changed(self, d); },
    [self](job_ended_atom, std::uint64_t number) { self->state.storage->ended(number); },
    [self](tick_atom) { tick(self); },
    [self](stats_atom) {
      const auto& all = *self->state.events;
      metrics out{{"troupe_job_streams", {}, false, static_cast<std::int64_t>(self->state.streams.size())},
        {"troupe_job_events_sent_total", {}, true, all.sent.load()},
        {"troupe_job_events_dropped_total", {}, true, all.dropped.load()}};
      return out;
    },
  };
}

std::vector<resource> desk_resources(const desk_resource_settings& settings, desk_actor to) {
  std::vector<resource> out;
  const auto add = [&](const std::string& action, const std::string& pattern, std::vector<std::string> methods) {
    resource r;
    r.name = "jobs_" + action;
    r.grant = "library";
    r.pattern = pattern;
    r.failure = desk_failure;
    r.quota = settings.reading;
    r.edge = settings.edge;
    r.methods = std::move(methods);
    r.handle = [to, action](visit v) { caf::anon_send(to, desk_visit{std::make_shared<visit>(std::move(v)), action}); };
    out.push_back(std::move(r));
  };
  add("list", "/jobs", {"GET", "HEAD"});
  add("job", "/jobs/{id}", {"GET", "HEAD", "DELETE"});
  add("events", "/jobs/{id}/events", {"GET"});
  add("results", "/jobs/{id}/results", {"GET", "HEAD"});
  add("rejections", "/jobs/{id}/rejections", {"GET", "HEAD"});
  add("pause", "/jobs/{id}/pause", {"POST"});
  add("resume", "/jobs/{id}/resume", {"POST"});
  return out;
}

} // namespace troupe
