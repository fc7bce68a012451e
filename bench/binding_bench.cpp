// What a call of a service through its binding costs: of a trivial method and a trivial fetch between busy actors, from
// idle, and across two processes over CAF's network, beside the same call by HTTP over loopback on a kept connection.
// Prints one JSON line a case. Usage: binding_bench
#include "bench/must.hpp"

#include "actors/http_client/http_loop.hpp"
#include "apps/http/server.hpp"
#include "apps/services/service.hpp"
#include "messages/all_types.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/middleman.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <spdlog/sinks/null_sink.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace troupe;
using clock_type = std::chrono::steady_clock;

struct system_config : caf::actor_system_config {
  explicit system_config(bool with_network) {
    troupe::add_message_types(*this);
    set("scheduler.policy", caf::atom("stealing")); // as a node has it
    if (with_network)
      load<caf::io::middleman>();
  }
};

double us_since(clock_type::time_point start) {
  return std::chrono::duration<double, std::micro>(clock_type::now() - start).count();
}

void print(const char* name, const char* unit, double value) {
  std::printf("{\"case\":\"%s\",\"%s\":%.2f}\n", name, unit, value);
  std::fflush(stdout);
}

std::shared_ptr<spdlog::logger> no_log() {
  return std::make_shared<spdlog::logger>("bench", std::make_shared<spdlog::sinks::null_sink_mt>());
}

// The service that is called.
service_front_actor spawn_service(caf::actor_system& in) {
  auto def = std::make_shared<service_definition>();
  def->name = "callee";
  def->log = no_log();
  auto& entry = def->entrypoints[""];
  entry.fetch = [](session_ptr me, const call_ref& call, service_request&) {
    reply(me, call.id, json_response(200, "{}"));
  };
  entry.methods["ping"] = [](session_ptr me, const call_ref& call, service_call&) {
    reply(me, call.id, service_result{ec::none, {}, blob{std::string{"true"}}});
  };
  return in.spawn(service_front, std::shared_ptr<const service_definition>{def},
    std::vector<service_open>{{"caller", "CALLEE", {}, 3}});
}

constexpr std::int64_t patience_us = 5'000'000;

struct method_form {
  using answer = service_result;
  static service_call message() {
    service_call c;
    c.method = "ping";
    c.head.remaining_us = patience_us;
    return c;
  }
};

struct fetch_form {
  using answer = service_response;
  static service_request message() {
    service_request r;
    r.path = "/ping";
    r.head.remaining_us = patience_us;
    return r;
  }
};

struct caller_state {
  using self_ptr = caf::stateful_actor<caller_state>*;
  std::unique_ptr<bindings<self_ptr>> bound;
  int left = 0;      // calls to start
  int under_way = 0; // calls that were not answered yet
  int failed = 0;
  std::function<void()> resume; // what the next tick from idle goes on with
};
using caller_ptr = caller_state::self_ptr;

void check(const caller_state& s) {
  if (s.failed == 0)
    return;
  std::fprintf(stderr, "the benchmark ends: %d calls failed\n", s.failed);
  std::exit(1);
}

// Starts the next call, and that one the next: `done` is called when all have been answered.
template <class Form>
void next_call(caller_ptr me, const std::shared_ptr<std::function<void()>>& done) {
  auto& s = me->state;
  --s.left;
  ++s.under_way;
  s.bound->call("CALLEE", Form::message(), [me, done](typename Form::answer&& a) {
    auto& mine = me->state;
    mine.failed += a.code == ec::none ? 0 : 1;
    --mine.under_way;
    if (mine.left > 0)
      next_call<Form>(me, done);
    else if (mine.under_way == 0)
      (*done)();
  });
}

// A second service's actor, as far as bindings are concerned. Runs `work` inside it and waits for what it promises.
template <class Work>
double inside_caller(caf::actor_system& in, const service_front_actor& front, Work work) {
  std::promise<double> result;
  const auto caller = in.spawn([&](caller_ptr me) -> caf::behavior {
    binding_settings s;
    s.caller = "caller";
    s.name = "CALLEE";
    s.concurrency = 2'000;
    me->state.bound = std::make_unique<bindings<caller_ptr>>(
      me, std::vector<bound_service>{{s, front, std::make_shared<shared_binding>()}}, no_log(), 1);
    me->set_down_handler([me](const caf::down_msg& down) { me->state.bound->down(down); });
    work(me, result);
    return {
      [me](tick_atom) { me->state.bound->tick(); },
      [me](flush_atom) { // the next of those from idle
        if (const auto then = std::exchange(me->state.resume, nullptr))
          then();
      },
    };
  });
  const auto value = result.get_future().get();
  caf::anon_send_exit(caller, caf::exit_reason::user_shutdown);
  return value;
}

// Microseconds a call, one at a time.
template <class Form>
double sequential_us(caf::actor_system& in, const service_front_actor& front, int rounds) {
  return inside_caller(in, front, [rounds](caller_ptr me, std::promise<double>& result) {
    me->state.left = 1'000; // opens the session, and warms up
    next_call<Form>(me, std::make_shared<std::function<void()>>([=, &result] {
      me->state.left = rounds;
      const auto start = clock_type::now();
      next_call<Form>(me, std::make_shared<std::function<void()>>([=, &result] {
        const auto took = us_since(start);
        check(me->state);
        result.set_value(took / rounds);
      }));
    }));
  });
}

