// Schedules over HTTP: what operators see of a node's, and who may not.
#define TEST_SUITE schedules
#include "tests/support/test.hpp"

#include "apps/config/secrets.hpp"
#include "apps/node/node.hpp"
#include "apps/node/schedules.hpp"
#include "apps/schedules/resource.hpp"
#include "storage/schedules_repository.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/temp_directory.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/null_sink.h>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

struct world {
  test::temp_directory dir;
  config::settings settings;
  config::secrets secrets;
  std::unique_ptr<node> troupe;

  world() {
    settings.http.address = {"127.0.0.1", 0};
    settings.storage.dir = dir.file("data");
    settings.limits.client.enabled = false;
    // In January of any year, so that nothing is due while the test runs, unless it is asked for.
    settings.schedules = {
      {"night", "0 2 1 1 *", "verify", "Europe/Berlin", config::missed_runs::skip}, {"warm", "0 0 1 1 *", "warm"}};
  }

  void start() {
    auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    auto started = node::start({settings, secrets, "test", log});
    if (!started)
      CAF_FAIL(started.error().message);
    troupe = std::move(started.value());
  }

  [[nodiscard]] test::raw_response ask(
    const std::string& method, const std::string& target, const std::string& lines = {}) const {
    test::raw_client client{troupe->port()};
    client.send(
      method + " " + target + " HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n" + lines + "Connection: close\r\n\r\n");
    return client.read_response();
  }

  /// Begins a run. Until the node has read what its last life left, it says 503.
  [[nodiscard]] test::raw_response begin(const std::string& name, const std::string& lines = {}) const {
    test::raw_response got;
    CHECK(test::eventually([&] { return (got = ask("POST", "/schedules/" + name + "/run", lines)).status != 503; }));
    return got;
  }

  [[nodiscard]] json read(const std::string& target) const {
    const auto got = ask("GET", target);
    CHECK_EQ(got.status, 200);
    return json::parse(got.body);
  }
};

} // namespace

TEST(operators see the schedules and begin a run and read what became of it) {
  world w;
  w.start();
  const auto all = w.read("/schedules")["schedules"];
  REQUIRE_EQ(all.size(), 2u);
  CHECK_EQ(all[0]["name"], "night");
  CHECK_EQ(all[0]["cron"], "0 2 1 1 *");
  CHECK_EQ(all[0]["zone"], "Europe/Berlin");
  CHECK(all[0]["next"].get<std::string>().ends_with("-01-01T01:00:00.000Z")); // two o'clock in Berlin's winter
  CHECK(all[0]["last"].is_null());
  CHECK_EQ(all[0]["under_way"], false);
  const auto begun = w.begin("warm");
  CHECK_EQ(begun.status, 202);
  CHECK_EQ(begun.field("Location"), "/schedules/warm/runs");
  const auto run = json::parse(begun.body);
  CHECK_EQ(run["schedule"], "warm");
  CHECK_EQ(run["run"], 1);
  CHECK_EQ(run["cause"], "manual");
  CHECK_EQ(run["outcome"], "running");
  CHECK(run["ended"].is_null());
  CHECK(test::eventually([&] { return !w.read("/schedules")["schedules"][1]["under_way"].get<bool>(); }));
  const auto second = w.begin("warm");
  CHECK_EQ(second.status, 202);
  CHECK(test::eventually([&] { return !w.read("/schedules")["schedules"][1]["under_way"].get<bool>(); }));
  const auto page = w.read("/schedules/warm/runs?limit=1");
  REQUIRE_EQ(page["runs"].size(), 1u);
  CHECK_EQ(page["runs"][0]["run"], 2);
  CHECK_EQ(page["runs"][0]["outcome"], "ok");
  const auto rest = w.read("/schedules/warm/runs?limit=1&cursor=" + page["next"].get<std::string>());
  REQUIRE_EQ(rest["runs"].size(), 1u);
  CHECK_EQ(rest["runs"][0]["run"], 1);
  CHECK(rest["next"].is_null());
  CHECK(w.ask("GET", "/metrics").body.find(R"(troupe_schedule_runs_total{schedule="warm",outcome="ok"} 2)")
        != std::string::npos);
}

