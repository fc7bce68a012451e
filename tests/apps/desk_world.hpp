// The desk of jobs on virtual time, behind a real bridge and real sockets, over a real database. CAF's deterministic
// scheduler knows no thread but the test's: what the server's thread has for the desk waits until the test hands it on.
#pragma once

#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "apps/http/chunked.hpp"
#include "apps/warmer/desk.hpp"
#include "storage/jobs_repository.hpp"
#include "storage/migrations.hpp"
#include "storage/sqlite/database.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/held_pool.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/results.hpp"
#include "tests/support/temp_directory.hpp"

#include <nlohmann/json.hpp>

#include <deque>
#include <mutex>

namespace troupe::test {

using namespace std::chrono_literals;
using json = nlohmann::json;

/// A client of a stream of events.
struct event_client {
  explicit event_client(raw_client c) : wire{std::move(c)} {}

  raw_client wire;
  raw_response head;
  std::string text; // so far, out of its chunks
  bool complete = false;

  /// Reads until the stream has said this; false when it ends before.
  bool hears(std::string_view what) {
    while (text.find(what) == std::string::npos)
      if (!read())
        return text.find(what) != std::string::npos;
    return true;
  }
  /// Reads to the end, and says whether it is one that was meant.
  bool ends() {
    while (read()) {
    }
    return complete;
  }
  /// The events' numbers in the order in which they came.
  [[nodiscard]] std::vector<int> numbers() const {
    std::vector<int> out;
    for (auto at = text.find("id: "); at != std::string::npos; at = text.find("\nid: ", at))
      out.push_back(std::atoi(text.c_str() + (at = text.find(' ', at))));
    return out;
  }

private:
  bool read() {
    const auto piece = complete ? std::string{} : wire.read_some();
    complete = complete || (!piece.empty() && decoder_.feed(piece, text, std::string::npos).done);
    return !piece.empty();
  }
  http::chunked_decoder decoder_;
};

struct desk_world : actors {
  static constexpr std::int64_t noon_ms = 1'700'000'000'000;