// Calls a second, so many at a time.
template <class Form>
double pipelined_rate(caf::actor_system& in, const service_front_actor& front, int rounds, int at_once) {
  return inside_caller(in, front, [=](caller_ptr me, std::promise<double>& result) {
    me->state.left = 1'000;
    next_call<Form>(me, std::make_shared<std::function<void()>>([=, &result] {
      me->state.left = rounds;
      const auto start = clock_type::now();
      const auto done = std::make_shared<std::function<void()>>([=, &result] {
        const auto took = us_since(start);
        check(me->state);
        result.set_value(rounds / took * 1e6);
      });
      for (int i = 0; i < at_once; ++i)
        next_call<Form>(me, done);
    }));
  });
}

// The median of calls that each find the process asleep.
double idle_us(caf::actor_system& in, const service_front_actor& front) {
  constexpr int rounds = 100;
  return inside_caller(in, front, [](caller_ptr me, std::promise<double>& result) {
    struct loop {
      static void go(caller_ptr self, const std::shared_ptr<std::vector<double>>& all, std::promise<double>* out) {
        if (all->size() == rounds) {
          std::sort(all->begin(), all->end());
          check(self->state);
          return out->set_value((*all)[rounds / 2]);
        }
        self->state.resume = [=] {
          const auto start = clock_type::now();
          self->state.bound->call("CALLEE", method_form::message(), [=](service_result&& a) {
            all->push_back(us_since(start));
            self->state.failed += a.code == ec::none ? 0 : 1;
            go(self, all, out);
          });
        };
        self->delayed_send(self, std::chrono::milliseconds{20}, flush_atom::value); // every worker sleeps by then
      }
    };
    loop::go(me, std::make_shared<std::vector<double>>(), &result);
  });
}

class constant final : public http::handler {
public:
  void handle(http::exchange e) override {
    http::response r;
    r.head = "Content-Type: application/json\r\n";
    r.body = body_;
    e.answer(std::move(r));
  }

private:
  blob body_{std::string{"{}"}};
};

double http_us(int rounds) {
  constant h;
  auto server = must(http::server::start("127.0.0.1", 0, 1, {}, h));
  http_loop client;
  const auto url = "http://127.0.0.1:" + std::to_string(server.port()) + "/ping";
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

// The other process: publishes the service's front on loopback, says where, and ends with its standard input.
int serve() {
  system_config config{true};
  caf::actor_system system{config};
  const auto front = spawn_service(system);
  const auto port = system.middleman().publish(front, 0, "127.0.0.1");
  if (!port) {
    std::fprintf(stderr, "publish: %s\n", to_string(port.error()).c_str());
    return 1;
  }
  std::cout << *port << std::endl;
  std::string line;
  std::getline(std::cin, line);
  caf::anon_send_exit(front, caf::exit_reason::user_shutdown);
  std::_Exit(0); // the sessions are the other process's, which is gone
}

struct other_process {
  pid_t pid = -1;
  int its_input = -1;
  std::uint16_t port = 0;

  explicit other_process(const char* program) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe(in.data()) != 0 || ::pipe(out.data()) != 0)
      std::exit(1);
    pid = ::fork();
    if (pid == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      for (const int fd : {in[0], in[1], out[0], out[1]})
        ::close(fd);
      ::execl(program, program, "--serve", nullptr);
      std::_Exit(1);
    }
    ::close(in[0]);
    ::close(out[1]);
    its_input = in[1];
    std::array<char, 16> text{};
    if (::read(out[0], text.data(), text.size() - 1) > 0)
      port = static_cast<std::uint16_t>(std::atoi(text.data()));
    ::close(out[0]);
  }
  other_process(const other_process&) = delete;
  other_process& operator=(const other_process&) = delete;
  ~other_process() {
    ::close(its_input);
    ::waitpid(pid, nullptr, 0);
  }
};

int across_processes() {
  const other_process peer{"/proc/self/exe"};
  system_config config{true};
  caf::actor_system system{config};
  const auto front = system.middleman().remote_actor<service_front_actor>("127.0.0.1", peer.port);
  if (!front) {
    std::fprintf(stderr, "remote_actor: %s\n", to_string(front.error()).c_str());
    return 1;
  }
  print("binding_method_across_processes", "us", sequential_us<method_form>(system, *front, 5'000));
  print("binding_fetch_across_processes", "us", sequential_us<fetch_form>(system, *front, 5'000));
  print("binding_method_across_processes_1000_at_once", "calls_s",
    pipelined_rate<method_form>(system, *front, 200'000, 1'000));
  print("binding_fetch_across_processes_1000_at_once", "calls_s",
    pipelined_rate<fetch_form>(system, *front, 200'000, 1'000));
  return 0;
}

void in_one_process() {
  system_config config{false};
  caf::actor_system system{config};
  const auto front = spawn_service(system);
  constexpr int rounds = 200'000;
  const auto method = sequential_us<method_form>(system, front, rounds);
  const auto fetch = sequential_us<fetch_form>(system, front, rounds);
  print("binding_method_busy", "us", method);
  print("binding_fetch_busy", "us", fetch);
  print("binding_method_idle", "us", idle_us(system, front));
  const auto http = http_us(5'000);
  print("binding_http_loopback", "us", http);
  print("binding_http_over_fetch", "ratio", http / fetch);
  caf::anon_send_exit(front, caf::exit_reason::user_shutdown);
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--serve") == 0)
    return serve();
  in_one_process();
  return across_processes();
}