TEST(what cannot be is a problem that says so) {
  world w;
  w.start();
  const auto problem = [&](const std::string& method, const std::string& target, int status) {
    const auto got = w.ask(method, target);
    CHECK_EQ(got.status, status);
    CHECK_EQ(got.field("Content-Type"), "application/problem+json");
    return json::parse(got.body)["detail"].get<std::string>();
  };
  CHECK_EQ(problem("POST", "/schedules/none/run", 404), "schedule none: there is none");
  CHECK_EQ(problem("GET", "/schedules/none/runs", 404), "schedule none: there is none");
  CHECK_EQ(
    problem("GET", "/schedules/warm/runs?limit=0", 400), "limit: expected a whole number from 1 to 1000, got \"0\"");
  problem("GET", "/schedules/warm/runs?cursor=x", 400);
  CHECK_EQ(w.ask("GET", "/schedules/warm/run").status, 405);
}

TEST(a run is refused while one is under way) {
  schedule_views all{{"warm", "@daily", "UTC", 0, {}, true}};
  CHECK_EQ(to_json(all),
    R"({"schedules":[{"name":"warm","cron":"@daily","zone":"UTC","next":null,"under_way":true,"last":null}]})");
  // Another node's run, as the shared tables tell of it.
  world w;
  w.start();
  w.troupe.reset();
  {
    auto db = storage::sqlite::database::open({.path = w.settings.storage.dir + "/troupe.db"});
    REQUIRE(db.has_value());
    const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
    auto schedules = storage::schedules_repository{*db.value()};
    REQUIRE(schedules.begin("warm", now, run_cause::manual, "elsewhere", now, now + 600'000).has_value());
  }
  w.start();
  const auto got = w.begin("warm");
  CHECK_EQ(got.status, 409);
  CHECK_EQ(json::parse(got.body)["title"], "Conflict");
  CHECK_EQ(json::parse(got.body)["detail"], "schedule warm: its previous run is under way");
  CHECK_EQ(w.read("/schedules")["schedules"][1]["under_way"], true);
}

TEST(with an admin token schedules and metrics are for those who have it alone) {
  world w;
  w.secrets.admin_token = config::secret{"t0ken"};
  w.start();
  for (const auto* path : {"/schedules", "/schedules/warm/runs", "/metrics"}) {
    const auto refused = w.ask("GET", path);
    CHECK_EQ(refused.status, 401);
    CHECK_EQ(refused.field("WWW-Authenticate"), "Bearer");
    CHECK_EQ(w.ask("GET", path, "Authorization: Bearer wrong\r\n").status, 401);
    CHECK_EQ(w.ask("GET", path, "Authorization: Bearer t0ken\r\n").status, 200);
  }
  CHECK_EQ(w.begin("warm").status, 401);
  CHECK_EQ(w.begin("warm", "Authorization: Bearer t0ken\r\n").status, 202);
}

TEST(without an admin token a trusted proxy on this machine operates for nobody else) {
  world w;
  w.settings.http.trusted_proxies.list = {"127.0.0.1"};
  w.start();
  for (const auto* path : {"/schedules", "/metrics"}) {
    CHECK_EQ(w.ask("GET", path).status, 200);
    CHECK_EQ(w.ask("GET", path, "X-Forwarded-For: ::1\r\n").status, 200);
    for (const auto* from : {"X-Forwarded-For: 8.8.8.8\r\n", "CF-Connecting-IP: 8.8.8.8\r\n"}) {
      const auto refused = w.ask("GET", path, from);
      CHECK_EQ(refused.status, 403);
      CHECK(!refused.field("X-Trace-Id").empty());
    }
  }
}

TEST(what streams and uploads count is told with the rest) {
  world w;
  w.start();
  const auto all = w.ask("GET", "/metrics").body;
  for (const auto* name : {"troupe_http_streams", "troupe_http_streams_cut_total", "troupe_uploads_held_bytes",
         "troupe_uploads_under_way", "troupe_job_streams", "troupe_job_events_dropped_total"})
    CHECK(all.find("\n" + std::string{name} + " 0\n") != std::string::npos);
}

TEST(S2-29 the built-in schedules come when they should) {
  const auto defaults = config::default_schedules();
  REQUIRE_EQ(defaults.size(), 3u);
  const auto noon = schedule_book::time{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 12h + 7ms};
  CHECK(*to_schedule(defaults[0]).next(noon) == noon - 7ms + 15min);
  CHECK(*to_schedule(defaults[1]).next(noon) == noon - 7ms + 14h);
  CHECK(*to_schedule(defaults[2]).next(noon) == noon - 7ms + 15h + 30min);
}
