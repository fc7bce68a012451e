#include "actors/jq/pool.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>

namespace troupe::jq {
namespace {

using clock = std::chrono::steady_clock;

// Compiling takes 40 ms a program here, and the machine may be busy.
constexpr auto start_time = std::chrono::seconds{20};

std::string in_words(std::chrono::microseconds d) {
  return d.count() % 1'000'000 == 0 ? std::to_string(d.count() / 1'000'000) + "s"
                                    : std::to_string(d.count() / 1'000) + "ms";
}

} // namespace

pool::pool(pool_settings settings) : settings_{std::move(settings)}, stop_fd_{::eventfd(0, EFD_CLOEXEC)} {
  for (std::size_t i = 0; i < settings_.workers; ++i)
    threads_.emplace_back([this] { serve(); });
}

pool::~pool() {
  std::deque<job> left;
  {
    const std::lock_guard guard{mutex_};
    stopping_ = true;
    left.swap(queue_);
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_fd_, &one, sizeof one);
  arrived_.notify_all();
  for (auto& t : threads_)
    t.join();
  ::close(stop_fd_);
  for (auto& j : left)
    j.done(fail(ec::cancelled, "shutting down"));
}

void pool::map(std::size_t program, blob body, time deadline, callback done) {
  {
    const std::lock_guard guard{mutex_};
    if (!stopping_ && queue_.size() < settings_.queue) {
      queue_.push_back({program, std::move(body), deadline, std::move(done)});
      arrived_.notify_one();
      return;
    }
    ++counters_.refused;
  }
  done(fail(ec::overloaded, "too many bodies wait for a mapper"));
}

pool_counters pool::count() const {
  const std::lock_guard guard{mutex_};
  auto now = counters_;
  now.waiting = static_cast<std::int64_t>(queue_.size());
  return now;
}

// The next body in time; those that are late are answered.
std::optional<pool::job> pool::take() {
  for (;;) {
    std::unique_lock guard{mutex_};
    arrived_.wait(guard, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_)
      return std::nullopt;
    auto next = std::move(queue_.front());
    queue_.pop_front();
    if (next.deadline > clock::now()) {
      ++counters_.running;
      return next;
    }
    ++counters_.refused;
    guard.unlock();
    next.done(fail(ec::deadline_exceeded, "the deadline passed before a mapper was free"));
  }
}

// Empty: it runs, and has compiled every program; else why not.
std::string pool::start(child& process) const {
  if (auto started = process.start(settings_.process); !started)
    return started.error().message;
  const auto deadline = clock::now() + start_time;
  for (const auto& text : settings_.programs) {
    std::string out;
    append_frame(out, frame_kind::program, text);
    frame said;
    if (process.ask(out, deadline, stop_fd_, said) != child::ending::answered) {
      process.kill();
      return "a mapper's process does not start";
    }
  }
  return {};
}

error pool::lost(int signal) const {
  return {ec::provider_malformed,
    "the mapper's process crashed (" + std::string{signal == 0 ? "exit" : ::strsignal(signal)}
      + "); it may need more than its " + std::to_string(settings_.process.memory >> 20) + " MiB"};
}

result<std::string> pool::run(child& process, const job& j) {
  const auto began = clock::now();
  const auto own = began + settings_.process.timeout;
  std::string out;
  append_body_frame(out, static_cast<std::uint32_t>(j.program), j.body.view());
  frame said;
  const auto how = process.ask(out, std::min(own, j.deadline), stop_fd_, said);
  const int signal = how == child::ending::answered ? 0 : process.kill();
  const std::lock_guard guard{mutex_};
  counters_.busy_us += std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - began).count();
  switch (how) {
  case child::ending::answered:
    if (said.kind == frame_kind::good) {
      ++counters_.mapped;
      return std::move(said.payload);
    }
    ++counters_.failed;
    return fail(ec::provider_malformed, std::move(said.payload));
  case child::ending::late:
    ++counters_.killed;
    if (j.deadline < own)
      return fail(ec::deadline_exceeded, "the deadline passed while the mapper ran");
    return fail(ec::provider_malformed, "the jq program took longer than " + in_words(settings_.process.timeout));
  case child::ending::lost: {
    ++counters_.crashed;
    auto e = lost(signal);
    return fail(e.code, std::move(e.message));
  }
  case child::ending::stopped:
    break;
  }
  return fail(ec::cancelled, "shutting down");
}

void pool::serve() {
  child process;
  auto trouble = start(process);
  while (auto j = take()) {
    if (process.running() && process.hung_up()) { // killed from outside while it was idle
      process.kill();
      const std::lock_guard guard{mutex_};
      ++counters_.crashed;
    }
    if (!process.running())
      trouble = start(process);
    auto made = process.running() ? run(process, *j) : result<std::string>{fail(ec::internal, trouble)};
    {
      const std::lock_guard guard{mutex_};
      --counters_.running;
    }
    j->done(std::move(made));
    j.reset();
    if (!process.running())
      trouble = start(process); // while nobody waits for it, perhaps
  }
}

result<std::vector<std::string>> check_programs(
  const child_settings& settings, const std::vector<std::string>& programs) {
  std::vector<std::string> complaints;
  child process;
  for (const auto& text : programs) {
    if (!process.running())
      if (auto started = process.start(settings); !started)
        return started.as_failure();
    std::string out;
    append_frame(out, frame_kind::program, text);
    frame said;
    if (process.ask(out, clock::now() + start_time, -1, said) == child::ending::answered) {
      complaints.push_back(said.kind == frame_kind::good ? std::string{} : std::move(said.payload));
    } else {
      process.kill();
      complaints.emplace_back("line 1: jq ends while it compiles this (modules cannot be imported)");
    }
  }
  return complaints;
}

} // namespace troupe::jq
