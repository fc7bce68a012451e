#include "apps/services/service.hpp"

#include "actors/timer/timer.hpp"

#include <caf/actor_system.hpp>

#include <algorithm>
#include <exception>

namespace troupe {
namespace {

using std::chrono::microseconds;
using front_ptr = service_front_actor::stateful_pointer<front_of_service_state>;

void deliver_refusal(session_state::promise& to, const error& e) {
  std::visit(
    [&e](auto& promise) {
      using promise_type = std::decay_t<decltype(promise)>;
      if constexpr (std::is_same_v<promise_type, caf::typed_response_promise<service_response>>)
        promise.deliver(refused<service_response>(e));
      else
        promise.deliver(refused<service_result>(e));
    },
    to);
}

// Takes a call out of the book; nothing if it has ended.
std::optional<session_state::open_call> close(session_state& s, std::uint64_t id) {
  auto node = s.calls.extract(id);
  if (node.empty())
    return std::nullopt;
  s.due.remove(node.mapped().until, id);
  s.by_caller.erase(node.mapped().from);
  return std::move(node.mapped());
}

// What a call asked of others is not needed any more.
void drop(session_state::open_call& call) {
  if (const auto then = std::exchange(call.dropped, nullptr))
    then();
}

// Whoever waits is told, and this life ends.
void die(session_ptr self, const error& why) {
  auto& s = self->state;
  auto all = std::exchange(s.calls, {});
  s.by_caller.clear();
  s.due = {};
  for (auto& [id, call] : all) {
    deliver_refusal(call.to, why);
    drop(call);
  }
  s.peers->cancel();
  self->quit(make_error(why.code, why.message));
}

void judge(session_ptr self, const session_state::open_call& call, ec verdict) {
  auto& s = self->state;
  if (call.hurried)
    return;
  const auto now = self->clock().now();
  const auto took = std::chrono::duration_cast<microseconds>(now - call.since);
  const auto judged =
    verdict == ec::none ? s.health->succeeded(now, took) : s.health->failed(now, verdict, took, call.probe);
  if (judged != health::verdict::live)
    die(self, {ec::circuit_tripped, s.service->name + ": too many calls failed"});
}

template <class Answer>
void end(session_ptr self, std::uint64_t id, Answer a) {
  auto call = close(self->state, id);
  if (!call)
    return;
  const auto verdict = verdict_of(a);
  if (auto* to = std::get_if<caf::typed_response_promise<Answer>>(&call->to))
    to->deliver(std::move(a));
  else
    deliver_refusal(call->to, {ec::internal, "the handler answered in the other form"});
  judge(self, *call, verdict);
}

template <class Answer, class Message>
call_ref admit(session_ptr self, const Message& what) {
  auto& s = self->state;
  const auto& sender = self->current_sender(); // making the promise takes it out of the message
  const std::pair from{sender ? sender->id() : caf::actor_id{0}, what.head.id};
  auto promise = self->make_response_promise<Answer>();
  const auto now = self->clock().now();
  const auto id = ++s.last;
  const auto until = now + microseconds{std::max<std::int64_t>(0, what.head.remaining_us)};
  s.calls.emplace(
    id, session_state::open_call{std::move(promise), from, now, until, what.head.probe, what.head.hurried});
  s.by_caller.insert_or_assign(from, id);
  s.due.add(until, id);
  wake_at(self, s.tick, s.due.next());
  return {id, until};
}

// What a handler throws ends its call and nothing else.
template <class Work>
void guarded(session_ptr self, const call_ref& call, const Work& work) {
  const auto& def = *self->state.service;
  try {
    work();
    return;
  } catch (const std::exception& e) {
    def.log->error("{}: a handler failed: {}", def.name, e.what());
  }
  const auto found = self->state.calls.find(call.id);
  if (found == self->state.calls.end())
    return;
  if (def.pass_through && std::holds_alternative<caf::typed_response_promise<service_response>>(found->second.to))
    return end(self, call.id, json_response(200, def.pass_through(found->second.path)));
  if (auto open = close(self->state, call.id)) {
    deliver_refusal(open->to, {ec::internal, "Internal Error"});
    judge(self, *open, ec::provider_failed);
  }
}

// DECISIONS C-01: "https://any-host/path" means "/path".
void drop_host(std::string& path) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!path.starts_with(scheme))
      continue;
    const auto slash = path.find_first_of("/?", scheme.size());
    path = slash == std::string::npos ? "/" : path[slash] == '?' ? '/' + path.substr(slash) : path.substr(slash);
    return;
  }
}

void on_request(session_ptr self, const call_ref& call, service_request& r) {
  drop_host(r.path);
  const auto& entry = *self->state.entry;
  if (!entry.fetch)
    return end(self, call.id, json_response(404, R"({"error":"Not found"})"));
  if (self->state.service->pass_through)
    self->state.calls.at(call.id).path = r.path;
  guarded(self, call, [&] { entry.fetch(self, call, r); });
}

void on_call(session_ptr self, const call_ref& call, service_call& c) {
  const auto& entry = *self->state.entry;
  const auto it = entry.methods.find(c.method);
  if (it == entry.methods.end())
    return end(self, call.id, service_result{ec::not_found, "method: there is none named \"" + c.method + '"', {}});
  guarded(self, call, [&] { it->second(self, call, c); });
}

