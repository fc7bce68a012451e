// What POST /api/v1/batches takes, as text; and the whole way over HTTP and through batch_client, against the replay.
#define TEST_SUITE batches
#include "tests/support/test.hpp"

#include "apps/batches/client.hpp"
#include "apps/batches/resource.hpp"
#include "apps/node/node.hpp"
#include "apps/replay/replay.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/temp_directory.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/null_sink.h>

#include <thread>

using namespace troupe;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

batch_rules rules() {
  const batch_operation search{"search", {"q", "limit"}, {"q"}, [](const fields& params) -> result<inquiry> {
                                 inquiry i;
                                 for (const auto& [name, value] : params)
                                   if (name == "q")
                                     i.what.text = value;
                                   else if (value == "0")
                                     return fail(ec::bad_request, "limit: expected 1 to 40, got 0");
                                   else
                                     i.what.limit = std::stoi(value);
                                 return i;
                               }};
  const auto taken = [](const fields& params) -> result<inquiry> {
    inquiry i;
    i.what.params = params;
    return i;
  };
  batch_rules r;
  r.providers = {{"google", {search}}, {"openlibrary", {search}},
    {"weather", {{"now", {"city", "lang"}, {"city", "lang"}, taken}, {"alerts", {}, {}, taken}}}};
  r.max_tasks = 3;
  r.max_time = 1h;
  return r;
}

