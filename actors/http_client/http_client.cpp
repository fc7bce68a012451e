#include "actors/http_client/http_client.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <optional>

namespace troupe {
namespace {

using self_ptr = http_client_actor::stateful_pointer<http_client_state>;

http_response cancelled() {
  http_response r;
  r.code = ec::cancelled;
  r.detail = "not wanted any more";
  return r;
}

caf::typed_response_promise<http_response> start(self_ptr self, http_request& request) {
  auto& s = self->state;
  const auto id = ++s.last_id;
  // First: making the promise takes the sender out of the message.
  auto owner = caf::actor_cast<caf::actor_addr>(self->current_sender());
  auto promise = self->make_response_promise<http_response>();
  auto [known, first] = s.by_owner.try_emplace(owner);
  known->second.emplace(request.id, id);
  if (first && owner)
    self->monitor(owner);
  auto& t = s.open.emplace(id, http_client_state::transfer{promise, owner, request.id, 0}).first->second;
  // The callback runs on the network thread and only sends: its message cannot overtake this handler.
  auto me = caf::actor_cast<http_client_actor>(self);
  t.loop_id = s.loop->start(std::move(request), [me, id](http_response response) {
    caf::anon_send(me, transfer_done{id, std::move(response)});
  });
  return promise;
}

// Takes a transfer out of the books.
std::optional<http_client_state::transfer> close(http_client_state& s, std::uint64_t id) {
  auto node = s.open.extract(id);
  if (node.empty())
    return std::nullopt;
  if (const auto of = s.by_owner.find(node.mapped().owner); of != s.by_owner.end()) {
    const auto [first, last] = of->second.equal_range(node.mapped().owners_id);
    const auto it = std::find_if(first, last, [&](const auto& entry) { return entry.second == id; });
    if (it != last)
      of->second.erase(it);
  }
  return std::move(node.mapped());
}

void finish(http_client_state& s, transfer_done& done) {
  if (auto t = close(s, done.id)) // else it was aborted meanwhile
    t->promise.deliver(std::move(done.response));
}

void abort_one(http_client_state& s, const caf::actor_addr& owner, std::uint64_t owners_id) {
  const auto of = s.by_owner.find(owner);
  if (of == s.by_owner.end())
    return;
  const auto it = of->second.find(owners_id);
  if (it == of->second.end())
    return; // it has ended already
  auto t = close(s, it->second);
  s.loop->abort(t->loop_id);
  t->promise.deliver(cancelled());
}

void abort_all_of(http_client_state& s, const caf::actor_addr& owner) {
  const auto it = s.by_owner.find(owner);
  if (it == s.by_owner.end())
    return;
  for (const auto& [owners_id, id] : it->second) {
    s.loop->abort(s.open.at(id).loop_id);
    s.open.erase(id);
  }
  s.by_owner.erase(it);
}

metrics report(const http_client_state& s) {
  const auto c = s.loop->counters();
  const auto count = [](auto v) { return static_cast<std::int64_t>(v); };
  return {
    {"troupe_http_client_in_flight", {}, false, count(c.in_flight)},
    {"troupe_http_client_transfers_total", {}, true, count(c.started)},
    {"troupe_http_client_aborted_total", {}, true, count(c.aborted)},
    {"troupe_http_client_received_bytes_total", {}, true, count(c.bytes_in)},
  };
}

} // namespace

http_client_actor::behavior_type http_client(self_ptr self, http_loop::settings settings) {
  self->state.loop = std::make_unique<http_loop>(std::move(settings));
  self->set_down_handler([self](const caf::down_msg& down) { abort_all_of(self->state, down.source); });
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    for (auto& [id, t] : self->state.open)
      t.promise.deliver(cancelled());
    self->state.open.clear();
    self->quit(stop.reason);
  });
  return {
    [self](http_request& request) { return start(self, request); },
    [self](
      const http_abort& a) { abort_one(self->state, caf::actor_cast<caf::actor_addr>(self->current_sender()), a.id); },
    [self](transfer_done& done) { finish(self->state, done); },
    [self](stats_atom) { return report(self->state); },
  };
}

} // namespace troupe
