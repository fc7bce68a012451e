// The pool with real processes: this test program is also the mapper (tests/support/main.cpp).
#define TEST_SUITE jq_pool
#include "tests/support/results.hpp"
#include "tests/support/test.hpp"

#include "actors/jq/pool.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr auto for_ever = std::chrono::hours{1};

std::vector<pid_t> children() {
  std::vector<pid_t> out;
  for (const auto& each : std::filesystem::directory_iterator{"/proc"}) {
    std::ifstream stat{each.path() / "stat"};
    std::string pid;
    std::string name;
    std::string state;
    pid_t parent = 0;
    // "12 (troupe_core_te) S 11": the name holds no blank
    if (stat >> pid >> name >> state >> parent && parent == ::getpid())
      out.push_back(std::stoi(pid));
  }
  return out;
}

struct world {
  std::vector<pid_t> others = children(); // a database's server, say
  std::unique_ptr<jq::pool> pool;

  std::vector<pid_t> mappers() const {
    auto out = children();
    std::erase_if(out, [&](pid_t each) { return std::find(others.begin(), others.end(), each) != others.end(); });
    return out;
  }

  void start(std::vector<std::string> programs, std::size_t workers = 1, std::chrono::microseconds timeout = 10s,
    std::size_t queue = 100) {
    jq::pool_settings s;
    s.programs = std::move(programs);
    s.workers = workers;
    s.queue = queue;
    s.process.timeout = timeout;
    s.process.memory = 64 << 20;
    pool = std::make_unique<jq::pool>(std::move(s));
  }

  std::future<result<std::string>> ask(
    std::size_t program, std::string body, std::chrono::nanoseconds time = for_ever) {
    auto promise = std::make_shared<std::promise<result<std::string>>>();
    auto future = promise->get_future();
    pool->map(program, blob{std::move(body)}, std::chrono::steady_clock::now() + time,
      [promise](result<std::string> r) { promise->set_value(std::move(r)); });
    return future;
  }