void cancel(session_ptr self, std::uint64_t id) {
  auto& s = self->state;
  const auto known = s.by_caller.find({self->current_sender() ? self->current_sender()->id() : 0, id});
  if (known == s.by_caller.end())
    return;
  if (auto call = close(s, known->second)) {
    deliver_refusal(call->to, {ec::cancelled, "nobody waits for it any more"});
    drop(*call);
  }
}

void tick(session_ptr self) {
  auto& s = self->state;
  s.peers->tick();
  const auto now = self->clock().now();
  if (!s.tick.rang(now))
    return;
  for (const auto id : s.due.take_due(now))
    if (auto call = close(s, id)) {
      deliver_refusal(call->to, {ec::deadline_exceeded, s.service->name + ": no answer within the deadline"});
      drop(*call);
      judge(self, *call, ec::provider_timeout);
    }
  wake_at(self, s.tick, s.due.next());
}

// Nobody calls any more: what goes on behind its answers is finished first.
void leave(session_ptr self) {
  auto& s = self->state;
  s.leaving = true;
  for (auto& [id, call] : std::exchange(s.calls, {})) {
    deliver_refusal(call.to, {ec::cancelled, "shutting down"});
    drop(call);
  }
  s.by_caller.clear();
  s.due = {};
  if (s.held > 0)
    return;
  s.peers->cancel();
  self->quit(caf::exit_reason::user_shutdown);
}

} // namespace

void reply(session_ptr self, std::uint64_t call, service_response r) {
  end(self, call, std::move(r));
}

void reply(session_ptr self, std::uint64_t call, service_result r) {
  end(self, call, std::move(r));
}

void go_on(session_ptr self, const call_ref& call, const std::function<void()>& work) {
  guarded(self, call, work);
}

void when_dropped(session_ptr self, const call_ref& call, std::function<void()> then) {
  if (const auto it = self->state.calls.find(call.id); it != self->state.calls.end())
    it->second.dropped = std::move(then);
}

std::int64_t remaining_us(session_ptr self, const call_ref& call) {
  return std::max<std::int64_t>(0, us(call.until - self->clock().now()));
}

void hold(session_ptr self) {
  ++self->state.held;
}

void release(session_ptr self) {
  if (--self->state.held == 0 && self->state.leaving)
    leave(self);
}

service_response json_response(int status, std::string body) {
  return {ec::none, {}, status, {{"Content-Type", "application/json"}}, blob{std::move(body)}};
}

service_actor::behavior_type session(session_ptr self, std::shared_ptr<const service_definition> service,
  const service_open& wish, caf::strong_actor_ptr owner) {
  auto& s = self->state;
  s.service = std::move(service);
  s.entry = &s.service->entrypoints.find(wish.entrypoint)->second;
  s.peers = std::make_unique<bindings<session_ptr>>(self, s.service->bindings, s.service->log, s.service->seed);
  s.health =
    std::make_unique<troupe::health>(health_settings{std::max(1, wish.failures), std::chrono::seconds{10}, 0, 0});
  s.owner = std::move(owner);
  self->monitor(caf::actor_cast<caf::actor>(s.owner));
  self->set_down_handler([self](const caf::down_msg& down) {
    if (down.source == self->state.owner)
      return leave(self);
    self->state.peers->down(down);
  });
  self->set_exit_handler([self](const caf::exit_msg&) { leave(self); });
  return {
    [self](service_request& r) {
      const auto call = admit<service_response>(self, r);
      auto promise = std::get<caf::typed_response_promise<service_response>>(self->state.calls.at(call.id).to);
      on_request(self, call, r);
      return promise;
    },
    [self](service_call& c) {
      const auto call = admit<service_result>(self, c);
      auto promise = std::get<caf::typed_response_promise<service_result>>(self->state.calls.at(call.id).to);
      on_call(self, call, c);
      return promise;
    },
    [self](const service_cancel& c) { cancel(self, c.id); },
    [self](tick_atom) { tick(self); },
  };
}

service_front_actor::behavior_type service_front(
  front_ptr self, std::shared_ptr<const service_definition> service, std::vector<service_open> bound) {
  self->state.service = std::move(service);
  self->state.bound = std::move(bound);
  return {
    [self](const service_open& wish) -> caf::result<service_actor> {
      const auto& s = self->state;
      const auto allowed = std::any_of(s.bound.begin(), s.bound.end(), [&](const service_open& b) {
        return b.caller == wish.caller && b.binding == wish.binding && b.entrypoint == wish.entrypoint;
      });
      if (!allowed)
        return make_error(ec::bad_request, s.service->name + " is not bound to " + wish.caller + " as " + wish.binding);
      if (!s.service->entrypoints.contains(wish.entrypoint))
        return make_error(
          ec::bad_request, s.service->name + ": there is no entrypoint named \"" + wish.entrypoint + '"');
      return self->system().spawn(session, s.service, wish, self->current_sender());
    },
    [self](stats_atom) {
      metrics out;
      for (const auto& b : self->state.service->bindings)
        append(out, b.settings, *b.shared);
      return out;
    },
  };
}

} // namespace troupe
