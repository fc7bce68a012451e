// A service and somebody who binds it, on virtual time, with what the service does in the test's hands.
#pragma once

#include "tests/support/actors.hpp"

#include "apps/services/service.hpp"

#include <algorithm>

namespace troupe::test {

using namespace std::chrono_literals;

// Whoever binds: an actor with nothing but its bindings.
struct caller_state {
  std::unique_ptr<bindings<caf::stateful_actor<caller_state>*>> bound;
};
using caller_ptr = caf::stateful_actor<caller_state>*;

struct service_world : actors {
  std::function<void(caller_ptr)> work; // for the caller to do when it is ticked
  std::vector<service_open> allowed{{"a", "WORKER_B", "", 3}, {"a", "ADMIN", "AdminEntrypoint", 3}};
  std::shared_ptr<service_definition> b = std::make_shared<service_definition>();
  std::shared_ptr<shared_binding> counted = std::make_shared<shared_binding>();
  binding_settings settings{"a", "WORKER_B", "worker-b", "", 3, {60s, 600s, 0, 2, {}, 0s}, 10s, 256, 0};
  service_front_actor front;
  caf::actor caller;
  int status = 200;     // what worker-b answers
  bool quiet = false;   // it does not answer
  bool broken = false;  // its handler throws
  bool linger = false;  // it goes on behind its answer
  int handled = 0;      // requests that reached a handler
  service_request last; // of those
  std::vector<session_ptr> sessions;

  void start() {
    b->name = "worker-b";
    b->log = lines.log;
    auto& entry = b->entrypoints[""];
    entry.fetch = [this](session_ptr me, const call_ref& call, service_request& r) {
      ++handled;
      last = r;
      if (std::find(sessions.begin(), sessions.end(), me) == sessions.end())
        sessions.push_back(me);
      if (r.path == "/release")
        return release(me);
      if (linger)
        hold(me);
      if (broken)
        throw std::runtime_error{"broken"};
      if (!quiet)
        reply(me, call.id, json_response(status, "{}"));
    };
    entry.methods["add"] = [](session_ptr me, const call_ref& call, service_call& c) {
      const auto sum = std::stoi(c.arguments.at(0).second) + std::stoi(c.arguments.at(1).second);
      reply(me, call.id, service_result{ec::none, {}, blob{std::to_string(sum)}});
    };
    entry.methods["publicMethod"] = [](session_ptr me, const call_ref& call, service_call&) {
      reply(me, call.id, service_result{ec::none, {}, blob{std::string{R"("Public API")"}}});
    };
    b->entrypoints["AdminEntrypoint"].methods["adminMethod"] = [](session_ptr me, const call_ref& call, service_call&) {
      reply(me, call.id, service_result{ec::none, {}, blob{std::string{R"("Admin API")"}}});
    };
    front = sys.spawn(service_front, std::shared_ptr<const service_definition>{b}, allowed);
    auto admin = settings;
    admin.name = "ADMIN";
    admin.entrypoint = "AdminEntrypoint";
    auto stranger = settings;
    stranger.name = "STRANGER";
    const std::vector<bound_service> bound{{settings, front, counted},
      {admin, front, std::make_shared<shared_binding>()}, {stranger, front, std::make_shared<shared_binding>()}};
    caller = sys.spawn([this, bound](caller_ptr me) -> caf::behavior {
      me->state.bound = std::make_unique<bindings<caller_ptr>>(me, bound, lines.log, 1);
      me->set_down_handler([me](const caf::down_msg& down) { me->state.bound->down(down); });
      me->set_exit_handler([me](const caf::exit_msg& stop) {
        me->state.bound->cancel();
        me->quit(stop.reason);
      });
      return {
        [me](tick_atom) { me->state.bound->tick(); },
        [this, me](stats_atom) {
          if (auto now = std::exchange(work, nullptr))
            now(me);
        },
      };
    });
    settle();
  }

  // A call's answer, once the actors have run.
  template <class Answer, class Message>
  std::shared_ptr<std::vector<Answer>> ask(const std::string& binding, Message what) {
    auto out = std::make_shared<std::vector<Answer>>();
    if (what.head.remaining_us == 0)
      what.head.remaining_us = us(5s);
    work = [=](caller_ptr me) {
      me->state.bound->call(binding, what, [out](Answer&& a) { out->push_back(std::move(a)); });
    };
    caf::anon_send(caller, stats_atom::value);
    settle();
    return out;
  }

  std::shared_ptr<std::vector<service_response>> fetch(
    const std::string& path = "/x", std::chrono::microseconds left = 5s) {
    service_request r;
    r.path = path;
    r.head.remaining_us = left.count();
    return ask<service_response>("WORKER_B", r);
  }

  std::shared_ptr<std::vector<service_result>> method(
    const std::string& binding, const std::string& name, fields arguments = {}) {
    service_call c;
    c.method = name;
    c.arguments = std::move(arguments);
    return ask<service_result>(binding, c);
  }

  ~service_world() override {
    self->send_exit(caller, caf::exit_reason::user_shutdown);
    self->send_exit(front, caf::exit_reason::user_shutdown);
    settle();
  }
};

} // namespace troupe::test