  temp_directory dir;
  held_pool held{create(), 1'000};
  std::unique_ptr<storage::sqlite::database> beside = open();
  storage::jobs_repository jobs{*beside};
  std::int64_t now_ms = noon_ms;
  int kicks = 0;
  desk_settings settings;
  route_edge edge;
  desk_actor actor;
  std::unique_ptr<bridge> routes;
  std::optional<http::server> server;

  desk_world() {
    settings.pool = held.pool();
    settings.now_ms = [this] { return now_ms; };
    settings.log = lines.log;
  }

  void start() {
    actor = sys.spawn(desk, settings);
    caf::anon_send(actor, desk_runner{[this] { ++kicks; }});
    settle();
    bridge_settings b;
    b.resources = desk_resources({{1'000'000, 1s}, edge}, actor);
    for (auto& r : b.resources)
      r.handle = [this, desk = std::move(r.handle)](visit v) { on_visit(desk, std::move(v)); };
    b.trusted_proxies = address_ranges{{"127.0.0.1"}}; // X-Forwarded-For says who asks
    b.log = lines.log;
    routes = value_of(bridge::make(std::move(b), {}));
    server.emplace(value_of(http::server::start("127.0.0.1", 0, 1, {}, *routes)));
  }

  ~desk_world() override {
    if (actor)
      self->send_exit(actor, caf::exit_reason::user_shutdown);
    settle();
    server.reset();
    handed_.clear();
  }

  /// All that can go on without the clock, and without what is on its way from a client.
  void work() {
    for (int i = 0; i < 4; ++i) {
      hand_on();
      settle();
      held.work();
    }
    settle();
  }

  void pass(std::chrono::milliseconds by) {
    now_ms += by.count();
    advance(by);
    work();
  }

  /// Sends a request and waits until the desk may have it.
  [[nodiscard]] raw_client send(const std::string& method, const std::string& target, const std::string& fields = {}) {
    const auto before = visits();
    raw_client client{server->port()};
    client.send(method + " " + target + " HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n" + fields + "\r\n");
    CHECK(eventually([&] { return visits() > before; }));
    return client;
  }

  [[nodiscard]] raw_response ask(const std::string& method, const std::string& target, const std::string& fields = {}) {
    auto client = send(method, target, fields);
    work();
    return client.read_response();
  }

  [[nodiscard]] json read(const std::string& target) {
    const auto got = ask("GET", target);
    CHECK_EQ(got.status, 200);
    return json::parse(got.body);
  }

  [[nodiscard]] event_client follow(const std::string& job, const std::string& fields = {}) {
    event_client out{send("GET", "/jobs/" + job + "/events", fields)};
    work();
    out.head = out.wire.read_response();
    return out;
  }

  /// A job that runs at "node" with so many items; it has told two events.
  void run(const std::string& id, std::int64_t items = 0) {
    queue(id);
    CHECK_EQ(value_of(jobs.start_next("node", now_ms, now_ms + 60'000))->id, id);
    if (items == 0)
      return;
    parsed_rows rows;
    for (std::int64_t n = 1; n <= items; ++n)
      rows.items.push_back({n, "title", "Title " + std::to_string(n)});
    rows.rejections = {{items + 2, "no title"}, {items + 3, "no title"}};
    rows.totals = {items + 2, items, 2, 0};
    value_of(jobs.add_items(id, "node", rows, now_ms));
  }

  void queue(const std::string& id) {
    if (const auto made = jobs.create({.id = id, .library = id, .source = "uploads/" + id}, now_ms); !made)
      throw std::runtime_error{made.error().message};
  }

  /// The job's owner tells something; the desk hears of it.
  void tell(const std::string& id, const std::string& data = "{}") {
    value_of(jobs.append(id, "node", {0, "progress", 0, data}, now_ms));
    news(id);
  }

  void news(const std::string& id) {
    caf::anon_send(actor, desk_news{id});
    work();
  }

  void complete(const std::string& id) {
    value_of(jobs.complete(id, "node", {}, now_ms));
    news(id);
  }

  [[nodiscard]] std::int64_t counted(const std::string& name) {
    std::int64_t out = -1;
    auto asking = self->request(actor, caf::infinite, stats_atom::value);
    settle();
    asking.receive(
      [&](const metrics& all) {
        for (const auto& m : all)
          if (m.name == name)
            out = m.value;
      },
      [](const caf::error&) {});
    return out;
  }

  std::unique_ptr<storage::sqlite::database> open() {
    return value_of(storage::sqlite::database::open({.path = dir.file("jobs.db")}));
  }

private:
  std::unique_ptr<storage::sqlite::database> create() {
    auto db = open();
    const auto known = value_of(storage::parse_migrations(storage::built_in_migrations()));
    if (auto done = storage::migrate_up(*db, known, 1); !done)
      throw std::runtime_error{done.error().message};
    return db;
  }

  // On the server's thread.
  void on_visit(const std::function<void(visit)>& desk_takes, visit v) {
    const auto shared = std::make_shared<visit>(std::move(v));
    shared->stream = [this, begin = std::move(shared->stream)](
                       http::exchange& e, http::response&& head, http::stream_calls calls) {
      const auto later = [this](std::function<void()> call) -> std::function<void()> {
        return [this, call = std::move(call)] { hand(call); };
      };
      return begin(e, std::move(head), {later(calls.on_room), later(calls.on_over), later(calls.on_drain)});
    };
    hand([desk_takes, shared] { desk_takes(std::move(*shared)); });
    const std::lock_guard lock{mutex_};
    ++visits_;
  }

  void hand(std::function<void()> work) {
    const std::lock_guard lock{mutex_};
    handed_.push_back(std::move(work));
  }

  void hand_on() {
    std::deque<std::function<void()>> all;
    {
      const std::lock_guard lock{mutex_};
      all.swap(handed_);
    }
    for (const auto& each : all)
      each();
  }

  std::size_t visits() {
    const std::lock_guard lock{mutex_};
    return visits_;
  }

  std::mutex mutex_;
  std::deque<std::function<void()>> handed_;
  std::size_t visits_ = 0;
};

} // namespace troupe::test
