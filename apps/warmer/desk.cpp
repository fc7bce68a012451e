#include "apps/warmer/desk.hpp"

#include "actors/jobs/progress.hpp"
#include "actors/timer/timer.hpp"
#include "apps/bridge/visits.hpp"
#include "apps/http/sse.hpp"
#include "apps/http/uri.hpp"
#include "apps/query/parameters.hpp"
#include "storage/jobs_repository.hpp"

#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace troupe {
namespace {

using json = nlohmann::json;
using self_ptr = desk_actor::stateful_pointer<desk_state>;
using storage::job_kind;
using storage::jobs_repository;

constexpr std::chrono::microseconds longest_store = std::chrono::seconds{10};
constexpr std::int64_t usual_page = 100;
constexpr std::int64_t longest_page = 1'000;
// Of one reading for a stream: some 30 kB.
constexpr std::int64_t events_at_once = 100;
constexpr std::chrono::milliseconds reconnect{2'000};

std::string dump(const json& j) {
  return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

constexpr std::string_view failed_as = "Request failed";

void refuse(visit& v, const error& e) {
  refuse(v, e, failed_as);
}

// A job's state that does not allow what is wanted is a conflict (RFC 9110 15.5.10), not a malformed request.
void refuse_step(visit& v, const error& e) {
  refuse(v, e.code == ec::bad_request ? 409 : info(e.code).http_status, e, failed_as);
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

json next_of(const std::string& cursor) {
  return cursor.empty() ? json(nullptr) : json(cursor);
}

json job_json(const job_view& j, std::int64_t now_ms) {
  json out{{"id", j.id}, {"kind", j.kind}, {"library", j.library}, {"state", to_string(j.state)}, {"phase", j.phase},
    {"counts", json::parse(to_json(j.counts))}, {"created", j.created_ms}, {"updated", j.updated_ms},
    {"events", j.events}};
  if (!j.message.empty())
    out["message"] = j.message;
  if (j.started_ms > 0)
    out["started"] = j.started_ms;
  if (j.ended_ms > 0)
    out["ended"] = j.ended_ms;
  // Over its whole life: the events have the rate of the last half minute.
  const auto ended = j.counts.done + j.counts.failed;
  const auto took = (j.ended_ms > 0 ? j.ended_ms : now_ms) - j.started_ms;
  if (j.started_ms > 0 && took > 0 && ended > 0) {
    out["items_per_1000_s"] = ended * 1'000'000 / took;
    if (j.state == job_state::running && j.phase != "parsing")
      out["left_ms"] = (j.counts.items - ended) * took / ended;
  }
  return out;
}

void wake(self_ptr self) {
  auto& s = self->state;
  wake_at(self, s.tick, s.storage->next());
  if (!s.streams.empty())
    wake_at(self, s.tick, s.next_poll);
}

template <class R, class Work, class Then>
void store(self_ptr self, job_kind kind, Work work, Then then) {
  auto& s = self->state;
  s.storage->run<R>(
    self, kind, longest_store,
    [work = std::move(work), now_ms = s.settings.now_ms](storage::sql& db) -> result<R> {
      auto jobs = jobs_repository{db};
      return work(jobs, now_ms());
    },
    [self, then = std::move(then)](result<R> done) {
      then(std::move(done));
      wake(self);
    });
  wake(self);
}

void list(self_ptr self, const visit_ptr& v) {
  auto wish = wish_of(v->exchange.request().query);
  if (!wish)
    return refuse(*v, wish.error());
  using page = storage::job_page_of<job_view>;
  store<page>(
    self, job_kind::read,
    [w = std::move(wish.value())](jobs_repository& jobs, std::int64_t) { return jobs.list(w.limit, w.cursor); },
    [self, v](const result<page>& found) {
      if (!found)
        return refuse(*v, found.error());
      auto all = json::array();
      for (const auto& j : found.value().entries)
        all.push_back(job_json(j, self->state.settings.now_ms()));
      respond(*v, 200, dump({{"jobs", std::move(all)}, {"next", next_of(found.value().cursor)}}));
    });
}

void show(self_ptr self, const visit_ptr& v) {
  using found_job = std::optional<job_view>;
  store<found_job>(
    self, job_kind::read, [id = v->captured](jobs_repository& jobs, std::int64_t) { return jobs.find(id); },
    [self, v](const result<found_job>& found) {
      if (!found)
        return refuse(*v, found.error());
      if (!found.value())
        return refuse(*v, 404, "Not found", "there is no such job");
      respond(*v, 200, to_json(*found.value(), self->state.settings.now_ms()));
    });
}

// Pauses, resumes or cancels, and tells whom it concerns.
void change(self_ptr self, const visit_ptr& v, const std::string& what) {
  store<job_view>(
    self, job_kind::write,
    [id = v->captured, what](jobs_repository& jobs, std::int64_t now) -> result<job_view> {
      if (what == "pause")
        return jobs.pause(id, now);
      if (what == "resume")
        return jobs.resume(id, now);
      return jobs.cancel(id, R"({"state":"cancelled"})", now);
    },
    [self, v](const result<job_view>& done) {
      if (!done)
        return refuse_step(*v, done.error());
      self->state.kick();
      self->send(self, desk_news{done.value().id});
      respond(*v, 200, to_json(done.value(), self->state.settings.now_ms()));
    });
}

void results(self_ptr self, const visit_ptr& v) {
  auto wish = wish_of(v->exchange.request().query);
  if (!wish)
    return refuse(*v, wish.error());
  using page = storage::job_page_of<job_item>;
  store<page>(
    self, job_kind::read,
    [id = v->captured, w = std::move(wish.value())](jobs_repository& jobs, std::int64_t) -> result<page> {
      auto there = jobs.find(id);
      if (!there || !there.value())
        return there ? fail(ec::not_found, "there is no such job") : there.as_failure();
      return jobs.items(id, w.only, w.limit, w.cursor);
    },
    [v](const result<page>& found) {
      if (!found)
        return refuse(*v, found.error());
      auto all = json::array();
      for (const auto& i : found.value().entries) {
        json one{{"n", i.n}, {"kind", i.kind}, {"subject", i.subject}, {"state", to_string(i.state)}};
        if (!i.how.empty())
          one["how"] = i.how;
        if (!i.code.empty())
          one["error"] = {{"code", i.code}, {"message", i.message}};
        all.push_back(std::move(one));
      }
      respond(*v, 200, dump({{"results", std::move(all)}, {"next", next_of(found.value().cursor)}}));
    });
}

void rejections(self_ptr self, const visit_ptr& v) {
  auto wish = wish_of(v->exchange.request().query);
  if (!wish)
    return refuse(*v, wish.error());
  using page = storage::job_page_of<job_rejection>;
  store<page>(
    self, job_kind::read,
    [id = v->captured, w = std::move(wish.value())](
      jobs_repository& jobs, std::int64_t) { return jobs.rejections(id, w.limit, w.cursor); },
    [v](const result<page>& found) {
      if (!found)
        return refuse(*v, found.error());
      auto all = json::array();
      for (const auto& r : found.value().entries)
        all.push_back({{"line", r.line}, {"reason", r.reason}});
      respond(*v, 200, dump({{"rejections", std::move(all)}, {"next", next_of(found.value().cursor)}}));
    });
}

// Reads what the stream has not sent yet, unless it is being read or the client has no room.
void feed(self_ptr self, std::uint64_t id) {
  auto& s = self->state;
  const auto it = s.streams.find(id);
  if (it == s.streams.end())
    return;
  auto& stream = it->second;
  if (stream.reading || stream.full) {
    stream.again = true;
    return;
  }
  stream.reading = true;
  stream.again = false;
  using events = std::vector<job_event>;
  store<events>(
    self, job_kind::read,
    [job = stream.job, seen = stream.seen](
      jobs_repository& jobs, std::int64_t) { return jobs.events_after(job, seen, events_at_once); },
    [self, id](const result<events>& found) {
      auto& mine = self->state;
      const auto at = mine.streams.find(id);
      if (at == mine.streams.end())
        return;
      auto& to = at->second;
      to.reading = false;
      if (!found)
        return; // the next poll tries again
      for (const auto& e : found.value()) {
        std::string text;
        http::append_event(text, {static_cast<std::uint64_t>(e.seq), e.kind, e.data, {}});
        const auto done = to.out.write(text);
        if (done == http::wrote::full) {
          to.full = true;
          to.again = true;
          return;
        }
        if (done != http::wrote::taken) {
          mine.streams.erase(at);
          return;
        }
        ++mine.events_sent;
        to.seen = e.seq;
        to.next_beat = self->clock().now() + mine.settings.heartbeat;
        if (e.kind == "done" || e.kind == "error") {
          to.out.end();
          mine.streams.erase(at);
          return;
        }
      }
      if (to.again || found.value().size() == static_cast<std::size_t>(events_at_once))
        feed(self, id);
    });
}

void open_stream(self_ptr self, const visit_ptr& v) {
  auto& s = self->state;
  if (s.streams.size() >= s.settings.most_streams)
    return refuse(*v, 503, "Overloaded", "too many streams of events are open");
  using found_job = std::optional<job_view>;
  store<found_job>(
    self, job_kind::read, [id = v->captured](jobs_repository& jobs, std::int64_t) { return jobs.find(id); },
    [self, v](const result<found_job>& found) {
      if (!found)
        return refuse(*v, found.error());
      if (!found.value())
        return refuse(*v, 404, "Not found", "there is no such job");
      auto& mine = self->state;
      const auto id = ++mine.last_stream;
      const auto& request = v->exchange.request();
      desk_state::stream opened;
      opened.job = v->captured;
      const auto last = http::parse_last_event_id(request.value("Last-Event-ID"));
      opened.seen =
        static_cast<std::int64_t>(std::min<std::uint64_t>(last, static_cast<std::uint64_t>(found.value()->events)));
      opened.next_beat = self->clock().now() + mine.settings.heartbeat;
      const auto to = caf::actor_cast<desk_actor>(self);
      const auto over = [to, id] { caf::anon_send(to, desk_stream{id, true}); };
      v->head.append(http::sse_head);
      opened.out = v->exchange.stream({200, std::move(v->head), {}}, {[to, id] {
                                                                        caf::anon_send(to, desk_stream{id, false});
                                                                      },
                                                                       over, over});
      std::string hello;
      http::append_retry(hello, reconnect);
      if (opened.out.write(hello) == http::wrote::over)
        return;
      if (mine.streams.empty())
        mine.next_poll = self->clock().now() + mine.settings.poll;
      mine.streams.emplace(id, std::move(opened));
      feed(self, id);
    });
}

void on_visit(self_ptr self, const desk_visit& d) {
  const auto& v = d.who;
  const auto method = v->exchange.request().method;
  if (d.action == "list")
    return list(self, v);
  if (d.action == "job")
    return method == "DELETE" ? change(self, v, "cancel") : show(self, v);
  if (d.action == "events")
    return open_stream(self, v);
  if (d.action == "results")
    return results(self, v);
  if (d.action == "rejections")
    return rejections(self, v);
  change(self, v, d.action);
}

void submit(self_ptr self, desk_submit& order) {
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

void tick(self_ptr self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  if (!s.tick.rang(now))
    return;
  s.storage->expire(now);
  if (now >= s.next_poll && !s.streams.empty()) {
    s.next_poll = now + s.settings.poll;
    std::vector<std::uint64_t> all;
    for (auto& [id, stream] : s.streams) {
      if (now >= stream.next_beat) {
        std::string beat;
        http::append_comment(beat);
        stream.next_beat = now + s.settings.heartbeat;
        static_cast<void>(stream.out.write(beat)); // one that is full has enough to read
      }
      all.push_back(id);
    }
    for (const auto id : all)
      feed(self, id);
  }
  wake(self);
}

} // namespace

std::string to_json(const job_view& job, std::int64_t now_ms) {
  return dump(job_json(job, now_ms));
}

desk_actor::behavior_type desk(self_ptr self, desk_settings settings) {
  auto& s = self->state;
  s.settings = std::move(settings);
  s.storage.emplace(s.settings.pool);
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    self->state.streams.clear();
    self->state.storage->cancel();
    self->quit(stop.reason);
  });
  return {
    [self](const desk_visit& d) { on_visit(self, d); },
    [self](desk_submit& order) { submit(self, order); },
    [self](desk_runner& r) { self->state.kick = std::move(r.kick); },
    [self](const desk_news& news) {
      std::vector<std::uint64_t> concerned;
      for (const auto& [id, stream] : self->state.streams)
        if (stream.job == news.job)
          concerned.push_back(id);
      for (const auto id : concerned)
        feed(self, id);
    },
    [self](const desk_stream& d) {
      auto& mine = self->state;
      const auto it = mine.streams.find(d.id);
      if (it == mine.streams.end())
        return;
      if (d.over) {
        mine.streams.erase(it);
        return;
      }
      it->second.full = false;
      feed(self, d.id);
    },
    [self](job_ended_atom, std::uint64_t number) { self->state.storage->ended(number); },
    [self](tick_atom) { tick(self); },
    [self](stats_atom) {
      metrics out{{"troupe_job_streams", {}, false, static_cast<std::int64_t>(self->state.streams.size())},
        {"troupe_job_events_sent_total", {}, true, self->state.events_sent}};
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
    r.failure = failed_as;
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
