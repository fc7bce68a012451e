// A fixture for tests of actors: CAF's deterministic scheduler with virtual time. Nothing runs until run() is called,
// and then everything does, on this thread; advance(d) moves the clock and fires what is due.
#pragma once

// CAF's dsl.hpp needs this name, and tests do not.
#define FAIL CAF_FAIL
#include <caf/test/dsl.hpp>

#include "messages/all_types.hpp"
#include "messages/common.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

namespace troupe::test {

struct config : caf::actor_system_config {
  config() { troupe::add_message_types(*this); }
};

/// A logger whose lines a test can read.
struct log_lines {
  std::ostringstream text;
  std::shared_ptr<spdlog::logger> log = [this] {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(text);
    auto made = std::make_shared<spdlog::logger>("test", std::move(sink));
    made->set_pattern("%l %v");
    return made;
  }();

  [[nodiscard]] bool has(const std::string& part) const { return text.str().find(part) != std::string::npos; }
};

struct actors : test_coordinator_fixture<config> {
  log_lines lines;

  /// Moves the clock in steps, running what becomes due in between.
  void advance(std::chrono::nanoseconds by) {
    settle();
    sched.clock().advance_time(by);
    settle();
  }

  /// Runs `work` inside the actor `who`, whose handler for `message` must call run_inside(). A promise is delivered by
  /// its own actor only.
  template <class Handle, class Message = stats_atom>
  void inside(const Handle& who, std::function<void()> work, Message message = {}) {
    inside_ = std::move(work);
    caf::anon_send(who, std::move(message));
    settle();
  }

  metrics run_inside() {
    if (auto work = std::exchange(inside_, nullptr))
      work();
    return {};
  }

  /// Runs every message that is waiting, but fires no timer.
  void settle() {
    while (sched.try_run_once()) {
    }
  }

private:
  std::function<void()> inside_;
};

} // namespace troupe::test
