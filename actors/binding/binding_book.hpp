// One binding of a service to another, as its owner decides over it (S2-54..57, S2-65, S2-72..79): may this call go
// out, does the other side have to be opened first, and what has been counted. The circuit is supervision: the session
// on the other side dies of its own failures, `restart_policy` says when the next may live; here only silence
// and what cannot be used are judged, which the other side cannot see. Each actor that holds a binding has a book and a
// session of its own; circuit, rate and concurrency they have in common, so that a binding has one truth, however many
// hold it. Pure: `now` is an argument.
#pragma once

#include "actors/circuit/health.hpp"
#include "actors/circuit/restart_policy.hpp"
#include "messages/histogram.hpp"
#include "messages/metric.hpp"
#include "messages/result.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace troupe {

struct binding_settings {
  std::string caller;     // the service that binds
  std::string name;       // "ISBNDB_WORKER": by which it calls what is bound
  std::string service;    // what is bound
  std::string entrypoint; // empty: the default one
  int failures = 3;       // in a row (S2-54)
  circuit_settings circuit{};
  std::chrono::microseconds timeout{std::chrono::seconds{10}}; // of a call (S2-75), if its deadline leaves so much
  int concurrency = 256;                                       // calls under way at once
  std::int64_t rate = 0;                                       // calls a second (S2-79); 0: no bound
  std::chrono::microseconds usual{0}; // that a caller has for one, where that is less than the time-out; 0: it is not
};

/// A call with this much time is in no hurry, however long its binding's time-out is.
inline constexpr std::chrono::microseconds never_hurried{2'500'000};

/// What the bindings of one name have counted, in all lives of the service that binds.
struct binding_counters {
  std::atomic<std::int64_t> calls{0};
  std::atomic<std::int64_t> successful{0};
  std::atomic<std::int64_t> failed{0};
  std::atomic<std::int64_t> cancelled{0}; // nobody waited for them any more
  std::atomic<std::int64_t> timeouts{0};
  std::atomic<std::int64_t> refused{0}; // not sent: circuit open, too many under way, over the rate
  std::atomic<std::int64_t> trips{0};
  std::atomic<std::int64_t> answered{0};                   // in time, whatever the answer
  std::atomic<std::int64_t> total_us{0};                   // of those
  std::atomic<circuit_state> state{circuit_state::closed}; // as it last changed

  /// Microseconds of an answered call; 0 before the first.
  [[nodiscard]] std::int64_t average_us() const noexcept;
};

/// What all who hold a binding have in common. Any thread.
struct shared_binding : binding_counters {
  std::mutex guard;                      // of what follows
  std::optional<restart_policy> circuit; // the first book makes it; its generation counts how often it opened
  int under_way = 0;
  std::chrono::steady_clock::time_point
    next_due{}; // of the rate: when a call would be due, were they evenly spaced (GCRA)
};

/// Adds what a binding has counted, under the names that operators of the hosted original know (S2-63..65), shares in
/// parts per million.
void append(metrics& out, const binding_settings& of, const binding_counters& counted);

class binding_book {
public:
  using time = std::chrono::steady_clock::time_point;

  binding_book(binding_settings settings, std::shared_ptr<shared_binding> shared, std::uint64_t seed);

  /// A call that may go out.
  struct ticket {
    std::uint64_t generation = 0; // of the circuit: what was sent before it opened is no verdict on what came after
    time until;                   // after that, nobody waits for it
    std::chrono::microseconds remaining{0};
    bool probe = false;
    bool hurried = false; // so little time that its failure says nothing: any client may ask for it (X-Request-Timeout)
  };

  /// May a call with so much time go out now? circuit_open ("Circuit breaker OPEN for ...", S2-56), overloaded,
  /// permit_refused (over its rate) or deadline_exceeded if not. Every ticket is given back with one of the next three.
  [[nodiscard]] result<ticket> admit(time now, std::chrono::microseconds remaining);

  /// It was answered: `verdict` as verdict_of() has it.
  void answered(const ticket& t, time now, std::chrono::microseconds took, ec verdict);
  /// Its time was over and no answer had come. True: the session has been silent too often; it is to be ended.
  [[nodiscard]] bool silent(const ticket& t, time now, std::chrono::microseconds took);
  /// It was answered with what cannot be used, which the session thinks is fine. True: as above.
  [[nodiscard]] bool malformed(const ticket& t, time now, std::chrono::microseconds took);
  /// It ended without a verdict: nobody waits for it any more (ec::cancelled), or it went with its session.
  void abandoned(const ticket& t, ec why);

  /// A session is opened.
  void opened();
  /// A session died, or could not be opened, that was opened in this generation or has been called since. True: the
  /// circuit opened.
  bool died(std::uint64_t generation, time now);

  [[nodiscard]] const binding_settings& settings() const noexcept { return settings_; }
  [[nodiscard]] const binding_counters& counters() const noexcept { return *shared_; }
  /// Of the circuit, now.
  [[nodiscard]] std::uint64_t generation() const;
  /// How long until what was refused may be asked again; zero: at any moment.
  [[nodiscard]] std::chrono::nanoseconds retry_after(time now) const;

private:
  void note_state() noexcept;
  void ended(const ticket& t, bool frees_probe);
  [[nodiscard]] std::chrono::nanoseconds tolerance() const noexcept;
  [[nodiscard]] bool judge(const ticket& t, time now, ec failure, std::chrono::microseconds took);

  binding_settings settings_;
  std::shared_ptr<shared_binding> shared_;
  health silence_; // of our own session
};

} // namespace troupe
