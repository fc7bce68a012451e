// How many extra calls may be made: a share of the calls that were asked for in the last ten seconds, and a floor, so
// that a quiet provider may be retried too (Finagle's RetryBudget: 20 % and 10 a second). When an upstream is down,
// retries then add a fifth to its load instead of doubling it. Integers; pure: `now` is an argument.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace troupe {

class call_budget {
public:
  using time = std::chrono::steady_clock::time_point;

  /// `percent` of the calls, and `floor` a second on top.
  call_budget(int percent, int floor) noexcept : percent_{percent}, floor_{floor} {}

  /// A call was asked for.
  void deposit(time now) noexcept { slice(now).earned += percent_; }

  /// Takes one extra call, if there is one.
  [[nodiscard]] bool withdraw(time now) noexcept;

  /// Extra calls that are left.
  [[nodiscard]] std::int64_t left(time now) const noexcept;

private:
  static constexpr std::int64_t seconds = 10; // Finagle's time to live of a deposit
  static constexpr std::int64_t call = 100;   // hundredths, so that a percent is a whole number

  struct counts {
    std::int64_t second = -1;
    std::int64_t earned = 0;
    std::int64_t spent = 0;
  };

  [[nodiscard]] static std::int64_t second_of(time now) noexcept {
    return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  }
  [[nodiscard]] counts& slice(time now) noexcept;

  int percent_;
  int floor_;
  std::array<counts, seconds> slices_{};
};

} // namespace troupe
