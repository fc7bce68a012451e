// Schedules: up to which moment each is taken care of, and what became of its runs. Written once, against `sql`;
// migration 0005 makes the tables. Any number of nodes may share them.
//
// Invariants: of all nodes one gets a due moment, once; the moment that is taken care of only moves forward (but for
// rewind); a schedule has one run under way, whichever node has it. A run whose owner has died is closed as failed
// ("interrupted"): when that node starts again, or when somebody begins the next run and the owner has not said for too
// long that it still works.
#pragma once

#include "messages/result.hpp"
#include "messages/schedule.hpp"
#include "storage/sql.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

struct schedule_page {
  std::vector<schedule_run> runs; // newest first
  std::string cursor;             // opaque; empty: nothing follows
};

struct schedule_standing {
  schedule_run last;      // the newest entry of its history, which may be one that was skipped
  bool under_way = false; // somebody runs it, and his word is still taken for it
};

/// What came of an attempt to begin a run.
struct begun {
  enum class how : std::uint8_t {
    started, ///< run it, and end it with `n`
    taken,   ///< the moment is taken care of already: somebody else was faster
    busy,    ///< the previous run is under way: the moment is noted as skipped (a manual run is not noted)
  };
  how what = how::taken;
  std::int64_t n = 0; // of the run, when it has started
};

/// Errors are those of `sql`. Holds a reference: the database outlives the repository.
class schedules_repository {
public:
  /// @param keep so many runs of each schedule are kept, the last ones; at least 1.
  explicit schedules_repository(sql& db, std::int64_t keep = 100) noexcept : db_{db}, keep_{keep > 0 ? keep : 1} {}

  /// The last due moment of each schedule that was taken care of, by its name.
  [[nodiscard]] result<std::map<std::string, std::int64_t>> moments();

  /// Takes a due moment and begins its run. A manual run takes none: `due_ms` is when it was asked for.
  /// @param until_ms so long the owner's word is taken that it works; see renew.
  [[nodiscard]] result<begun> begin(std::string_view name, std::int64_t due_ms, run_cause cause, std::string_view owner,
    std::int64_t now_ms, std::int64_t until_ms);

  /// Takes a due moment and notes that it is not run, and why. False: it is taken care of already.
  [[nodiscard]] result<bool> skip(std::string_view name, std::int64_t due_ms, run_cause cause, std::string_view why,
    std::string_view owner, std::int64_t now_ms);

  /// Closes a run, as ok or failed. False: it is not under way (any more).
  [[nodiscard]] result<bool> end(
    std::string_view name, std::int64_t n, run_outcome how, std::string_view message, std::int64_t now_ms);

  /// The owner still works on it. False: it is not under way (any more).
  [[nodiscard]] result<bool> renew(std::string_view name, std::int64_t n, std::int64_t until_ms);

  /// For an owner who asked for a run of this moment and did not hear that it was begun: closes it, if it was. How many
  /// that were.
  [[nodiscard]] result<std::int64_t> disown(
    std::string_view name, std::string_view owner, std::int64_t due_ms, std::int64_t now_ms);

  /// For the start of a node: closes what it had under way when it died. How many that were.
  [[nodiscard]] result<std::int64_t> close_interrupted(std::string_view owner, std::int64_t now_ms);

  /// Sets the moment back, for a clock that had been far ahead.
  [[nodiscard]] result<void> rewind(std::string_view name, std::int64_t due_ms);

  /// How each schedule stands that has a history, by its name.
  [[nodiscard]] result<std::map<std::string, schedule_standing>> standing(std::int64_t now_ms);

  /// Newest first. @param limit 1 to 1,000. Fails with ec::bad_request for a cursor that no history gave.
  [[nodiscard]] result<schedule_page> history(std::string_view name, std::int64_t limit, std::string_view cursor = {});

private:
  struct entry;
  result<entry> read(std::string_view name);
  result<bool> write(const entry& was, std::int64_t due_ms, const schedule_run& run, std::int64_t until_ms);
  result<begun> note(schedule_run run, std::int64_t until_ms);

  sql& db_;
  std::int64_t keep_;
};

} // namespace troupe::storage
