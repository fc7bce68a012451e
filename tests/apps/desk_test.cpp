// Jobs over HTTP on virtual time: what clients see, what they may do, and streams of events.
#define TEST_SUITE desk
#include "tests/apps/desk_world.hpp"

#include <thread>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr const char* gone_on = R"({"items_per_1000_s":8000,"left_ms":5000,"errors":{"not_found":2}})";

std::vector<int> up_to(int last, int first = 1) {
  std::vector<int> out;
  for (int n = first; n <= last; ++n)
    out.push_back(n);
  return out;
}

std::string last_seen(int n) {
  return "Last-Event-ID: " + std::to_string(n) + "\r\n";
}

std::string client(const std::string& address) {
  return "X-Forwarded-For: " + address + "\r\n";
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(desk_tests, desk_world)

TEST(jobs are listed newest first and page by page) {
  start();
  for (const auto* id : {"one", "two", "three"}) {
    queue(id);
    ++now_ms;
  }
  const auto page = read("/jobs?limit=2");
  REQUIRE_EQ(page["jobs"].size(), 2u);
  CHECK_EQ(page["jobs"][0]["id"], "three");
  CHECK_EQ(page["jobs"][1]["state"], "queued");
  const auto rest = read("/jobs?limit=2&cursor=" + page["next"].get<std::string>());
  REQUIRE_EQ(rest["jobs"].size(), 1u);
  CHECK_EQ(rest["jobs"][0]["id"], "one");
  CHECK(rest["next"].is_null());
  for (const auto* wrong : {"?limit=0", "?limit=1001", "?cursor=x", "?limit=%zz"})
    CHECK_EQ(ask("GET", std::string{"/jobs"} + wrong).status, 400);
}

TEST(a job shows its counts and the rate that it told last) {
  start();
  run("one", 10);
  tell("one", gone_on);
  auto job = read("/jobs/one");
  CHECK_EQ(job["state"], "running");
  CHECK_EQ(job["counts"]["items"], 10);
  CHECK_EQ(job["counts"]["rejected"], 2);
  CHECK_EQ(job["items_per_1000_s"], 8000);
  CHECK_EQ(job["left_ms"], 5000);
  CHECK_EQ(job["errors"]["not_found"], 2);
  CHECK_EQ(job["told"], noon_ms);
  // What it has done before a pause says nothing of how fast it will be.
  CHECK_EQ(ask("POST", "/jobs/one/pause").status, 200);
  pass(1h);
  value_of(jobs.renew("one", "node", now_ms, now_ms + 60'000));
  CHECK_EQ(ask("POST", "/jobs/one/resume").status, 200);
  job = read("/jobs/one");
  CHECK_EQ(job["state"], "running");
  CHECK(!job.contains("items_per_1000_s"));
  CHECK(!job.contains("left_ms"));
}

TEST(a job that is not there is a problem that says so) {
  start();
  for (const auto* path : {"/jobs/none", "/jobs/none/results", "/jobs/none/rejections", "/jobs/none/events"}) {
    const auto got = ask("GET", path);
    CHECK_EQ(got.status, 404);
    CHECK_EQ(got.field("Content-Type"), "application/problem+json");
    CHECK_EQ(json::parse(got.body)["detail"], "there is no such job");
  }
  CHECK_EQ(ask("DELETE", "/jobs/none").status, 404);
  CHECK_EQ(ask("POST", "/jobs/none/pause").status, 404);
}

TEST(a job is paused and resumed and cancelled and each only when it can be) {
  start();
  queue("one");
  CHECK_EQ(ask("POST", "/jobs/one/pause").status, 409);
  value_of(jobs.start_next("node", now_ms, now_ms + 60'000));
  auto got = ask("POST", "/jobs/one/pause");
  CHECK_EQ(got.status, 200);
  CHECK_EQ(json::parse(got.body)["state"], "paused");
  CHECK_EQ(json::parse(ask("POST", "/jobs/one/resume").body)["state"], "running");
  got = ask("DELETE", "/jobs/one");
  CHECK_EQ(got.status, 200);
  CHECK_EQ(json::parse(got.body)["state"], "cancelled");
  CHECK_EQ(kicks, 3);
  got = ask("DELETE", "/jobs/one");
  CHECK_EQ(got.status, 409);
  CHECK_EQ(json::parse(got.body)["detail"], "job one: is cancelled, cannot be cancelled");
}

TEST(results and rejections come in pages) {
  start();
  run("one", 3);
  const auto claimed = value_of(jobs.claim("one", "node", 2, now_ms));
  REQUIRE_EQ(claimed.size(), 2u);
  value_of(jobs.finish("one", "node", {{1, "hit", "", ""}, {2, "", "not_found", "nobody knows it"}}, {}, now_ms));
  const auto all = read("/jobs/one/results");
  REQUIRE_EQ(all["results"].size(), 3u);
  CHECK_EQ(all["results"][0]["how"], "hit");
  CHECK_EQ(all["results"][1]["error"]["code"], "not_found");
  CHECK_EQ(all["results"][2]["state"], "queued");
  const auto failed = read("/jobs/one/results?state=failed");
  REQUIRE_EQ(failed["results"].size(), 1u);
  CHECK_EQ(failed["results"][0]["n"], 2);
  CHECK_EQ(ask("GET", "/jobs/one/results?state=lost").status, 400);
  const auto refused = read("/jobs/one/rejections?limit=1");
  REQUIRE_EQ(refused["rejections"].size(), 1u);
  CHECK_EQ(refused["rejections"][0]["line"], 5);
  const auto next = read("/jobs/one/rejections?cursor=" + refused["next"].get<std::string>());
  REQUIRE_EQ(next["rejections"].size(), 1u);
  CHECK(next["next"].is_null());
}

TEST(what storage says is for the log alone) {
  start();
  value_of(beside->run("ALTER TABLE jobs RENAME TO elsewhere", {}));
  const auto got = ask("GET", "/jobs");
  CHECK_EQ(got.status, 503);
  CHECK_EQ(json::parse(got.body)["detail"], "the node's log says why");
  CHECK(got.body.find("table") == std::string::npos);
  CHECK(lines.has("warning Request failed: "));
  CHECK(lines.has("no such table"));
}

TEST(lesson 8 a stream shows every event once whenever and however often it is opened) {
  start();
  run("one");
  auto early = follow("one", client("1.1.1.1"));
  CHECK_EQ(early.head.status, 200);
  CHECK_EQ(early.head.field("Content-Type"), "text/event-stream");
  CHECK(early.hears("id: 1\nevent: state\n"));
  for (int i = 0; i < 250; ++i) // more than one reading takes
    value_of(jobs.append("one", "node", {0, "progress", 0, "{}"}, now_ms));
  auto late = follow("one", client("2.2.2.2"));
  tell("one");
  auto again = follow("one", client("1.1.1.1") + last_seen(200));
  auto beyond = follow("one", client("3.3.3.3") + last_seen(100'000));
  complete("one");
  auto after = follow("one");
  for (auto* each : {&early, &late, &after}) {
    CHECK(each->ends());
    CHECK(each->numbers() == up_to(254));
    CHECK(each->text.find("event: done") != std::string::npos);
  }
  CHECK(again.ends());
  CHECK(again.numbers() == up_to(254, 201));
  CHECK(beyond.ends());
  CHECK(beyond.numbers() == up_to(254, 254));
  CHECK_EQ(counted("troupe_job_streams"), 0);
  CHECK(eventually([&] { return counted("troupe_job_events_sent_total") == 3 * 254 + 54 + 1; }));
  CHECK_EQ(counted("troupe_job_events_dropped_total"), 0);
}

TEST(who has had the last event of an ended job is told to stay away) {
  start();
  run("one");
  complete("one");
  for (const auto seen : {3, 1'000}) {
    const auto got = ask("GET", "/jobs/one/events", last_seen(seen));
    CHECK_EQ(got.status, 204);
  }
  auto rest = follow("one", last_seen(2));
  CHECK(rest.ends());
  CHECK(rest.numbers() == up_to(3, 3));
  CHECK_EQ(counted("troupe_job_streams"), 0);
}

TEST(a cancelled job ends its streams with what it had done) {
  start();
  run("one", 3);
  auto stream = follow("one");
  CHECK_EQ(ask("DELETE", "/jobs/one").status, 200);
  CHECK(stream.ends());
  const auto data = stream.text.substr(stream.text.rfind("data: ") + 6);
  const auto told = json::parse(data);
  CHECK_EQ(told["state"], "cancelled");
  CHECK_EQ(told["counts"]["items"], 3);
  CHECK_EQ(told["counts"]["claimed"], 0);
}

TEST(a quiet stream has a heartbeat without a number) {
  start();
  run("one");
  auto stream = follow("one");
  CHECK(stream.hears("id: 2\n"));
  for (int i = 0; i < 15; ++i)
    pass(1s);
  CHECK(stream.hears(":\n"));
  complete("one");
  CHECK(stream.ends());
  CHECK(stream.numbers() == up_to(3));
}

TEST(events of another node are found within a second) {
  start();
  run("one");
  auto stream = follow("one");
  CHECK(stream.hears("id: 2\n"));
  value_of(jobs.append("one", "node", {0, "progress", 0, "{}"}, now_ms)); // nobody tells the desk
  pass(1s);
  CHECK(stream.hears("id: 3\n"));
}

TEST(storage is asked once for all streams of a job) {
  start();
  run("one");
  run("two");
  std::vector<event_client> all;
  for (int i = 0; i < 5; ++i)
    all.push_back(follow("one"));
  all.push_back(follow("two"));
  now_ms += 1'000;
  advance(1s);
  CHECK_EQ(held.pool()->counters().queued, 2); // one a job, and there are two
  work();
  value_of(jobs.append("one", "node", {0, "progress", 0, "{}"}, now_ms));
  caf::anon_send(actor, desk_news{"one"});
  settle();
  CHECK_EQ(held.pool()->counters().queued, 1);
  work();
  for (std::size_t i = 0; i < 5; ++i)
    CHECK(all[i].hears("id: 3\n"));
}

TEST(streams are bounded and those that are opening count) {
  settings.most_streams = 3;
  settings.most_streams_a_client = 2;
  start();
  run("one");
  auto first = send("GET", "/jobs/one/events", client("1.1.1.1"));
  auto second = send("GET", "/jobs/one/events", client("1.1.1.1"));
  auto third = send("GET", "/jobs/one/events", client("1.1.1.1"));
  auto other = send("GET", "/jobs/one/events", client("2.2.2.2"));
  auto last = send("GET", "/jobs/one/events", client("3.3.3.3"));
  work();
  CHECK_EQ(first.read_response().status, 200);
  CHECK_EQ(second.read_response().status, 200);
  const auto refused = third.read_response();
  CHECK_EQ(refused.status, 429);
  CHECK_EQ(refused.field("Retry-After"), "5");
  CHECK_EQ(other.read_response().status, 200);
  CHECK_EQ(last.read_response().status, 503);
  first.close();
  CHECK(eventually([&] {
    work();
    return counted("troupe_job_streams") == 2;
  }));
  CHECK_EQ(follow("one", client("1.1.1.1")).head.status, 200);
}

TEST(a client that reads slowly misses nothing) {
  start();
  run("one");
  const auto data = '"' + std::string(200'000, 'x') + '"'; // in all more than the kernel takes
  for (int i = 0; i < 75; ++i)
    value_of(jobs.append("one", "node", {0, "progress", 0, data}, now_ms));
  value_of(jobs.complete("one", "node", {}, now_ms));
  auto stream = follow("one");
  auto quick = follow("one", last_seen(76));
  CHECK(quick.ends()); // is not kept waiting
  CHECK_EQ(counted("troupe_job_streams"), 1);
  std::atomic<bool> ended{false};
  std::thread reader{[&] { ended = stream.ends(); }};
  CHECK(eventually([&] {
    work();
    return ended.load();
  }));
  reader.join();
  CHECK(stream.numbers() == up_to(78));
}

TEST(pages of other origins may follow a job) {
  edge.cors = cors_policy{{"https://app.example"}};
  start();
  run("one");
  const auto stream = follow("one", "Origin: https://app.example\r\n");
  CHECK_EQ(stream.head.field("Access-Control-Allow-Origin"), "https://app.example");
  CHECK(!stream.head.field("X-Response-Time").empty());
}

TEST(a desk that stops cuts its streams off so that their clients come again) {
  start();
  run("one");
  auto stream = follow("one");
  CHECK(stream.hears("id: 1\n"));
  self->send_exit(actor, caf::exit_reason::user_shutdown);
  settle();
  CHECK(!stream.ends());
}

CAF_TEST_FIXTURE_SCOPE_END()