// 2026-11-21T09:30:00Z
constexpr auto now = std::chrono::microseconds{1'795'253'400'000'000};

std::string complaint(const std::string& body) {
  const auto parsed = parse_batch(body, rules(), now);
  return parsed ? "nothing" : parsed.error().message;
}

std::string one(const std::string& members) {
  return R"({"operations":[{"provider":"google","operation":"search","params":{"q":"dune"}},{)" + members + "}]}";
}

const std::string operation = R"({"provider":"google","operation":"search","params":{"q":"dune","limit":5}})";

struct world {
  test::temp_directory dir;
  std::unique_ptr<replay::server> upstream;
  std::unique_ptr<node> troupe;
  config::settings settings;

  world() {
    replay::options o;
    o.catalogue = dir.write("books.csv", "isbn13,title,authors,year,publisher,language,subjects\n"
                                         "9780441172719,Dune,Frank Herbert,1965,Ace,en,Science fiction\n"
                                         "9780261103344,The Hobbit,J. R. R. Tolkien,1937,HarperCollins,en,Fantasy\n");
    auto started = replay::server::start(o);
    REQUIRE(started.has_value());
    upstream = std::move(started.value());
    settings.http.address = {"127.0.0.1", 0};
    settings.storage.dir = dir.file("data");
    settings.limits.client.enabled = false;
    settings.limits.global = {1'000'000, 1'000'000};
    for (auto& [name, p] : settings.providers) {
      p.url.text = "http://127.0.0.1:" + std::to_string(upstream->port());
      p.rate = p.burst = 1'000'000;
      p.concurrency = 64;
    }
  }

  void start() {
    auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    auto started = node::start({settings, {}, "test", log});
    if (!started)
      CAF_FAIL(started.error().message);
    troupe = std::move(started.value());
  }

  [[nodiscard]] test::raw_response ask(std::uint16_t port, const std::string& method, const std::string& target,
    const std::string& body = {}, const std::string& lines = {}) const {
    test::raw_client client{port};
    client.send(method + " " + target + " HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size())
                + "\r\n" + lines + "Connection: close\r\n\r\n" + body);
    return client.read_response();
  }

  [[nodiscard]] test::raw_response post(
    const std::string& body, const std::string& query = {}, const std::string& lines = {}) const {
    return ask(troupe->port(), "POST", "/api/v1/batches" + query, body, lines);
  }

  [[nodiscard]] test::raw_response get(const std::string& target) const {
    test::raw_client client{troupe->port()};
    client.send("GET " + target + " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    return client.read_response();
  }

  void fault(const std::string& text) const {
    CHECK_EQ(ask(upstream->port(), "PUT", "/__replay/faults", text).status / 100, 2);
  }

  [[nodiscard]] std::int64_t upstream_calls() const {
    std::int64_t sum = 0;
    const auto stats = json::parse(ask(upstream->port(), "GET", "/__replay/stats").body);
    for (const auto* provider : {"google", "openlibrary"})
      sum += stats["calls"][provider].get<std::int64_t>();
    return sum;
  }

  ~world() {
    troupe.reset();
    upstream.reset();
  }
};

int answer_of_42() {
  return 42;
}

} // namespace

TEST(a batch is understood with its deadlines) {
  const auto b = parse_batch(R"({"name":"n","strict":true,"deadline":"2026-11-21T10:30:10+01:00","operations":[)"
                               + operation + R"(,{"provider":"openlibrary","operation":"search","timeout":"5s",)"
                               + R"("priority":"interactive","params":{"q":"emma"}}]})",
    rules(), now);
  REQUIRE(b.has_value());
  const auto& o = b.value();
  CHECK_EQ(o.name, "n");
  CHECK(o.strict);
  CHECK_EQ(o.remaining_us, 10'000'000);
  REQUIRE_EQ(o.tasks.size(), 2u);
  CHECK_EQ(o.tasks[0].what.route, "google.search");
  CHECK_EQ(o.tasks[0].what.text, "dune");
  CHECK_EQ(o.tasks[0].what.limit, 5);
  CHECK_EQ(o.tasks[0].remaining_us, 0);
  CHECK_EQ(o.tasks[1].what.route, "openlibrary.search");
  CHECK_EQ(o.tasks[1].remaining_us, 5'000'000);
}

TEST(what is wrong with a batch is said with its place) {
  CHECK(complaint("").starts_with("body: broken JSON"));
  CHECK(complaint("{\"operations\":[").starts_with("body: broken JSON"));
  CHECK(complaint(std::string(100'000, '[')).starts_with("body: broken JSON"));
  CHECK_EQ(complaint("[]"), "body: expected an object, got a list");
  CHECK_EQ(complaint("{}"), "operations: missing; expected a list");
  CHECK_EQ(complaint(R"({"operations":{}})"), "operations: expected a list, got an object");
  CHECK_EQ(complaint(R"({"operations":[]})"), "operations: expected 1 to 3, got 0");
  CHECK_EQ(complaint(R"({"operations":[1,2,3,4]})"), "operations: expected 1 to 3, got 4");
  CHECK_EQ(complaint(R"({"operations":[7]})"), "operations[0]: expected an object, got a number");
  CHECK_EQ(complaint(R"({"operation":[]})"),
    "operation: unknown; expected name, strict, timeout, deadline, priority or operations");
  CHECK_EQ(complaint(R"({"strict":true,"strict":true,"operations":[]})"), "strict: stands there twice");
  CHECK_EQ(complaint(R"({"strict":1,"operations":[]})"), "strict: expected true or false, got a number");
  CHECK_EQ(complaint(R"({"name":1,"operations":[]})"), "name: expected a text, got a number");
  CHECK_EQ(complaint(one(R"("provider":"x")")),
    "operations[1].provider: unknown provider \"x\"; expected google, openlibrary or weather");
  CHECK_EQ(complaint(one(R"("provider":"google","operation":"burn")")),
    "operations[1].operation: unknown operation \"burn\"; expected search");
  const std::string start = R"("provider":"google","operation":"search")";
  CHECK_EQ(complaint(one(start)), "operations[1].params: missing; expected an object");
  CHECK_EQ(complaint(one(start + R"(,"params":{})")), "operations[1].params.q: missing");
  CHECK_EQ(complaint(one(start + R"(,"params":{"q":["x"]})")),
    "operations[1].params.q: expected a text or a whole number, got a list");
  CHECK_EQ(
    complaint(one(start + R"(,"params":{"q":"x","limit":0})")), "operations[1].params.limit: expected 1 to 40, got 0");
  CHECK_EQ(complaint(one(start + R"(,"params":{"Q":"x"})")), "operations[1].params.Q: unknown; expected q or limit");
}

TEST(each provider takes its own operations with their own parameters) {
  const auto with = [](const std::string& operation, const std::string& rest) {
    return R"({"operations":[{"provider":"weather","operation":")" + operation + '"' + rest + "}]}";
  };
  const auto b = parse_batch(with("now", R"(,"params":{"lang":"de","city":7})"), rules(), now);
  REQUIRE(b.has_value());
  CHECK_EQ(b.value().tasks[0].what.route, "weather.now");
  CHECK(b.value().tasks[0].what.params == fields{{"lang", "de"}, {"city", "7"}});
  CHECK_EQ(complaint(with("search", R"(,"params":{"q":"x"})")),
    "operations[0].operation: unknown operation \"search\"; expected now or alerts");
  CHECK_EQ(complaint(with("now", R"(,"params":{"lang":"de"})")), "operations[0].params.city: missing");
  CHECK_EQ(complaint(with("now", R"(,"params":{"city":true,"lang":"de"})")),
    "operations[0].params.city: expected a text or a whole number, got true or false");
  CHECK_EQ(
    complaint(with("now", R"(,"params":{"town":"x"})")), "operations[0].params.town: unknown; expected city or lang");
  CHECK_EQ(complaint(with("alerts", "")), "nothing");
  CHECK_EQ(complaint(with("alerts", R"(,"params":{})")), "nothing");
  CHECK_EQ(
    complaint(with("alerts", R"(,"params":{"x":1})")), "operations[0].params.x: unknown; expected an empty object");
}

TEST(deadlines in the past or unreadable and priorities out of range are refused) {
  const auto with = [](const std::string& member) {
    return complaint("{" + member + R"(,"operations":[)" + operation + "]}");
  };
  CHECK_EQ(
    with(R"("deadline":"2026-11-21T09:29:59Z")"), "deadline: expected a time to come, got \"2026-11-21T09:29:59Z\"");
  for (const auto* bad :
    {"tomorrow", "2026-11-21", "2026-02-30T00:00:00Z", "2026-11-21T09:31:00", "2026-11-21 09:31:00Z",
      "2026-11-21T24:00:00Z", "2026-11-21T09:31:00.Z", "2026-11-21T09:31:00+1:00", "1795253400", ""})
    CHECK_EQ(with(R"("deadline":")" + std::string{bad} + '"'),
      "deadline: expected a time such as 2026-11-21T09:30:00Z, got \"" + std::string{bad} + '"');
  CHECK_EQ(with(R"("deadline":12)"), "deadline: expected a text, got a number");
  CHECK_EQ(
    with(R"("deadline":"2026-11-21T11:00:00Z")"), "deadline: expected a time within 1h, got \"2026-11-21T11:00:00Z\"");
  for (const auto* bad : {"0s", "-1s", "2h", "5", "soon", ""})
    CHECK_EQ(with(R"("timeout":")" + std::string{bad} + '"'),
      "timeout: expected a duration such as 30s, at most 1h, got \"" + std::string{bad} + '"');
  CHECK_EQ(
    with(R"("timeout":"1s","deadline":"2026-11-21T09:31:00Z")"), "deadline: expected either a timeout or a deadline");
  CHECK_EQ(with(R"("priority":"urgent")"), "priority: expected interactive, batch or warming, got \"urgent\"");
  CHECK_EQ(with(R"("priority":3)"), "priority: expected interactive, batch or warming, got a number");
  CHECK_EQ(with(R"("timeout":"1s")"), "nothing");
}

TEST(a time is read with fraction and offset) {
  CHECK_EQ(parse_time("2026-11-21T09:30:00Z").value().count(), now.count());
  CHECK_EQ(parse_time("2026-11-21T10:30:00.25+01:00").value().count(), now.count() + 250'000);
  CHECK_EQ(parse_time("2026-11-20T23:30:00.1234567-10:00").value().count(), now.count() + 123'456);
  CHECK_EQ(parse_time("1970-01-01T00:00:00Z").value().count(), 0);
}

TEST(a wish to wait is read from the query and from Prefer) {
  CHECK(wanted_wait({{"wait", "2s"}}, "wait=9").value() == 2s);
  CHECK(wanted_wait({}, "respond-async, wait=9").value() == 9s);
  CHECK(wanted_wait({}, "wait=999").value() == 60s);
  CHECK(wanted_wait({}, "await=9").value() == 0s);
  CHECK(wanted_wait({}, "wait=soon").value() == 0s);
  CHECK(!wanted_wait({{"wait", "61s"}}, "").has_value());
  CHECK(!wanted_wait({{"wait", "2"}}, "").has_value());
}

TEST(C-31 results are JSON in task order with null and the error for a failed one) {
  batch_view v;
  v.id = "b";
  v.state = batch_state::finished;
  v.tasks = 3;
  v.results = {{ec::none, {}, blob{"[1]"}, {}}, {ec::provider_timeout, "google: \xff late", {}, {}}, {}};
  const auto j = json::parse(to_json(v, 1'000));
  CHECK_EQ(j["results"][0], json({{"ok", true}, {"data", {1}}}));
  CHECK_EQ(j["results"][1]["ok"], false);
  CHECK(j["results"][1]["data"].is_null());
  CHECK_EQ(j["results"][1]["error"]["code"], "provider_timeout");
  CHECK_EQ(j["results"][1]["error"]["retryable"], true);
  CHECK(j["results"][2]["data"].is_null());
  CHECK(j["next"].is_null());
  const auto cut = json::parse(to_json(v, 10)); // a page ends early, but never empty
  CHECK_EQ(cut["results"].size(), 1u);
  CHECK_EQ(cut["next"], 1);
  v.state = batch_state::running;
  CHECK(!json::parse(to_json(v, 1'000)).contains("results"));
}

CAF_TEST_FIXTURE_SCOPE(batches_tests, world)

TEST(a posted batch runs and its results are fetched in pages) {
  start();
  const auto r = post(R"({"name":"mine","operations":[)" + operation + R"(,
    {"provider":"openlibrary","operation":"search","params":{"q":"hobbit"}},
    {"provider":"google","operation":"details","params":{"isbn":"0-441-17271-7"}},
    {"provider":"google","operation":"details","params":{"isbn":"9780306406157"}}]})");
  CHECK_EQ(r.status, 202);
  const auto location = r.field("Location");
  const auto id = json::parse(r.body)["id"].get<std::string>();
  CHECK_EQ(location, "/api/v1/batches/" + id);
  const auto done = get(location + "?wait=20s");
  CHECK_EQ(done.status, 200);
  const auto j = json::parse(done.body);
  CHECK_EQ(j["state"], "finished");
  CHECK_EQ(j["name"], "mine");
  CHECK_EQ(j["succeeded"], 4);
  CHECK_EQ(j["results"][0]["data"][0]["title"], "Dune");
  CHECK_EQ(j["results"][1]["data"][0]["title"], "The Hobbit");
  CHECK_EQ(j["results"][2]["data"]["isbn13"], "9780441172719");
  CHECK_EQ(j["results"][3], json({{"ok", true}, {"data", nullptr}})); // nobody knows it
  const auto page = json::parse(get(location + "?offset=1&limit=2").body);
  CHECK_EQ(page["results"].size(), 2u);
  CHECK_EQ(page["offset"], 1);
  CHECK_EQ(page["next"], 3);
  CHECK_EQ(get(location + "?limit=0").status, 400);
}

TEST(a client may wait for the results at once) {
  start();
  for (const auto& [query, prefer] : {std::pair{"?wait=20s", ""}, {"", "Prefer: wait=20\r\n"}}) {
    const auto r = post(R"({"operations":[)" + operation + "]}", query, prefer);
    CHECK_EQ(r.status, 200);
    CHECK_EQ(json::parse(r.body)["results"].size(), 1u);
    CHECK_EQ(r.field("Preference-Applied"), "wait=20");
  }
}

TEST(a failed operation stands beside the others and fails a strict batch) {
  start();
  fault(R"({"provider":"google","fault":"status","status":503})");
  const std::string operations =
    R"("operations":[)" + operation + R"(,{"provider":"openlibrary","operation":"search","params":{"q":"dune"}}]})";
  const auto j = json::parse(post("{" + operations, "?wait=20s").body);
  CHECK_EQ(j["state"], "finished");
  CHECK_EQ(j["results"][0]["error"]["code"], "provider_failed");
  CHECK_EQ(j["results"][1]["ok"], true);
  const auto strict = json::parse(post(R"({"strict":true,)" + operations, "?wait=20s").body);
  CHECK_EQ(strict["state"], "failed");
  CHECK(strict["error"]["message"].get<std::string>().starts_with("task 0: "));
}

TEST(an idempotency key gives the same batch for the same body alone) {
  start();
  const auto body = R"({"operations":[)" + operation + "]}";
  const std::string key = "Idempotency-Key: abc\r\n";
  const auto first = post(body, "?wait=20s", key);
  const auto again = post(body, "?wait=20s", key);
  CHECK_EQ(json::parse(again.body)["id"], json::parse(first.body)["id"]);
  CHECK_EQ(again.field("Idempotency-Replayed"), "true");
  CHECK_EQ(upstream_calls(), 1);
  const auto other = post(R"({"strict":true,"operations":[)" + operation + "]}", "", key);
  CHECK_EQ(other.status, 422);
  CHECK_EQ(other.field("Content-Type"), "application/problem+json");
  CHECK(json::parse(other.body)["detail"].get<std::string>().starts_with("Idempotency-Key: "));
  CHECK_EQ(post(body, "", "Idempotency-Key: " + std::string(256, 'x') + "\r\n").status, 400);
}

TEST(DELETE cancels a batch and whoever waits for it hears so) {
  start();
  fault(R"({"provider":"google","fault":"hang"})");
  const auto location = post(R"({"operations":[)" + operation + "]}").field("Location");
  CHECK_EQ(json::parse(get(location).body)["state"], "running");
  test::raw_client waiter{troupe->port()};
  waiter.send("GET " + location + "?wait=60s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  const auto r = ask(troupe->port(), "DELETE", location);
  CHECK_EQ(r.status, 200);
  CHECK_EQ(json::parse(r.body)["state"], "cancelled");
  const auto heard = json::parse(waiter.read_response().body);
  CHECK_EQ(heard["state"], "cancelled");
  CHECK_EQ(heard["results"][0]["error"]["code"], "cancelled");
  CHECK_EQ(ask(troupe->port(), "DELETE", location).status, 200);
}

TEST(bad input starts nothing and is a problem that names the place) {
  settings.batch.max_tasks = 2;
  start();
  for (const auto* body : {"", "{", "[]", R"({"operations":[{"provider":"x"}]})", R"({"operations":[1,2,3]})"}) {
    const auto r = post(body);
    CHECK_EQ(r.status, 400);
    CHECK_EQ(r.field("Content-Type"), "application/problem+json");
    CHECK(json::parse(r.body)["detail"].get<std::string>().find(": ") != std::string::npos);
  }
  // The second is wrong: the first is not asked either.
  CHECK_EQ(post(R"({"operations":[)" + operation + R"(,{"provider":"nobody"}]})").status, 400);
  CHECK_EQ(upstream_calls(), 0);
  CHECK_EQ(troupe->batches().pending_count().get(), 0);
  CHECK_EQ(post("{}", "?wait=1h").status, 400);
  CHECK_EQ(get("/api/v1/batches/0123456789abcdef0123456789abcdef").status, 404);
  CHECK_EQ(get("/api/v1/batches/searches").status, 404);
  const auto wrong = get("/api/v1/batches");
  CHECK_EQ(wrong.status, 405);
  CHECK_EQ(wrong.field("Allow"), "POST, OPTIONS");
  CHECK_EQ(ask(troupe->port(), "PUT", "/api/v1/batches/x").status, 405);
  test::raw_client large{troupe->port()};
  large.send("POST /api/v1/batches HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999\r\n\r\n");
  CHECK_EQ(large.read_response().status, 413);
}

TEST(100001 operations are refused and nothing is half started) {
  start();
  std::string body = R"({"operations":[)";
  for (int i = 0; i < 100'001; ++i)
    body.append(i == 0 ? "" : ",").append(operation);
  const auto r = post(body + "]}");
  CHECK_EQ(r.status, 400);
  CHECK_EQ(json::parse(r.body)["detail"], "operations: expected 1 to 100000, got 100001");
  CHECK_EQ(upstream_calls(), 0);
  CHECK_EQ(troupe->batches().pending_count().get(), 0);
}

TEST(a client has its quota of batches) {
  settings.limits.client.enabled = true;
  settings.limits.client.batches = {1, 60s};
  start();
  const auto body = R"({"operations":[)" + operation + "]}";
  CHECK_EQ(post(body).status, 202);
  const auto r = post(body);
  CHECK_EQ(r.status, 429);
  CHECK_EQ(r.field("Retry-After"), "60");
  CHECK(get("/metrics").body.find("troupe_batch_tasks_total") != std::string::npos);
}

TEST(functions run from any thread and their futures hold values) {
  start();
  auto& client = troupe->batches();
  CHECK_EQ(*value_of<int>(client.execute(call(lanes::spotify, answer_of_42)).get()), 42);
  CHECK_EQ(*value_of<std::string>(client.anthropic_call([] { return std::string{"hello"}; }).get()), "hello");
  CHECK_EQ(client.lastfm_call([]() -> int { throw std::runtime_error{"broken"}; }).get().message, "broken");
  const auto refused = client.spotify_call([]() -> result<int> { return fail(ec::not_found, "no such track"); }).get();
  CHECK(refused.code == ec::not_found);
  CHECK(value_of<int>(refused) == nullptr);
  auto tracks = client.enqueue_batch("tracks", {call("", [] { return 1; }), call("", [] { return 2; })});
  CHECK_EQ(*value_of<int>(tracks[1].get()), 2);
  const auto view = client.await_batch("tracks").get();
  REQUIRE(view.has_value());
  CHECK_EQ(*value_of<int>(view.value().results[0]), 1);
  CHECK(client.await_batch("nobody").get().error().code == ec::not_found);
  CHECK_EQ(client.pending_count().get(), 0);
}

TEST(a blocking function may execute others and wait for them at concurrency 1) {
  settings.batch.concurrency = 1;
  start();
  auto& client = troupe->batches();
  // Four levels deep, each in the one slot of its lane or batch.
  std::function<int(int)> nest = [&](int depth) -> int {
    if (depth == 0)
      return 1;
    return 1 + *value_of<int>(client.execute(call(lanes::anthropic, [&nest, depth] { return nest(depth - 1); })).get());
  };
  std::vector<blocking_call> calls;
  for (int i = 0; i < 10; ++i)
    calls.push_back(call(lanes::anthropic, [&nest] { return nest(4); }));
  const auto view = client.execute_batch(std::move(calls), "nested").get();
  REQUIRE(view.has_value());
  CHECK_EQ(view.value().succeeded, 10);
  auto outer = client.execute(call("", [&client] {
    auto inner = client.enqueue_batch("inner", {call("", [] { return 1; }), call("", [] { return 2; })});
    int sum = 0;
    for (auto& f : inner)
      sum += *value_of<int>(f.get());
    return sum;
  }));
  CHECK_EQ(*value_of<int>(outer.get()), 3);
  CHECK_EQ(client.pending_count().get(), 0);
}

TEST(a strict batch is an error and a cancelled one a state) {
  start();
  auto& client = troupe->batches();
  batch_client::options strict;
  strict.strict = true;
  const auto failed =
    client
      .execute_batch(
        {call("", [] { return 1; }), call("", []() -> int { throw std::runtime_error{"no"}; })}, "strict", strict)
      .get();
  REQUIRE(!failed.has_value());
  CHECK_EQ(failed.error().message, "task 1: no");
  std::promise<void> gate;
  auto opened = gate.get_future().share();
  auto tasks = client.enqueue_batch("slow", {call("", [opened] {
    opened.wait();
    return 1;
  })});
  CHECK(client.execute_batch({call("", [] { return 1; })}, "slow").get().error().code == ec::bad_request);
  CHECK(client.cancel("slow").get().value().state == batch_state::cancelled);
  CHECK(tasks[0].get().code == ec::cancelled);
  gate.set_value();
}

TEST(stopping the node tells everybody who waits for a batch) {
  start();
  fault(R"({"provider":"google","fault":"hang"})");
  const auto location = post(R"({"operations":[)" + operation + "]}").field("Location");
  test::raw_client waiter{troupe->port()};
  waiter.send("GET " + location + "?wait=60s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  while (json::parse(get("/health").body)["status"] != "ok") { // the request before is on its way
  }
  CHECK_EQ(json::parse(get(location).body)["state"], "running");
  std::vector<batch_task> hung(1);
  hung[0].what = {"google.search", "dune", 5, {}};
  auto task = troupe->batches().execute(hung[0], 1h);
  auto tasks = troupe->batches().enqueue_tasks("hung", hung, {});
  auto batch = troupe->batches().await_batch("hung");
  CHECK_EQ(troupe->batches().pending_count().get(), 3);
  CHECK(troupe->drain(10s));
  CHECK(waiter.read_response().status > 0);
  CHECK(task.get().code == ec::cancelled);
  CHECK(batch.get().value().state == batch_state::cancelled);
}

CAF_TEST_FIXTURE_SCOPE_END()
