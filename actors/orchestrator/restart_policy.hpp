// When may a dead provider live again? This is the circuit breaker, seen from its supervisor (S0-39..44). Closed: the
// provider runs. It dies: open, for `open` long. Then, lazily, the next request makes it half-open: the provider is
// restarted on probation and that one request is its probe. The probe succeeds: closed. It dies again: open again. A
// probe without verdict (cancelled, refused a permit) frees the slot for the next one.
// Every life has a generation; what arrives from an earlier one changes nothing. Pure: `now` is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace troupe {

enum class circuit_state : std::uint8_t { closed, open, half_open };

[[nodiscard]] std::string_view to_string(circuit_state s) noexcept;

class restart_policy {
public:
  using time = std::chrono::steady_clock::time_point;

  enum class leave : std::uint8_t {
    no,    ///< do not ask this provider
    call,  ///< ask it
    probe, ///< ask it, and tell the policy how this one call ended
  };

  /// Starts closed, with no life yet.
  explicit restart_policy(std::chrono::nanoseconds open) noexcept : open_{open} {}

  /// A provider was started; returns the generation of its life.
  std::uint64_t started() noexcept { return ++generation_; }

  /// May this request ask the provider? `probe` takes the only probe slot.
  [[nodiscard]] leave may_call(time now) noexcept;

  /// The provider of that generation died. True: the circuit opened (a transition to report).
  bool died(std::uint64_t generation, time now) noexcept;

  /// The probe was answered. True: the circuit closed.
  bool probe_succeeded(std::uint64_t generation) noexcept;

  /// The probe ended without a verdict; the next request may probe.
  void probe_cancelled(std::uint64_t generation) noexcept;

  [[nodiscard]] circuit_state state() const noexcept { return state_; }
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  [[nodiscard]] std::uint64_t trips() const noexcept { return trips_; }

  /// How long until a request may probe; zero when one may be asked now.
  [[nodiscard]] std::chrono::nanoseconds wait(time now) const noexcept;

private:
  void transition_to(circuit_state next) noexcept;

  std::chrono::nanoseconds open_;
  circuit_state state_ = circuit_state::closed;
  bool probing_ = false;
  time open_until_{};
  std::uint64_t generation_ = 0;
  std::uint64_t trips_ = 0;
};

} // namespace troupe
