// How far a job is, how fast, how long it will still take, and what goes wrong; and when that is worth an event. The
// rate is that of the last half minute, so that a job that was paused, or that has just met a slow provider, says what
// is true now. Everything is bounded and in integers: a hundredth percent, items in 1,000 seconds, milliseconds.
// Invariant: at most one event a second, and one for each percent: 101 in a phase.
// Pure: `now` is an argument, of a monotonic clock.
#pragma once

#include "messages/job.hpp"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// A moment of a job. Unknown numbers are -1.
struct progress_view {
  std::string phase;
  job_counts counts;
  std::int64_t percent_hundredths = -1; // of the items, done or failed; 10,000 is all
  std::int64_t items_per_1000_s = -1;
  std::int64_t left_ms = -1;
  std::vector<std::pair<std::string, std::int64_t>> errors; // by cause, the most frequent first

  friend bool operator==(const progress_view&, const progress_view&) = default;
};

/// As JSON: {"phase","counts":{"rows",...},"percent_hundredths","items_per_1000_s","left_ms","errors":{cause:count}}.
/// Unknown numbers are left out.
[[nodiscard]] std::string to_json(const progress_view& p);

/// The counts of a job: {"rows","accepted","rejected","duplicates","items","claimed","done","failed","hits","hot",
/// "cold"}.
[[nodiscard]] nlohmann::ordered_json counts_json(const job_counts& c);
/// The same as text.
[[nodiscard]] std::string to_json(const job_counts& c);

class job_progress {
public:
  using time = std::chrono::nanoseconds; // of a monotonic clock, since any fixed point

  static constexpr std::size_t most_causes = 16; // what comes after them is "other"

  /// A job that begins, or goes on: what it has done already says nothing of its rate, and is not told again.
  job_progress(std::string phase, const job_counts& counts, time now);

  /// Its next phase. The rate begins anew.
  void enter(std::string phase, time now);

  /// Where it stands now: the counts as storage has them. They may go back (a parser that began again): then the rate
  /// begins anew.
  void update(const job_counts& counts, time now);

  /// An item failed, or a row was refused, for this reason: an ec's name, or another word of a small set.
  void failed(std::string_view cause, std::int64_t times = 1);

  /// Whether an event is worth appending: a second has passed since the last, and a percent has been done. Where nobody
  /// knows how much there is (while parsing), the steps are of ever more rows: the 1-2-5 series.
  [[nodiscard]] bool is_due(time now) const;

  /// What to append; is_due() is false then for a while.
  [[nodiscard]] progress_view tell(time now);

  /// The same for whoever asks, without consequence.
  [[nodiscard]] progress_view view(time now) const;

private:
  struct sample {
    time at{};
    std::int64_t ended = 0;
  };
  // The window's ends move by a thirtieth of it.
  static constexpr std::size_t samples = 31;
  static constexpr time sample_every = std::chrono::seconds{1};

  [[nodiscard]] std::int64_t ended() const noexcept { return counts_.done + counts_.failed; }
  /// In which steps events come: percent, or of the series.
  [[nodiscard]] std::int64_t step() const noexcept;
  void begin_window(time now);
  [[nodiscard]] const sample& oldest(time now) const;

  std::string phase_;
  job_counts counts_;
  std::array<sample, samples> window_{}; // a ring
  std::size_t newest_ = 0;
  std::size_t held_ = 0;
  time told_at_{};
  std::int64_t told_step_ = 0;
  std::map<std::string, std::int64_t, std::less<>> causes_;
  std::int64_t other_causes_ = 0;
};

} // namespace troupe
