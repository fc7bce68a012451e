// Schedules: why a run began, how it ended, what is remembered of it. Standard library alone. Times are Unix
// milliseconds; 0: not yet.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

enum class run_cause : std::uint8_t {
  cron,     ///< its moment came
  manual,   ///< somebody asked for it
  catch_up, ///< its moment had passed while nobody was there
};
inline constexpr std::array<std::string_view, 3> run_causes{"cron", "manual", "catch_up"};

[[nodiscard]] constexpr std::string_view to_string(run_cause c) noexcept {
  return run_causes.at(static_cast<std::size_t>(c));
}

enum class run_outcome : std::uint8_t { running, ok, failed, skipped };
inline constexpr std::array<std::string_view, 4> run_outcomes{"running", "ok", "failed", "skipped"};

[[nodiscard]] constexpr std::string_view to_string(run_outcome o) noexcept {
  return run_outcomes.at(static_cast<std::size_t>(o));
}

struct schedule_run {
  std::string name;
  std::int64_t n = 0; // from 1, of its schedule
  std::int64_t due_ms = 0;
  std::int64_t started_ms = 0;
  std::int64_t ended_ms = 0;
  run_cause cause = run_cause::cron;
  run_outcome outcome = run_outcome::running;
  std::string message;
  std::string owner; // who runs it

  friend bool operator==(const schedule_run&, const schedule_run&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, schedule_run& x) {
  return f(x.name, x.n, x.due_ms, x.started_ms, x.ended_ms, x.cause, x.outcome, x.message, x.owner);
}

} // namespace troupe
