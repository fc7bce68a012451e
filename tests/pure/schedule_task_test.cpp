#define TEST_SUITE schedule_task
#include "tests/support/test.hpp"

#include "actors/scheduler/schedule_task.hpp"

#include <stdexcept>
#include <vector>

using namespace troupe;

namespace {

/// How a task ended, each time that it was told: "ok 12 books", "internal no disk".
std::vector<std::string> told(const schedule_task& task) {
  auto lines = std::vector<std::string>{};
  run_task(task, {}, [&](const result<std::string>& r) {
    lines.push_back(r ? "ok " + r.value() : std::string{to_string(r.error().code)} + ' ' + r.error().message);
  });
  return lines;
}

using texts = std::vector<std::string>;

} // namespace

TEST(a task ends once whatever it says after that) {
  CHECK_EQ(told([](const run_context&, const run_completion& done) {
    done(std::string{"12 books"});
    done(fail(ec::storage_failed, "second"));
  }),
    texts{"ok 12 books"});
  CHECK_EQ(told([](const run_context&, const run_completion& done) {
    done(fail(ec::storage_failed, "full"));
    throw std::runtime_error{"after that"};
  }),
    texts{"storage_failed full"});
}

TEST(a task that throws or drops its completion has failed) {
  CHECK_EQ(told([](const run_context&, const run_completion&) { throw std::runtime_error{"no disk"}; }),
    texts{"internal no disk"});
  CHECK_EQ(
    told([](const run_context&, const run_completion&) { throw 7; }), texts{"internal an exception of no known type"});
  CHECK_EQ(told([](const run_context&, const run_completion&) {}), texts{"internal the task dropped its completion"});
}

TEST(what a task says is kept short and well formed) {
  CHECK_EQ(for_history(std::string{"a\0b", 3}), "ab");
  CHECK_EQ(for_history(std::string(1'000, 'x')).size(), 1'000U);
  auto accents = std::string{"x"};
  for (int i = 0; i < 600; ++i)
    accents += "\u00e9"; // of two bytes, the second of which would be the 1,001st
  const auto kept = for_history(accents);
  CHECK_EQ(kept.size(), 999U);
  CHECK(kept == accents.substr(0, 999));
}