  std::string map(std::size_t program, std::string body) { return test::value_of(ask(program, std::move(body)).get()); }
  error failure(std::size_t program, std::string body, std::chrono::nanoseconds time = for_ever) {
    return test::error_of(ask(program, std::move(body), time).get());
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(jq_pool_tests, world)

TEST(a program maps one output and many and none) {
  start({".a", ".[]", "empty", "{b, a}"});
  CHECK_EQ(map(0, R"({"a":{"x":1}})"), R"({"x":1})");
  CHECK_EQ(map(1, "[1,2]"), "[1,2]");
  CHECK_EQ(map(1, "[1]"), "1");
  CHECK_EQ(map(2, "{}"), "null");
  CHECK_EQ(map(3, R"({"a":1,"b":"ü"})"), R"({"b":"ü","a":1})");
  CHECK_EQ(pool->count().mapped, 5);
}

TEST(a body that is no JSON and a program that fails on one concern that body alone) {
  start({".a.b", R"(error("no list"))"});
  const auto html = failure(0, "<html>");
  CHECK(html.code == ec::provider_malformed);
  CHECK(html.message.starts_with("the body is no JSON: "));
  CHECK_EQ(failure(0, R"({"a":[]})").message, "the jq program failed: Cannot index array with string \"b\"");
  CHECK_EQ(failure(1, "{}").message, "the jq program failed: no list");
  CHECK_EQ(map(0, R"({"a":{"b":2}})"), "2");
  CHECK_EQ(pool->count().failed, 3);
  CHECK_EQ(pool->count().crashed + pool->count().killed, 0);
}

TEST(a program without an end is killed at the deadline and the others go on) {
  start({"def f: f; f", ".a"}, 2, 200ms);
  auto hung = ask(0, "{}");
  CHECK_EQ(map(1, R"({"a":1})"), "1");
  const auto late = test::error_of(hung.get());
  CHECK(late.code == ec::provider_malformed);
  CHECK_EQ(late.message, "the jq program took longer than 200ms");
  for (int i = 0; i < 4; ++i) // by whichever process
    CHECK_EQ(map(1, R"({"a":2})"), "2");
  CHECK_EQ(pool->count().killed, 1);
}

TEST(a deadline of the request that ends first is no verdict on the provider) {
  start({"def f: f; f"});
  CHECK(failure(0, "{}", 50ms).code == ec::deadline_exceeded);
}

TEST(a program that takes too much memory ends its process and a new one serves the next body) {
  start({"reduce range(40) as $i (\"x\"; . + .)", "."});
  const auto out_of_memory = failure(0, "null");
  CHECK(out_of_memory.code == ec::provider_malformed);
  CHECK_EQ(map(1, "[2]"), "[2]");
#ifndef TROUPE_SANITIZED
  CHECK_EQ(out_of_memory.message, "the mapper's process crashed (Aborted); it may need more than its 64 MiB");
  CHECK_EQ(pool->count().crashed, 1);
#endif
}

TEST(a mapper sees no environment and no files and no other input) {
  ::setenv("TROUPE_SECRET_OF_TEST", "hidden", 1);
  start({"$ENV|length", "input_filename", "try input catch .", "debug", "[inputs]"});
  CHECK_EQ(map(0, "null"), "0");
  CHECK_EQ(map(1, "null"), "null");
  CHECK_EQ(map(2, "null"), "\"break\"");
  CHECK_EQ(map(3, "1"), "1");
  CHECK_EQ(map(4, "1"), "[]");
}

TEST(a process that is killed from outside is replaced) {
  start({"."});
  CHECK_EQ(map(0, "1"), "1");
  const auto before = mappers();
  REQUIRE_EQ(before.size(), 1u);
  ::kill(before.front(), SIGKILL);
  // The body that comes while it dies may be lost with it; the next one is not.
  static_cast<void>(ask(0, "2").get());
  CHECK_EQ(map(0, "3"), "3");
  CHECK_EQ(mappers().size(), 1u);
  CHECK(mappers() != before);
  pool.reset();
  CHECK(mappers().empty());
}

TEST(a full queue refuses at once and a pool that ends answers everybody) {
  start({"def f: f; f"}, 1, for_ever, 2);
  std::vector<std::future<result<std::string>>> open;
  for (int i = 0; i < 4; ++i)
    open.push_back(ask(0, "{}"));
  // One may be running by now; of four, at most three have a place.
  CHECK(test::error_of(open.back().get()).code == ec::overloaded);
  open.pop_back();
  pool.reset();
  for (auto& each : open) {
    const auto code = test::error_of(each.get()).code;
    CHECK(code == ec::cancelled || code == ec::overloaded);
  }
}

TEST(what waits beyond its deadline is answered without a process) {
  start({"def f: f; f", "."}, 1, 300ms);
  auto running = ask(0, "{}");
  auto waiting = ask(1, "{}", 1ms);
  CHECK(test::error_of(running.get()).code == ec::provider_malformed);
  CHECK(test::error_of(waiting.get()).code == ec::deadline_exceeded);
}

TEST(each program is checked on its own with its line) {
  const auto said = test::value_of(jq::check_programs(
    {}, {".a", "{a: .b,\n c: }", "import \"x\" as x; .", "foo(1)", "", std::string{"a\0b", 3}, ".b"}));
  REQUIRE_EQ(said.size(), 7u);
  CHECK_EQ(said[0], "");
  CHECK_EQ(said[1], "line 2: syntax error, unexpected '}'");
  CHECK(!said[2].empty());
  CHECK_EQ(said[3], "line 1: foo/1 is not defined");
  CHECK_EQ(said[4], "");
  CHECK_EQ(said[5], "line 1: a NUL byte in it");
  CHECK_EQ(said[6], "");
}

TEST(a program that is not there is said in the answer) {
  jq::pool_settings s;
  s.process.program = "/nowhere/troupe";
  s.programs = {"."};
  pool = std::make_unique<jq::pool>(std::move(s));
  const auto e = failure(0, "{}");
  CHECK(e.code == ec::internal);
  CHECK(e.message.find("/nowhere/troupe") != std::string::npos);
}

CAF_TEST_FIXTURE_SCOPE_END()
