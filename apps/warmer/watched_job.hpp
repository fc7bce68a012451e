// A job as its events tell it to somebody who watches, and that as text: one line of progress, and how it ended. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// Unknown numbers are -1, unknown texts empty.
struct watched_job {
  std::string state;
  std::string phase;
  std::map<std::string, std::int64_t> counts;
  std::int64_t percent_hundredths = -1;
  std::int64_t items_per_1000_s = -1;
  std::int64_t left_ms = -1;
  std::vector<std::pair<std::string, std::int64_t>> errors; ///< by cause
  std::string message;                                      ///< why it failed
  bool ended = false;

  [[nodiscard]] std::int64_t count(const std::string& name) const;
  /// Ended as it should.
  [[nodiscard]] bool succeeded() const { return ended && state == "done"; }
};

/// What an event says: "state", "phase", "progress", and at the end "done" or "error" (also of a job that was
/// cancelled). Others, and data that is no JSON object, change nothing, but for an end.
void note(watched_job& job, std::string_view event, std::string_view data);

/// "warming  [######------]  50.00 %  500 of 1,000  8.5/s  59 s left  3 failed", cut to `columns`.
[[nodiscard]] std::string progress_line(const watched_job& job, std::size_t columns);

/// How it ended, for people: a line, then one for each cause of failure.
[[nodiscard]] std::string ending_of(const watched_job& job);

/// {"job_id","state","phase","counts":{...},"errors":{cause:count},"message"}; what is unknown is left out.
[[nodiscard]] std::string to_json(const watched_job& job, std::string_view id);

/// "1,234,567"
[[nodiscard]] std::string with_commas(std::int64_t n);

/// Of the characters C0 and C1, and DEL: what a terminal obeys rather than shows (ECMA-48, 5.2 and 5.3).
[[nodiscard]] constexpr bool is_control(char32_t c) noexcept {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

/// What a terminal shows as it is: control characters become '?', ill-formed bytes U+FFFD.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace troupe
