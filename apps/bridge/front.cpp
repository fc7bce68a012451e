#include "apps/bridge/front.hpp"

#include "actors/timer/timer.hpp"

#include <string_view>

namespace troupe {
namespace {

using self_ptr = front_actor::stateful_pointer<front_state>;
using std::chrono::microseconds;

// Whoever is behind keeps the deadline too, and its answer says more ("google: no answer in 3 s"): so long it may take
// to arrive. A lookup that joined somebody else's fetch has this deadline alone.
constexpr microseconds grace = std::chrono::milliseconds{100};
constexpr auto stats_patience = std::chrono::seconds{1};

void end(front_state& s, std::uint64_t id, answer a) {
  const auto node = s.under_way.extract(id);
  if (node.empty())
    return; // its time was over
  s.open.remove(node.mapped().until, id);
  (*node.mapped().done)(std::move(a));
}

answer refusal(error e) {
  answer a;
  a.code = e.code;
  a.message = std::move(e.message);
  return a;
}

const cache_actor& owner_of(const front_state& s, std::string_view key) {
  const auto& shards = s.settings.shards;
  return shards[shard_of(key, shards.size())];
}

void ask(self_ptr self, front_lookup& l) {
  auto& s = self->state;
  const auto& owner = owner_of(s, l.what.about.key);
  const auto id = l.what.id;
  const auto until = self->clock().now() + microseconds{l.what.remaining_us} + grace;
  s.under_way.emplace(id, front_state::asked{std::move(l.done), l.what.about.key, until});
  s.open.add(until, id);
  wake_at(self, s.tick, s.open.next());
  self->request(owner, by_its_deadline, std::move(l.what))
    .then([self, id](answer& a) { end(self->state, id, std::move(a)); },
      [self, id](const caf::error& e) { end(self->state, id, refusal(from_caf(e))); });
}

// Answers in place of the shard, which is told that nobody waits.
void give_up(self_ptr self, std::uint64_t id, error why) {
  auto& s = self->state;
  const auto it = s.under_way.find(id);
  if (it == s.under_way.end())
    return;
  self->send(owner_of(s, it->second.key), lookup_cancel{id, it->second.key});
  end(s, id, refusal(std::move(why)));
}

void tick(self_ptr self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  if (!s.tick.rang(now))
    return;
  for (const auto id : s.open.take_due(now))
    give_up(self, id, {ec::deadline_exceeded, "no answer within the deadline"});
  wake_at(self, s.tick, s.open.next());
}

void collect(self_ptr self, const front_stats& wish) {
  struct sum {
    metrics all;
    std::size_t open;
    std::size_t silent = 0;
  };
  const auto& asked = self->state.settings.with_counters;
  auto state = std::make_shared<sum>(sum{{}, asked.size()});
  const auto ended = [state, done = wish.done] {
    if (--state->open == 0)
      (*done)(std::move(state->all), state->silent);
  };
  for (const auto& actor : asked)
    self->request(actor, stats_patience, stats_atom::value)
      .then(
        [state, ended](metrics& m) {
          state->all.insert(state->all.end(), std::make_move_iterator(m.begin()), std::make_move_iterator(m.end()));
          ended();
        },
        [state, ended](const caf::error&) {
          ++state->silent;
          ended();
        });
}

} // namespace

front_actor::behavior_type front(self_ptr self, front_settings settings) {
  self->state.settings = std::move(settings);
  self->set_exit_handler([self](const caf::exit_msg& stop) {
    while (!self->state.under_way.empty())
      end(self->state, self->state.under_way.begin()->first, refusal({ec::cancelled, "shutting down"}));
    self->quit(stop.reason);
  });
  return {
    [self](front_lookup& l) { ask(self, l); },
    [self](const front_gone& g) {
      give_up(self, g.id, {ec::cancelled, "the client has left"});
    },
    [self](const compress& c) { self->send(owner_of(self->state, c.key), c); },
    [self](const front_stats& wish) { collect(self, wish); },
    [self](tick_atom) { tick(self); },
  };
}

} // namespace troupe
