// When may a dead provider live again? This is the circuit breaker, seen from its supervisor (S0-39..44, C-06..08).
// Closed: the provider runs. It dies: open, each time in a row for longer, with jitter, so that many nodes do not come
// back at once. Then, lazily, the next request makes it half-open: the provider is restarted on probation, one call at
// a time, each a probe. So many successes: ramping, a growing share of the traffic; then closed. It dies in between:
// open again. A probe without verdict (cancelled, refused a permit) frees the slot for the next one. By hand it can be
// tripped, and stays open then, and reset.
// Every life has a generation; what arrives from an earlier one changes nothing. Pure: `now` is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

namespace troupe {

enum class circuit_state : std::uint8_t { closed, open, half_open, ramping };

[[nodiscard]] std::string_view to_string(circuit_state s) noexcept;

struct circuit_settings {
  std::chrono::nanoseconds open{std::chrono::seconds{60}};      // the first time; doubles each time in a row
  std::chrono::nanoseconds longest{std::chrono::seconds{600}};  // but to no more than this
  int jitter_percent = 10;                                      // of the open time, either way
  int successes = 2;                                            // of probes, and the ramp begins
  std::vector<int> ramp{10, 25, 50};                            // percent of the traffic; then all of it
  std::chrono::nanoseconds ramp_step{std::chrono::seconds{10}}; // how long each lasts
};

class restart_policy {
public:
  using time = std::chrono::steady_clock::time_point;

  enum class leave : std::uint8_t {
    no,    ///< do not ask this provider
    call,  ///< ask it
    probe, ///< ask it, and tell the policy how this one call ended
  };

  /// Starts closed, with no life yet. `seed` is for the jitter alone.
  explicit restart_policy(circuit_settings cfg, std::uint64_t seed = 0)
      : cfg_{std::move(cfg)}, random_{static_cast<std::uint32_t>(seed)} {}

  /// A provider was started; returns the generation of its life.
  std::uint64_t started() noexcept { return ++generation_; }

  /// May this request ask the provider? `probe` takes the only probe slot. Allocates nothing.
  [[nodiscard]] leave may_call(time now) noexcept;

  /// The provider of that generation died, or takes no more calls. True: the circuit opened (a transition to report).
  bool died(std::uint64_t generation, time now) noexcept;

  /// A probe was answered. True: it was the last one needed, the ramp begins.
  bool probe_succeeded(std::uint64_t generation, time now) noexcept;

  /// The probe ended without a verdict; the next request may probe.
  void probe_cancelled(std::uint64_t generation) noexcept;

  /// Opens the circuit until reset(), whatever its state.
  void trip() noexcept;

  /// Closes it and forgets its past, whatever its state.
  void reset() noexcept;

  [[nodiscard]] circuit_state state() const noexcept { return state_; }
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  [[nodiscard]] std::uint64_t trips() const noexcept { return trips_; }
  /// Tripped by hand.
  [[nodiscard]] bool held() const noexcept { return held_; }

  /// How long until a request may probe; zero when one may be asked now. Of a held one: the open time, for want of a
  /// better guess.
  [[nodiscard]] std::chrono::nanoseconds wait(time now) const noexcept;

private:
  void transition_to(circuit_state next) noexcept;
  [[nodiscard]] std::chrono::nanoseconds next_open_time() noexcept;
  [[nodiscard]] bool in_share(time now) noexcept;

  circuit_settings cfg_;
  std::mt19937 random_;
  circuit_state state_ = circuit_state::closed;
  bool probing_ = false;
  bool held_ = false;
  int successes_ = 0;      // of probes, while half-open
  int trips_in_a_row_ = 0; // since it was last closed for all traffic
  int credit_ = 0;         // while ramping: a hundred lets one call through
  time open_until_{};
  time ramp_since_{};
  std::uint64_t generation_ = 0;
  std::uint64_t trips_ = 0;
};

} // namespace troupe
