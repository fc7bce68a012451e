#include "apps/bridge/front.hpp"

#include <string_view>

namespace troupe {
namespace {

using self_ptr = front_actor::stateful_pointer<front_state>;
using std::chrono::microseconds;

// The shard and all behind it keep the deadline themselves; this only bounds the wait for one that is gone.
constexpr microseconds grace = std::chrono::seconds{2};
constexpr auto stats_patience = std::chrono::seconds{1};

void ask(self_ptr self, front_lookup& l) {
  const auto& shards = self->state.settings.shards;
  const auto& owner = shards[std::hash<std::string_view>{}(l.what.about.key) % shards.size()];
  const auto timeout = microseconds{l.what.remaining_us} + grace;
  self->request(owner, timeout, std::move(l.what))
    .then([done = l.done](answer& a) { (*done)(std::move(a)); },
      [done = l.done](const caf::error& e) {
        auto error = from_caf(e);
        answer a;
        a.code = error.code;
        a.message = std::move(error.message);
        (*done)(std::move(a));
      });
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
  return {
    [self](front_lookup& l) { ask(self, l); },
    [self](const front_stats& wish) { collect(self, wish); },
  };
}

} // namespace troupe
