// What a message between actors costs, busy and from idle, beside an HTTP call over loopback on a kept connection.
// Prints one JSON line a case. Usage: actors_bench [URL]
#include "actors/http_client/http_loop.hpp"
#include "messages/all_types.hpp"
#include "messages/provider.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace troupe;
using clock_type = std::chrono::steady_clock;

struct system_config : caf::actor_system_config {
  system_config() {
    troupe::add_message_types(*this);
    set("scheduler.policy", caf::atom("stealing")); // as a node has it
  }
};

double us_since(clock_type::time_point start) {
  return std::chrono::duration<double, std::micro>(clock_type::now() - start).count();
}

// One actor asks the next thing once it has its answer: the round trip of two busy actors.
double busy_round_trip_us(caf::actor_system& system, const provider_actor& to, int rounds) {
  std::promise<double> done;
  system.spawn([&](caf::event_based_actor* self) {
    struct loop {
      static void ask(caf::event_based_actor* me, const provider_actor& who, int left, clock_type::time_point since,
        int all, std::promise<double>* out) {
        if (left == 0)
          return out->set_value(us_since(since) / all);
        // As all actors here ask each other: the deadline is in a book of their own (actors/timer).
        me->request(who, caf::infinite, provider_call{1, 1, {"search", "dune", 20, {}}, 1'000'000})
          .then([=](const provider_answer&) { ask(me, who, left - 1, since, all, out); });
      }
    };
    loop::ask(self, to, rounds, clock_type::now(), rounds, &done);
  });
  return done.get_future().get();
}

double idle_round_trip_us(caf::actor_system& system, const provider_actor& to) {
  caf::scoped_actor self{system};
  std::vector<double> all;
  for (int i = 0; i < 100; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20}); // long enough for every worker to sleep
    const auto start = clock_type::now();
    self->request(to, std::chrono::seconds{5}, provider_call{1, 1, {"search", "dune", 20, {}}, 1'000'000})
      .receive([](const provider_answer&) {}, [](const caf::error&) {});
    all.push_back(us_since(start));
  }
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

double http_round_trip_us(const std::string& url, int rounds) {
  http_loop client;
  const auto once = [&] {
    std::promise<void> done;
    http_request r;
    r.url = url;
    client.start(std::move(r), [&](const http_response&) { done.set_value(); });
    done.get_future().wait();
  };
  once(); // opens the connection
  const auto start = clock_type::now();
  for (int i = 0; i < rounds; ++i)
    once();
  return us_since(start) / rounds;
}

} // namespace

int main(int argc, char** argv) {
  system_config config;
  caf::actor_system system{config};
  auto echo = system.spawn([](provider_actor::pointer) -> provider_actor::behavior_type {
    return {
      [](const provider_call& c) {
        return provider_answer{c.generation, nullptr, 0, {}, 0, ec::none, {}};
      },
      [](const provider_cancel&) {},
      [](const provider_hurry&) {},
      [](provider_drain) {},
      [](const mapped&) {},
      [](tick_atom) {},
    };
  });
  std::printf(R"({"case":"actor_round_trip_busy","us":%.2f})"
              "\n",
    busy_round_trip_us(system, echo, 200'000));
  std::printf(R"({"case":"actor_round_trip_idle","us":%.1f})"
              "\n",
    idle_round_trip_us(system, echo));
  if (argc > 1)
    std::printf(R"({"case":"http_round_trip_loopback","us":%.1f})"
                "\n",
      http_round_trip_us(argv[1], 5'000));
  caf::anon_send_exit(echo, caf::exit_reason::user_shutdown);
  return 0;
}
