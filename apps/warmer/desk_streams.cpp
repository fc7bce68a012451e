#include "apps/warmer/desk_streams.hpp"

#include "apps/http/sse.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace troupe {
namespace {

using storage::job_kind;
using storage::jobs_repository;

// Of one reading for a job's streams: some 30 kB.
constexpr std::int64_t events_at_once = 100;
constexpr std::chrono::milliseconds reconnect{2'000};
constexpr std::chrono::seconds come_again{5};

void close(desk_ptr self, std::uint64_t id) {
  self->state.book.close(id);
  self->state.streams.erase(id);
}

// Sends a stream what follows upon what it has had.
void send_to(desk_ptr self, std::uint64_t id, const std::vector<job_event>& events) {
  auto& s = self->state;
  auto& to = s.streams.at(id);
  std::int64_t written = 0;
  // Before the stream may end: what is dropped then was written as well.
  const auto count = [&] {
    if (written == 0)
      return;
    to.out.flush([n = written, all = s.events](
                   bool sent) { (sent ? all->sent : all->dropped).fetch_add(n, std::memory_order_relaxed); });
    to.next_beat = self->clock().now() + s.settings.heartbeat;
  };
  for (const auto& e : events) {
    if (!s.book.takes(id, e.seq))
      continue;
    std::string text;
    http::append_event(text, {static_cast<std::uint64_t>(e.seq), e.kind, e.data, {}});
    const auto done = to.out.write(text);
    if (done == http::wrote::full) {
      s.book.full(id);
      break;
    }
    if (done != http::wrote::taken) {
      count();
      return close(self, id);
    }
    ++written;
    s.book.sent(id, e.seq);
    if (e.kind == "done" || e.kind == "error") {
      count();
      to.out.end();
      return close(self, id);
    }
  }
  count();
}

void begin_stream(desk_ptr self, const visit_ptr& v, const job_view& job) {
  auto& s = self->state;
  const auto last = http::parse_last_event_id(v->exchange.request().value("Last-Event-ID"));
  const auto events = static_cast<std::uint64_t>(job.events);
  if (has_ended(job.state) && last >= events) {
    s.book.give_back(v->client);
    // WHATWG HTML, 9.2.3: so a client is told to connect no more.
    v->head.append("Cache-Control: no-store\r\n");
    return v->reply(v->exchange, {204, std::move(v->head), {}});
  }
  const auto id = s.book.open(v->client, job.id, static_cast<std::int64_t>(std::min(last, events)));
  const auto to = caf::actor_cast<desk_actor>(self);
  const auto over = [to, id] { caf::anon_send(to, desk_stream{id, true}); };
  const auto room = [to, id] { caf::anon_send(to, desk_stream{id, false}); };
  v->head.append(http::sse_head);
  auto out = v->stream(v->exchange, {200, std::move(v->head), {}}, {room, over, over});
  std::string hello;
  http::append_retry(hello, reconnect);
  if (out.write(hello) == http::wrote::over)
    return s.book.close(id);
  const auto now = self->clock().now();
  if (s.streams.empty())
    s.next_poll = now + s.settings.poll;
  s.streams.emplace(id, desk_state::stream{std::move(out), now + s.settings.heartbeat});
  feed(self, job.id);
}

} // namespace

void open_stream(desk_ptr self, const visit_ptr& v) {
  auto& s = self->state;
  switch (s.book.take_place(v->client)) {
  case stream_book::place::none:
    return refuse(*v, 503, "Overloaded", "too many streams of events are open", come_again);
  case stream_book::place::none_for_client:
    return refuse(*v, 429, "Too many streams",
      std::to_string(s.settings.most_streams_a_client) + " streams of events are open for this client", come_again);
  case stream_book::place::granted:
    break;
  }
  store<job_view>(
    self, job_kind::read, [id = v->captured](jobs_repository& jobs, std::int64_t) { return existing(jobs, id); },
    [self, v](const result<job_view>& found) {
      if (found)
        return begin_stream(self, v, found.value());
      self->state.book.give_back(v->client);
      refuse(*v, found.error(), desk_failure);
    });
}

void feed(desk_ptr self, const std::string& job) {
  const auto from = self->state.book.begin_reading(job);
  if (!from)
    return;
  using events = std::vector<job_event>;
  store<events>(
    self, job_kind::read,
    [job, seen = *from](jobs_repository& jobs, std::int64_t) { return jobs.events_after(job, seen, events_at_once); },
    [self, job](const result<events>& found) {
      auto& s = self->state;
      // One line until it succeeds again: a thousand streams may be waiting.
      if (!found && found.error().code != ec::cancelled && !std::exchange(s.unread, true) && s.settings.log)
        s.settings.log->warn("Events of job {} cannot be read, and are read again: {}", job, found.error().message);
      if (!found) {
        static_cast<void>(s.book.end_reading(job, false)); // the next poll tries again
        return;
      }
      s.unread = false;
      for (const auto id : s.book.of(job))
        send_to(self, id, found.value());
      if (s.book.end_reading(job, found.value().size() == static_cast<std::size_t>(events_at_once)))
        feed(self, job);
    });
}

void stream_changed(desk_ptr self, const desk_stream& what) {
  auto& s = self->state;
  if (what.over)
    return close(self, what.id);
  s.book.has_room(what.id);
  feed(self, s.book.job_of(what.id));
}

void look_at_streams(desk_ptr self, desk_state::time now) {
  auto& s = self->state;
  if (now < s.next_poll || s.streams.empty())
    return;
  s.next_poll = now + s.settings.poll;
  for (auto& [id, stream] : s.streams)
    if (now >= stream.next_beat) {
      std::string beat;
      http::append_comment(beat);
      stream.next_beat = now + s.settings.heartbeat;
      static_cast<void>(stream.out.write(beat)); // one that is full has enough to read
    }
  for (const auto& job : s.book.jobs())
    feed(self, job);
}

} // namespace troupe
