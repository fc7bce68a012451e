// A provider between a limiter and an HTTP client that do as a test says.
#pragma once

#include "actors/provider/provider.hpp"
#include "tests/support/actors.hpp"

namespace troupe::test {

using namespace std::chrono_literals;

struct words final : records {
  [[nodiscard]] std::size_t count() const noexcept override { return 1; }
};

// A limiter that grants at once and an upstream that says what the test tells it; both count.
struct provider_world : actors {
  std::int64_t granted = 0;
  std::int64_t released = 0;
  std::int64_t paused_us = 0;
  std::vector<http_request> requests;
  std::vector<std::uint64_t> aborted;
  http_response response;
  bool hang = false;
  caf::optional<caf::error> death;

  bool withhold = false; // the limiter's permits
  std::vector<caf::typed_response_promise<permit>> withheld;
  std::vector<std::uint64_t> withdrawn;
  std::vector<permit_request> wanted;
  rate_limiter_actor::pointer limiter_me = nullptr;

  rate_limiter_actor limiter = sys.spawn([this](rate_limiter_actor::pointer me) -> rate_limiter_actor::behavior_type {
    limiter_me = me;
    return {
      [this](const permit_request& r) -> caf::result<permit> {
        wanted.push_back(r);
        if (withhold) {
          withheld.push_back(limiter_me->make_response_promise<permit>());
          return withheld.back();
        }
        return permit{static_cast<std::uint64_t>(++granted), 0};
      },
      [this](const permit_withdraw& w) { withdrawn.push_back(w.id); },
      [this](const permit_release&) { ++released; },
      [this](const lane_pause& p) { paused_us = p.pause_us; },
      [](tick_atom) {},
      [this](stats_atom) { return run_inside(); },
    };
  });

  http_client_actor http = sys.spawn([this](http_client_actor::pointer me) -> http_client_actor::behavior_type {
    return {
      [this, me](const http_request& r) -> caf::result<http_response> {
        requests.push_back(r);
        if (!hang)
          return response;
        held.push_back(me->make_response_promise<http_response>());
        return held.back();
      },
      [this](const http_abort& a) { aborted.push_back(a.id); },
      [](const transfer_done&) {},
      [this](stats_atom) { return run_inside(); },
    };
  });
  std::vector<caf::typed_response_promise<http_response>> held;

  // An API whose answers mean what their status says.
  static provider_settings plain_settings() {
    provider_settings s;
    s.api = std::make_shared<upstream_api>(upstream_api{"google",
      [](const question& q, const std::string& key) {
        return upstream_request{"/find?q=" + q.text + "&key=" + key, {{"Accept", "application/json"}}};
      },
      [](const question&, const http_response& r) -> result<records_ptr> {
        if (r.status == 599)
          throw std::runtime_error{"a bug in a mapper"};
        if (r.status == 429)
          return fail(ec::provider_limited, "quota");
        if (r.status >= 500)
          return fail(ec::provider_failed, "status 503");
        if (r.body.view() == "crash")
          throw std::runtime_error{"mapper"};
        return records_ptr{std::make_shared<words>()};
      }});
    s.url = "http://upstream";
    s.key = "k";
    return s;
  }

  provider_settings settings = plain_settings();

  provider_actor life;

  supervisor_actor boss = sys.spawn([this](supervisor_actor::pointer) -> supervisor_actor::behavior_type {
    return {[this](const provider_drains& d) { drains.push_back(d.generation); }};
  });
  std::vector<std::uint64_t> drains;

  provider_actor start() {
    life = sys.spawn(provider, settings, std::uint64_t{7}, provider_peers{boss, limiter, http});
    self->monitor(life);
    return life;
  }

  struct ending {
    ec code = ec::none;
    std::int32_t records = -1;
    std::int32_t attempts = 0;
    std::int64_t upstream_us = 0;
    std::int64_t waited_us = 0;
  };

  provider_call plain(std::uint64_t generation = 7, std::chrono::microseconds remaining = 5s) {
    return {generation, ++last_id, {"search", "dune", 3, "00-trace"}, remaining.count(), 0, 1, 0, false};
  }
  std::uint64_t last_id = 0;

  // Sends a call; its ending is there once the actors have run.
  std::shared_ptr<ending> call(std::uint64_t generation = 7, std::chrono::microseconds remaining = 5s) {
    return call(plain(generation, remaining));
  }

  std::shared_ptr<ending> call(const provider_call& what) {
    auto out = std::make_shared<ending>();
    out->code = ec::internal;
    sys.spawn([=, to = life](caf::event_based_actor* caller) {
      caller->request(to, caf::infinite, what)
        .then(
          [out](const provider_answer& a) {
            *out = {a.code, a.found ? static_cast<std::int32_t>(a.found->count()) : -1, a.costs.attempts, a.upstream_us,
              a.waited_us};
          },
          [out](const caf::error& e) {
            *out = {from_caf(e).code, -1, 0, 0, 0};
          });
    });
    settle();
    return out;
  }

  bool died() {
    bool down = false;
    self->receive([&](const caf::down_msg&) { down = true; }, caf::after(0s) >> [] {});
    return down;
  }

  ~provider_world() override {
    self->send_exit(life, caf::exit_reason::user_shutdown);
    self->send_exit(boss, caf::exit_reason::user_shutdown);
  }
};

} // namespace troupe::test
